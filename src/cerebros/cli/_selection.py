"""What of a table a search uses, so that the same can be taken from another table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from cerebros.cli._columns import (
    LeftOut,
    Numbers,
    choose_columns,
    describe_missing,
    numbers_of,
)
from cerebros.cli._output import listed
from cerebros.cli._target import (
    TaskName,
    check_no_missing,
    decide_task,
    target_values,
)
from cerebros.errors import DataError
from cerebros.training import Dataset, Problem, find_target_copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The target, the columns to predict it from, and the parts of the rows.

    Attributes:
        target: the column to predict.
        task: numbers or classes.
        columns: what the network reads, in this order.
        medians: what fills a missing value of each column; None where none may be
            missing.
        validation: share of rows by which networks are chosen.
        test: share of rows that judge the chosen one.
        seed: decides which rows.

    Raises:
        ValueError: if there is not one median for each column.
    """

    target: str
    task: TaskName
    columns: tuple[str, ...]
    medians: tuple[float, ...] | None
    validation: float
    test: float
    seed: int

    def __post_init__(self) -> None:
        if self.medians is not None and len(self.medians) != len(self.columns):
            raise ValueError(
                f"there are {len(self.medians)} medians for {len(self.columns)} columns"
            )

    def inputs(self, frame: pd.DataFrame, *, way_out: str) -> Numbers:
        """What the network reads of a table, `(row, column)`, nothing missing.

        Args:
            frame: has the columns, in any order, and perhaps others.
            way_out: what to do about missing values that no median fills.

        Raises:
            DataError: if columns are not there or hold no numbers, or values are
                missing; all are listed.
        """
        values = numbers_of(frame, self.columns)
        if self.medians is not None:
            return np.where(np.isnan(values), self.medians, values)
        if missing := describe_missing(values, self.columns):
            raise DataError(f"some values are missing; {way_out}:{listed(missing)}")
        return values

    def problem(self, frame: pd.DataFrame) -> Problem:
        """The data of the search.

        Raises:
            DataError: if they cannot be trained on.
        """
        way_out = "fill them, or let --missing median do it"
        values = self.inputs(frame, way_out=way_out)
        make = {
            "regression": Problem.regression,
            "classification": Problem.classification,
        }[self.task]
        return make(
            pd.DataFrame(values, columns=list(self.columns)),
            target_values(frame[self.target], self.task),
            validation=self.validation,
            test=self.test,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """A selection, the problem made with it, and what a person should know of it.

    Attributes:
        selection: what is used.
        problem: the data of the search.
        reason: why the task is what it is.
        left_out: columns that are not used.
        n_filled: missing values that were filled.
        copies: columns that already hold the target.
    """

    selection: Selection
    problem: Problem
    reason: str
    left_out: tuple[LeftOut, ...]
    n_filled: int
    copies: tuple[str, ...]


def select(
    frame: pd.DataFrame,
    *,
    target: str,
    task: str = "auto",
    leave_out: Sequence[str] = (),
    missing: Literal["error", "median"] = "error",
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
) -> Selected:
    """Decide what of a table is used, and how.

    Args:
        frame: all rows and columns.
        target: the column to predict.
        task: `"auto"`, `"regression"` or `"classification"`.
        leave_out: columns that are not to be used.
        missing: whether missing values are an error, or are filled.
        validation: share of rows by which networks are chosen.
        test: share of rows that judge the chosen one.
        seed: decides which rows.

    Raises:
        DataError: if the table cannot be used so.
    """
    columns, left_out = choose_columns(frame, target=target, leave_out=leave_out)
    check_no_missing(frame[target])
    decided, reason = decide_task(frame[target], task)
    selection = Selection(
        target=target,
        task=decided,
        columns=tuple(columns),
        medians=None,
        validation=validation,
        test=test,
        seed=seed,
    )
    if missing == "median":
        selection = replace(selection, medians=_medians(selection, frame))
    problem = selection.problem(frame)
    return Selected(
        selection=selection,
        problem=problem,
        reason=reason,
        left_out=tuple(left_out),
        n_filled=int(frame[columns].isna().to_numpy().sum()),
        copies=_copies(problem),
    )


def _medians(selection: Selection, frame: pd.DataFrame) -> tuple[float, ...]:
    """Medians of the training rows: the others must not help to choose them.

    Which rows these are does not depend on the inputs, so any numbers may stand in for
    the missing ones.
    """
    zeros = replace(selection, medians=(0.0,) * len(selection.columns))
    train = zeros.problem(frame).split.train
    values = pd.DataFrame(numbers_of(frame, selection.columns)[train])
    medians = values.median()
    if medians.isna().any():
        names = [selection.columns[i] for i in np.flatnonzero(medians.isna())]
        raise DataError(
            "these columns have no value in the training rows, so there is no median; "
            f"use --leave-out for them:{listed(names)}"
        )
    return tuple(medians.tolist())


def _copies(problem: Problem) -> tuple[str, ...]:
    """Columns that hold the target, as its own numbers or as numbers of classes."""
    copies = find_target_copies(problem.data)
    if problem.classes and not isinstance(problem.classes[0], str):
        labels = np.array(problem.classes, float)[problem.data.targets[0][:, 0]]
        data = Dataset(problem.data.inputs, (labels[:, None],), problem.data.columns)
        copies += [name for name in find_target_copies(data) if name not in copies]
    return tuple(copies)
