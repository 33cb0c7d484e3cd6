"""The column to predict: numbers, or classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from cerebros.cli._columns import as_numbers, is_number_like, short, stray_texts
from cerebros.errors import DataError
from cerebros.estimators.table import Ambiguous, infer_column

if TYPE_CHECKING:
    from cerebros.cli._columns import Series

TaskName = Literal["regression", "classification"]

_MOST_CLASSES = 10  # that whole numbers are taken for, unless a person says so
_ROWS_OF_A_CLASS = 5
_LARGEST_WHOLE = 2.0**53  # beyond it not every whole number has a floating-point one


def decide_task(target: Series, asked: str) -> tuple[TaskName, str]:
    """Whether to predict numbers or classes, and why.

    Text, truth values, two different values, and few whole numbers are classes;
    everything else is numbers.

    Args:
        target: the column to predict, without missing values.
        asked: `"regression"`, `"classification"` or `"auto"`.

    Raises:
        DataError: if the values do not suit the task.
    """
    if target.dtype.kind in "mM":
        raise DataError(
            f"the target {target.name!r} holds dates or times; turn it into numbers, "
            "such as days since a fixed date"
        )
    if _n_values(target) == 1:
        (only,) = target.unique().tolist()
        raise DataError(
            f"the target {target.name!r} is {short(only)} in every row, so there is "
            "nothing to learn; use another target"
        )
    if is_number_like(target) and (n := int(np.isinf(as_numbers(target)).sum())):
        raise DataError(
            f"the target {target.name!r} is infinite in {n} of {len(target)} rows; "
            "remove these rows from the table"
        )
    if asked == "regression":
        _check_numbers(target)
        return "regression", "as asked"
    if asked == "classification":
        _check_classes(target)
        return "classification", "as asked"
    task, reason = _guess_task(target)
    if task == "classification":
        _check_classes(target)
    return task, f"{target.name!r} holds {reason}; --task decides otherwise"


def typed(cells: Series) -> Series:
    """A column as its cells read: numbers, truth values, dates, else as it is.

    Numbers with leading zeros are codes and stay text, and so does a column of which
    one cell is text.

    Raises:
        DataError: if all of it can be read as different numbers.
    """
    values = cells.infer_objects()
    if not (values.dtype == object or types.is_string_dtype(values)):
        return _as_if_whole(values)
    present = values.dropna()
    own, doubt = infer_column(str(cells.name), present)
    read, unread = own.read(str(cells.name), present)
    if not len(present) or own.kind == "text" or unread or own.order:
        return values
    if own.numbers.form == "interval" or own.numbers.unit:
        return values  # names of classes, rather than amounts
    if isinstance(doubt, Ambiguous):
        raise DataError(
            f"{cells.name!r} can be read in two ways: {doubt.example!r} is "
            f"{doubt.taken}, or {doubt.other}; write it without separators, with a "
            "point before fractions, and dates as 2024-12-31"
        )
    made = pd.Series(read, index=present.index, name=cells.name)
    if own.kind == "number" and own.numbers.form == "flag":
        made = made.astype(bool)
    else:
        made = _as_if_whole(made)
    return made if len(made) == len(values) else made.reindex(values.index)


def _as_if_whole(values: Series) -> Series:
    """Values in the type that they would have had without missing ones."""
    if values.dtype.kind == "f" and len(values):
        numbers = values.to_numpy()
        if (np.abs(numbers) < _LARGEST_WHOLE).all() and (numbers % 1 == 0).all():
            return values.astype(np.int64)
    return values


def check_no_missing(
    target: Series, *, way_out: str = "remove these rows from the table"
) -> None:
    """Make sure that every row has a value of the target.

    Raises:
        DataError: if not; the message says how many and where the first is.
    """
    missing = target.isna().to_numpy()
    if missing.any():
        raise DataError(
            f"the target {target.name!r} is missing (empty, NA, None or the like) in "
            f"{int(missing.sum())} of {len(target)} rows, first in row "
            f"{int(missing.argmax()) + 1}; {way_out}"
        )


def target_values(target: Series, task: TaskName) -> npt.NDArray[Any]:
    """Numbers to predict, or the label of each row."""
    if task == "regression":
        return as_numbers(target)
    if types.is_bool_dtype(target):
        return target.to_numpy(dtype=bool)
    if types.is_integer_dtype(target):
        return target.to_numpy(dtype=np.int64)
    if is_number_like(target):
        return as_numbers(target)
    return target.astype(str).to_numpy(dtype=object)


def _n_values(target: Series) -> int:
    try:
        return int(target.nunique())
    except TypeError:
        raise DataError(
            f"the target {target.name!r} holds {short(target.iloc[0])} and the like, "
            "which are neither numbers nor names of classes"
        ) from None


def _guess_task(target: Series) -> tuple[TaskName, str]:
    n_values = _n_values(target)
    if types.is_bool_dtype(target):
        return "classification", "truth values"
    if not is_number_like(target):
        _check_not_mostly_numbers(target)
        return "classification", f"text ({n_values} classes)"
    if n_values == 2:
        return "classification", "two different values"
    values = as_numbers(target)
    is_whole = bool(np.isfinite(values).all() and (values == np.round(values)).all())
    is_few = n_values <= min(_MOST_CLASSES, len(target) // _ROWS_OF_A_CLASS)
    if is_whole and n_values > 2 and is_few:
        return "classification", f"{n_values} different whole numbers"
    return "regression", f"numbers ({n_values:,} different ones)"


def _check_numbers(target: Series) -> None:
    if is_number_like(target):
        return
    n_strays, example = stray_texts(target)
    found = f"{short(example)} and the like" if n_strays else "numbers written as text"
    raise DataError(
        f"the target {target.name!r} holds {found} in {n_strays or len(target)} of "
        f"{len(target)} rows, but a regression predicts numbers; correct these rows, "
        "or use --task classification"
    )


def _check_not_mostly_numbers(target: Series) -> None:
    n_strays, example = stray_texts(target)
    if 0 < n_strays * 2 < len(target):
        raise DataError(
            f"the target {target.name!r} holds numbers, but text such as "
            f"{short(example)} in {n_strays} of {len(target)} rows; correct these "
            "rows, or use --task classification if they are names"
        )


def _check_classes(target: Series) -> None:
    n_classes = _n_values(target)
    if n_classes > 2 and n_classes * 2 > len(target):
        raise DataError(
            f"the target {target.name!r} holds {n_classes:,} different values in "
            f"{len(target):,} rows, too many to be classes; use --task regression, or "
            "another target"
        )
