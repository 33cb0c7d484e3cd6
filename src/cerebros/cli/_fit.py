"""`cerebros fit`: learn a table, and write one model file."""

from __future__ import annotations

import logging
import os
import re
import shlex
import warnings
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cerebros.cli._exit import Exit
from cerebros.cli._fit_table import FitTable, fit_table_of
from cerebros.cli._loading import load_whole
from cerebros.cli._model_file import SUFFIX
from cerebros.cli._output import note, print_json, print_table, say
from cerebros.errors import DataError, StoreError
from cerebros.jobs import TableFile, read_table
from cerebros.search import duration, number_text

if TYPE_CHECKING:
    import pandas as pd

    from cerebros.estimators import CerebrosClassifier, CerebrosRegressor

    Estimator = CerebrosRegressor | CerebrosClassifier

_USUAL_SECONDS = 60.0
_SHOWN = 10
_SILENCED = re.compile(r"silence this with ignore=\[(['\"])(.*)\1\]")


def run(arguments: Namespace) -> Exit:
    """Fit an estimator, tell what came of it, and write the model."""
    _check_arguments(arguments)
    table = read_table(arguments.table)
    path = _model_path(table, arguments)
    parts = fit_table_of(_cells(table, arguments), arguments)
    if arguments.class_weight and parts.task == "regression":
        raise ValueError(
            f"--class-weight is for classes, but this is a regression ({parts.reason})"
        )
    if not arguments.quiet:
        _explain(parts)
    try:
        estimator = _fitted(parts, arguments)
        estimator.save(path, {"reading": parts.reading.state()})
    except KeyboardInterrupt:
        note(f"\nInterrupted: {_kept(arguments)}")
        return Exit.INTERRUPTED
    if arguments.json:
        print_json(_data(estimator, parts, path))
    elif not arguments.quiet:
        _report(estimator, path, arguments)
    return Exit.DONE


def _cells(table: TableFile, arguments: Namespace) -> pd.DataFrame:
    """Cells as they stand in the file; `NA` and the like are missing but in texts."""
    return table.cells(lambda name: name not in arguments.text)


def _check_arguments(arguments: Namespace) -> None:
    if arguments.folds and arguments.holdout:
        raise ValueError("--folds and --holdout exclude each other; give one of them")


