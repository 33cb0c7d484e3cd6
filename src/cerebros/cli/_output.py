"""What is written: results to standard output, remarks to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

_WIDTH_OF_A_FILE = 160  # where there is no terminal to fit into


def say(text: str = "") -> None:
    """Write a line of the result."""
    print(text)


def note(text: str) -> None:
    """Write a remark that is not part of the result; if nobody reads it, no matter."""
    with suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)


def print_json(data: Any) -> None:
    """Write strict JSON: a number that is none, or infinite, becomes null.

    Characters that standard output cannot hold are escaped.
    """
    from cerebros.search import strict

    plain = strict(data)
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    if not _fits(text):
        text = json.dumps(plain, indent=2, allow_nan=False)
    print(text)


def _fits(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[str] = ()
) -> None:
    """Write rows of text below each other.

    Args:
        columns: headings.
        rows: a text for each column.
        left: columns of words; all others are numbers, and stand to the right.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout.isatty()
    width = None if is_terminal else _WIDTH_OF_A_FILE
    console = Console(file=sys.stdout, highlight=False, width=width)
    table = Table(box=SIMPLE_HEAD if is_terminal else None, pad_edge=is_terminal)
    for column in columns:
        is_word = column in left
        table.add_column(
            Text(column), justify="left" if is_word else "right", no_wrap=not is_word
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        if line.strip():
            print(line.rstrip())


def listed(names: Sequence[str], *, most: int = 20) -> str:
    """Names one below the other, as points of a list; of very many only the first."""
    shown = "".join(f"\n- {name}" for name in names[:most])
    n_more = len(names) - most
    return shown + (f"\n- and {n_more} more" if n_more > 0 else "")
