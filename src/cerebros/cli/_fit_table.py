"""What of a table `cerebros fit` learns from."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cerebros.cli._columns import check_column, numbers_of
from cerebros.cli._target import (
    TaskName,
    check_no_missing,
    decide_task,
    target_values,
    typed,
)
from cerebros.errors import DataError
from cerebros.estimators.table import ColumnSchema, columns_of, infer_column

if TYPE_CHECKING:
    from cerebros.cli._columns import Series

_DROP = "remove these rows from the table, or leave them out with --drop-missing-target"
_LABELS = "; if NA or None is a label, name the target with --text, too"


@dataclass(frozen=True, eq=False)
class FitTable:
    """A table in the parts that an estimator takes.

    Attributes:
        inputs: the columns to learn from, and those that say how rows are split.
        target: numbers or labels, with the name of their column.
        weights: how much each row counts; None if all count the same.
        task: numbers or classes.
        reason: why the task is what it is.
        n_left_out: rows that had no target.
        reading: how cells of the target are read; what later tables hold, too.
    """

    inputs: pd.DataFrame
    target: Series
    weights: npt.NDArray[np.float64] | None
    task: TaskName
    reason: str
    n_left_out: int
    reading: ColumnSchema


def fit_table_of(frame: pd.DataFrame, arguments: Namespace) -> FitTable:
    """Take a table apart as the command line asks.

    Raises:
        DataError: if columns are not there, contradict each other, or hold what
            cannot be used.
    """
    _check_names(frame, arguments)
    whole, n_left_out = with_target(
        frame,
        arguments.target,
        is_dropping=arguments.drop_missing_target,
        way_out=_DROP + _LABELS,
    )
    is_text = arguments.target in arguments.text
    target = whole[arguments.target] if is_text else typed(whole[arguments.target])
    asked = "classification" if arguments.task == "auto" and is_text else arguments.task
    task, reason = decide_task(target, asked)
    weights = weights_of(whole, arguments.weight)
    not_learned = {arguments.target, arguments.weight, *arguments.drop}
    names = [name for name in whole.columns if name not in not_learned]
    if not set(names) - {arguments.group}:
        raise DataError(f"no column is left to predict {arguments.target!r} from")
    if arguments.time is not None:
        _check_time(whole, arguments.time)
    return FitTable(
        inputs=whole[names],
        target=pd.Series(target_values(target, task), name=arguments.target),
        weights=weights,
        task=task,
        reason=reason,
        n_left_out=n_left_out,
        reading=infer_column(
            arguments.target, whole[arguments.target], is_text=is_text
        )[0],
    )


def with_target(
    frame: pd.DataFrame, name: str, *, is_dropping: bool, way_out: str = _DROP
) -> tuple[pd.DataFrame, int]:
    """The rows whose target is known, and how many are not.

    Raises:
        DataError: if there is no such column, or rows may not be left out.
    """
    check_column(frame, name)
    if not is_dropping:
        check_no_missing(frame[name], way_out=way_out)
        return frame, 0
    known = frame[name].notna()
    if not known.any():
        raise DataError(f"the target {name!r} is missing in every row")
    rows = frame[known].reset_index(drop=True)
    return rows, int((~known).sum())


def _check_names(frame: pd.DataFrame, arguments: Namespace) -> None:
    """Make sure that all named columns are there, and serve one purpose each."""
    target, drop = arguments.target, arguments.drop
    check_column(frame, target)
    others = {
        "--drop": drop,
        "--text": arguments.text,
        "--weight": _one(arguments.weight),
        "--group": _one(arguments.group),
        "--time": _one(arguments.time),
    }
    for option, names in others.items():
        for name in names:
            check_column(frame, name)
            if name == target and option != "--text":
                raise DataError(f"{option} names {name!r}, which is the target")
            if option != "--drop" and name in drop:
                raise DataError(f"{option} names {name!r}, which --drop leaves out")


def _one(name: str | None) -> Sequence[str]:
    return () if name is None else (name,)


def weights_of(frame: pd.DataFrame, name: str | None) -> npt.NDArray[np.float64] | None:
    """How much each row counts; None if no column says so.

    Raises:
        DataError: if there is no such column, or it cannot be weights.
    """
    if name is None:
        return None
    check_column(frame, name)
    weights = numbers_of(typed(frame[name]).to_frame(), [name])[:, 0]
    for what, is_bad in (
        ("missing", np.isnan(weights)),
        ("negative", weights < 0),
    ):
        if is_bad.any():
            raise DataError(
                f"--weight names {name!r}, which is {what} in {int(is_bad.sum())} of "
                f"{len(weights)} rows, first in row {int(is_bad.argmax()) + 1}; every "
                "row needs a weight of 0 or more"
            )
    if not weights.any():
        raise DataError(f"--weight names {name!r}, which is 0 in every row")
    return weights


def _check_time(frame: pd.DataFrame, name: str) -> None:
    values: npt.NDArray[Any] = columns_of(frame[[name]])[name]
    if values.dtype.kind == "O":
        raise DataError(
            f"--time names {name!r}, which holds text such as "
            f"{frame[name].dropna().iloc[:1].tolist()}; write dates as 2024-12-31, or "
            "use numbers"
        )
    if n := int(pd.isna(values).sum()):
        raise DataError(
            f"--time names {name!r}, which is missing in {n} of {len(values)} rows; "
            "every row needs its place in time"
        )