def _model_path(table: TableFile, arguments: Namespace) -> Path:
    """Where the model goes; that it can is found out before the work.

    Raises:
        DataError: if it has no name.
        ValueError: if its name ends otherwise than in `.cerebros`.
        StoreError: if it cannot be written, or another file would be lost.
    """
    if arguments.out is None and table.path is None:
        raise DataError(
            "a table on standard input has no name; give that of the model with --out"
        )
    stem = "" if table.path is None else table.path.name.split(".")[0]
    path = Path(arguments.out or f"{stem}{SUFFIX}")
    if path.suffix != SUFFIX:
        raise ValueError(
            f"the name of a model ends in {SUFFIX}, but --out is {path.name!r}"
        )
    if path.is_dir():
        raise StoreError(f"{path} is a folder; use another --out")
    if path.exists() and not arguments.overwrite:
        raise StoreError(
            f"{path} is there already; replace it with --overwrite, or use another "
            "--out"
        )
    there = next(folder for folder in path.absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise StoreError(f"{path} cannot be written: {there} is no folder to write in")
    return path


def _explain(parts: FitTable) -> None:
    note(f"task      {parts.task}: {parts.reason}")
    note(f"rows      {len(parts.target):,}")
    if parts.n_left_out:
        note(f"left out  {parts.n_left_out:,} rows, whose target is missing")
    note("")


def _fitted(parts: FitTable, arguments: Namespace) -> Estimator:
    load_whole("sklearn")
    load_whole("jax")
    estimator = _estimator(parts, arguments)
    with _told(estimator, is_quiet=arguments.quiet):
        estimator.fit(parts.inputs, parts.target, sample_weight=parts.weights)
    return estimator


def _estimator(parts: FitTable, arguments: Namespace) -> Estimator:
    from cerebros.estimators import (
        CerebrosClassifier,
        CerebrosRegressor,
        EncodingSettings,
        PopulationSettings,
    )

    budget = arguments.time_budget
    if budget is None and arguments.trials is None:
        budget = _USUAL_SECONDS
    settings: dict[str, Any] = {
        "time_budget": budget,
        "n_trials": arguments.trials,
        "space": arguments.space,
        "metric": arguments.metric,
        "validation": _validation(arguments),
        "encoding": EncodingSettings(texts=_texts(arguments)),
        "population": PopulationSettings(epochs=arguments.epochs),
        "ignore": tuple(arguments.ignore),
        "random_state": arguments.seed,
        "out": arguments.work,
    }
    if parts.task == "regression":
        return CerebrosRegressor(**settings)
    return CerebrosClassifier(**settings, class_weight=arguments.class_weight)


def _texts(arguments: Namespace) -> tuple[str, ...]:
    return tuple(name for name in arguments.text if name != arguments.target)


def _validation(arguments: Namespace) -> Any:
    from cerebros.estimators import Folds, GroupFolds, Holdout, TimeFolds

    n = arguments.folds
    if arguments.holdout is not None:
        return Holdout(share=arguments.holdout)
    if arguments.group is not None:
        return GroupFolds(column=arguments.group, n=n)
    if arguments.time is not None:
        return TimeFolds(column=arguments.time, **({} if n is None else {"n": n}))
    return None if n is None else Folds(n=n)


@contextmanager
def _told(estimator: Estimator, *, is_quiet: bool) -> Iterator[None]:
    """Write what an estimator says and warns of as remarks."""
    from cerebros.estimators import GuardWarning

    logger = logging.getLogger(type(estimator).__module__)
    before = logger.level, logger.propagate
    teller = _Teller(is_quiet=is_quiet)
    logger.addHandler(teller)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", GuardWarning)
            warnings.showwarning = teller.warn
            yield
    finally:
        logger.removeHandler(teller)
        logger.level, logger.propagate = before


class _Teller(logging.Handler):
    """Says everything once, and a warning also to those who want it quiet."""

    def __init__(self, *, is_quiet: bool) -> None:
        super().__init__()
        self._is_quiet = is_quiet
        self._warned: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if not self._is_quiet and text not in self._warned:
            note(as_option(text))

    def warn(self, message: Warning | str, *_where: Any, **_others: Any) -> None:
        self._warned.add(str(message))
        note(f"WARNING: {as_option(str(message))}")


def as_option(text: str) -> str:
    """What a finding says, with the way out of the command line."""
    return _SILENCED.sub(
        lambda match: f"silence this with --ignore {shlex.quote(match[2])}", text
    )


def _kept(arguments: Namespace) -> str:
    if arguments.work is None:
        return "nothing is kept; --work DIR keeps what is finished"
    return f"what is finished is kept in {arguments.work}; the same command goes on"


def _data(estimator: Estimator, parts: FitTable, path: Path) -> dict[str, Any]:
    report = estimator.score_report_
    return {
        "model": str(path),
        "task": parts.task,
        "target": parts.target.name,
        "metric": report.metric,
        "direction": "minimize" if report.is_better_low else "maximize",
        "n_rows": len(parts.target),
        "n_rows_without_target": parts.n_left_out,
        "n_trials": _n_finished(estimator),
        "seconds": estimator.fit_seconds_,
        "verdict": report.verdict,
        "report": report.rows(),
        "baselines_left_out": report.left_out,
        "trials": estimator.trials_.to_dict("records"),
        "leaderboard": estimator.leaderboard_.to_dict("records"),
        "findings": [
            {
                "rule": finding.rule,
                "column": finding.column,
                "evidence": finding.evidence,
                "is_grave": finding.is_grave,
            }
            for finding in estimator.findings_
        ],
    }


def _report(estimator: Estimator, path: Path, arguments: Namespace) -> None:
    metric = estimator.score_report_.metric
    board = estimator.leaderboard_.query("status == 'finished' or ensemble_weight > 0")
    n_shown = min(_SHOWN, len(board))
    n_trials = _n_finished(estimator)
    trials = "1 trial" if n_trials == 1 else f"{n_trials} trials"
    took = duration(estimator.fit_seconds_)
    say(f"\nThe best {n_shown} of {len(board)} models; {trials}, {took}\n")
    print_table(
        ("model", metric, "±", "rows", "selection score", "ensemble weight"),
        [
            (
                str(row["model"]),
                *(_number(row[name]) for name in _NUMBERS),
            )
            for row in board.head(n_shown).to_dict("records")
        ],
        left=("model",),
    )
    for row in estimator.trials_.query("status != 'finished'").to_dict("records"):
        say(f"trial {row['trial']}: {row['status']}, {row['reason']}")
    say(f"\n{estimator.score_report_}")
    say(f"\nThe model is {path}\n")
    say("Next\n")
    word = shlex.quote(str(path))
    table = "TABLE" if arguments.table == "-" else shlex.quote(arguments.table)
    say(f"  cerebros predict {word} {table} --out predictions.csv")
    say(f"  cerebros evaluate {word} {table}   (better: rows that it has not seen)")
    say(f"  cerebros export {word} --out {shlex.quote(f'{path.stem}.onnx')}")


_NUMBERS = ("score", "standard_error", "rows", "selection_score", "ensemble_weight")


def _n_finished(estimator: Estimator) -> int:
    return int((estimator.trials_["status"] == "finished").sum())


def _number(value: float) -> str:
    return "" if value != value else number_text(value)
