"""Which columns of a table a network reads, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from cerebros.cli._output import listed
from cerebros.errors import DataError

if TYPE_CHECKING:
    Series = pd.Series[Any]

Numbers = npt.NDArray[np.float64]

_OBJECTS_AS_NUMBERS = {
    "boolean",
    "decimal",
    "floating",
    "integer",
    "mixed-integer-float",
}
_LONGEST = 30  # characters of an example
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not used, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


def choose_columns(
    frame: pd.DataFrame, *, target: str, leave_out: Sequence[str] = ()
) -> tuple[list[str], list[LeftOut]]:
    """Columns that hold different numbers, and the others.

    Raises:
        DataError: if a named column is not there, or none of numbers remains.
    """
    for name in (target, *leave_out):
        check_column(frame, name)
    inputs = [str(name) for name in frame.columns if name != target]
    reasons = {
        name: "as asked" if name in leave_out else _reason_to_leave_out(frame[name])
        for name in inputs
    }
    used = [name for name in inputs if reasons[name] is None]
    left_out = [LeftOut(name, reason) for name, reason in reasons.items() if reason]
    if not used:
        raise DataError(
            f"no column of numbers is left to predict {target!r} from; left out are"
            f"{listed([str(column) for column in left_out])}"
        )
    return used, left_out


def check_column(frame: pd.DataFrame, name: str) -> None:
    """Make sure that a table has a column.

    Raises:
        DataError: if not; the message names the nearest, or all.
    """
    if name in frame.columns:
        return
    known = [str(column) for column in frame.columns]
    raise DataError(f"the table has no column {name!r}{guess(name, known)}")


def guess(name: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown name: the nearest one, or all."""
    by_lower = {other.lower(): other for other in reversed(known)}
    if close := get_close_matches(name.lower(), by_lower, n=1):
        return f"; did you mean {by_lower[close[0]]!r}?"
    return f"; it has {', '.join(known[:30])}{', …' if len(known) > 30 else ''}"


def numbers_of(frame: pd.DataFrame, names: Sequence[str]) -> Numbers:
    """The values of columns, `(row, column)`; missing ones are NaN.

    Raises:
        DataError: if columns are not there, hold something else, or numbers that are
            infinite or too large; all such columns are listed.
    """
    known = [str(column) for column in frame.columns]
    problems = [
        f"{name} is not there{guess(name, known)}"
        for name in names
        if name not in known
    ]
    there = [name for name in names if name in known]
    problems += [
        f"{name} holds {_kind(frame[name])} where numbers are needed, "
        f"for example {short(frame[name].dropna().iloc[0])}"
        for name in there
        if not is_number_like(frame[name])
    ]
    if problems:
        raise DataError(f"these columns cannot be used:{listed(problems)}")
    values = np.column_stack([as_numbers(frame[name]) for name in names])
    n_bad = (np.isinf(values) | (np.abs(values) > _LARGEST)).sum(axis=0)
    if n_bad.any():
        bad = [
            f"{name}: {n} of {len(values)}"
            for name, n in zip(names, n_bad.tolist(), strict=True)
            if n
        ]
        raise DataError(
            f"some values are infinite, or beyond ±3.4e38; remove these rows, or "
            f"correct them:{listed(bad)}"
        )
    return values


def describe_missing(values: Numbers, names: Sequence[str]) -> list[str]:
    """For each column with missing values its name, and how many they are."""
    counts = np.isnan(values).sum(axis=0).tolist()
    return [
        f"{name}: {n} of {len(values)}"
        for name, n in zip(names, counts, strict=True)
        if n
    ]


def is_number_like(series: Series) -> bool:
    """Whether a column holds numbers or booleans, and perhaps missing values."""
    if types.is_numeric_dtype(series) and not types.is_complex_dtype(series):
        return True  # booleans count as numeric
    if series.dtype != object:
        return False
    return types.infer_dtype(series, skipna=True) in _OBJECTS_AS_NUMBERS


def as_numbers(series: Series) -> Numbers:
    """The values of a column for which `is_number_like` holds."""
    numbers: Numbers = pd.to_numeric(series).to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def stray_texts(series: Series) -> tuple[int, Any]:
    """How many values are no numbers in a column of text, and the first of them."""
    present = series.dropna()
    strays = present[pd.to_numeric(present, errors="coerce").isna()]
    return len(strays), strays.iloc[0] if len(strays) else None


def short(value: Any) -> str:
    """A value as an example, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _reason_to_leave_out(series: Series) -> str | None:
    present = series.dropna()
    if present.empty:
        return "no value is there"
    if not is_number_like(series):
        return _kind(series)
    if present.nunique() == 1:
        return f"constant: {present.iloc[0]}"
    return None


def _kind(series: Series) -> str:
    """What a column holds that is not a column of numbers."""
    if types.is_datetime64_any_dtype(series):
        return "dates"
    if not (types.is_string_dtype(series) or series.dtype == object):
        return f"values of the type {series.dtype}"
    n_strays, example = stray_texts(series)
    if not n_strays:
        return "numbers written as text"
    if n_strays * 2 < series.count():
        return f"numbers, but {short(example)} and the like in {n_strays} rows"
    return "text" if isinstance(example, str) else f"values such as {short(example)}"
