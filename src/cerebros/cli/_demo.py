"""`cerebros demo`: a search on a data set that comes with scikit-learn."""

from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path

from cerebros.cli import _search
from cerebros.cli._exit import Exit
from cerebros.cli._output import note
from cerebros.errors import StoreError
from cerebros.search import write_file

_TABLE = "digits.csv"
_SETTINGS = "--levels 2..4 --units 1..3 --neurons 8..32 --epochs 20 --patience 5"
_TRIALS, _QUICK_TRIALS = 8, 3
_QUICK_SETTINGS = "--levels 2..2 --units 1..2 --neurons 8..16 --epochs 5"


def run(arguments: Namespace) -> Exit:
    """Write the table, then do what `cerebros search` does with it."""
    from cerebros.cli._parser import make_parser

    folder = Path(arguments.out or "demo-search")
    table = folder / _TABLE
    _write_table(table)
    n_trials = arguments.trials or (_QUICK_TRIALS if arguments.quick else _TRIALS)
    command = [
        *("search", str(table), "--target", "digit", "--out", str(folder)),
        *("--trials", str(n_trials), "--seed", str(arguments.seed)),
        *(_QUICK_SETTINGS if arguments.quick else _SETTINGS).split(),
    ]
    if not arguments.quiet:
        note(
            "1,797 handwritten digits of 8 x 8 pixels, as a table: one column for\n"
            "each pixel, and the digit. The same as\n\n"
            f"  cerebros {shlex.join(command)}\n"
        )
    search = make_parser().parse_args(command)
    for name in ("time_budget", "progress", "quiet", "json", "debug"):
        setattr(search, name, getattr(arguments, name))
    return _search.run(search)


def _write_table(path: Path) -> None:
    """Write the digits as CSV, unless they are there already.

    Raises:
        StoreError: if another file has the name, or it cannot be written.
    """
    from sklearn.datasets import load_digits

    frame = load_digits(as_frame=True).frame.astype(int)
    text = frame.rename(columns={"target": "digit"}).to_csv(
        index=False, lineterminator="\n"
    )
    if not path.exists():
        write_file(path, text)
    elif path.read_bytes() != text.encode():
        raise StoreError(
            f"{path} is there already, and something else; use another --out"
        )
