"""Tables of any kind as columns of four kinds: numbers, booleans, dates, texts."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
"""Arrays by name, `(row,)`: float64 (missing is NaN), datetime64[us] (missing is NaT),
or object holding text (missing is None)."""

_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?)"
    r"(?:Z|([+-])(\d{2}):(\d{2}))?"
)
_DAY = datetime.timedelta(days=1)
_MISSING_TEXTS = frozenset({""})


def columns_of(
    table: Any, *, texts: Collection[str] = (), only: Collection[str] | None = None
) -> Columns:
    """The columns of a table.

    Columns of numbers and booleans become numbers, durations days; a column of objects
    becomes numbers if all that it holds are, otherwise text. Text that reads as ISO
    dates throughout becomes dates, those with time zones in UTC. Categories of a data
    frame are text, whatever they hold.

    Args:
        table: a data frame of pandas or polars, an array `(row, column)`, or a
            dictionary of arrays. The columns of an array are named `x0`, `x1`, ….
        texts: names of columns whose numbers are categories.
        only: names of columns that are read, as far as they are there; None for all.

    Raises:
        DataError: if names come twice, lengths differ, or numbers are infinite; all
            problems are listed.
        ValueError: if the table is not two-dimensional.
    """
    raw = _raw_columns(table)
    columns = {
        name: _column(values, name in texts)
        for name, values in raw.items()
        if only is None or name in only
    }
    for name, values in columns.items():
        if values.ndim != 1:
            raise ValueError(
                f"column {name!r} must hold one value for each row, but got an array "
                f"of shape {values.shape}"
            )
    problems = [
        f"column {name!r} holds {int(np.isinf(values).sum())} infinite values; "
        "replace them, or mark them as missing (NaN)"
        for name, values in columns.items()
        if values.dtype.kind == "f" and np.isinf(values).any()
    ]
    if problems:
        raise DataError(f"Input X contains infinity. {_listed(problems)}")
    return columns


def rows_of(columns: Columns) -> int:
    """How many rows columns have."""
    return len(next(iter(columns.values()))) if columns else 0


def _listed(problems: Sequence[str], most: int = 5) -> str:
    more = f"\n- and {len(problems) - most} more" if len(problems) > most else ""
    return "\n- ".join(["The table cannot be used:", *problems[:most]]) + more


def _raw_columns(table: Any) -> dict[str, Any]:
    if hasattr(table, "columns") and hasattr(table, "__getitem__"):
        names = [str(name) for name in table.columns]
        _check_unique(names)
        if hasattr(table, "iloc"):
            return {name: table.iloc[:, i] for i, name in enumerate(names)}
        return {name: table[name] for name in table.columns}
    if isinstance(table, Mapping):
        columns = {str(name): values for name, values in table.items()}
        _check_unique([str(name) for name in table])
        lengths = {np.shape(values)[:1] for values in columns.values()}
        lengths = {n for (n,) in lengths - {()}}
        if len(lengths) > 1:
            raise DataError(f"columns differ in length: {sorted(lengths)}")
        return columns
    array = np.asanyarray(table)
    if array.ndim != 2:
        raise ValueError(
            f"a table has rows and columns, but got an array of shape {array.shape}. "
            "Reshape your data using X.reshape(-1, 1) if it has one column, or "
            "X.reshape(1, -1) if it is one row."
        )
    return {f"x{i}": array[:, i] for i in range(array.shape[1])}


def _check_unique(names: Sequence[str]) -> None:
    twice = sorted(name for name, n in Counter(names).items() if n > 1)
    if twice:
        raise DataError(
            f"several columns are named {', '.join(map(repr, twice[:5]))}; "
            "rename them, so that each has a name of its own"
        )


def as_texts(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column of numbers or dates as the text that would have stood there."""
    if values.dtype.kind == "M":
        texts = values.astype(str).astype(object)
        texts[np.isnat(values)] = None
        return _texts(texts)
    return _texts(values.astype(object))


def _column(values: Any, is_text: bool) -> npt.NDArray[Any]:
    is_category = _is_category(values)
    array = _as_array(values)
    kind = array.dtype.kind
    if array.ndim != 1:
        return array
    if kind == "M":
        times = array.astype("datetime64[us]")
        return as_texts(times) if is_category else times
    if kind == "m":
        days = array.astype("timedelta64[us]").astype(np.float64) / 86_400e6
        return np.where(np.isnat(array), np.nan, days)
    if kind == "c":
        raise ValueError("Complex data not supported: a table holds real numbers")
    if kind in "biuf" and not (is_text or is_category):
        with np.errstate(over="ignore"):  # infinity is told of later
            return array.astype(np.float64)
    if kind in "biuf":
        return _texts(array.astype(object))
    objects = array.astype(object)
    if is_text or is_category:
        return _texts(objects)
    numbers = _as_numbers(objects)
    if numbers is not None:
        return numbers
    texts = _texts(objects)
    dates = _as_dates(texts)
    return texts if dates is None else dates


def _is_category(values: Any) -> bool:
    name = str(getattr(values, "dtype", ""))
    return name == "category" or name.startswith(("Categorical", "Enum"))


def _as_array(values: Any) -> npt.NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        return _unmasked(values)
    if "datetime64" in str(getattr(values, "dtype", "")) and hasattr(values, "dt"):
        if getattr(values.dt, "tz", None) is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return np.asarray(values.to_numpy(), "datetime64[us]")
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


def _unmasked(values: np.ma.MaskedArray[Any, Any]) -> npt.NDArray[Any]:
    is_masked, data = np.ma.getmaskarray(values), np.ma.getdata(values)
    if data.dtype.kind in "mM":
        return np.where(is_masked, np.array("NaT", data.dtype), data)
    return np.where(is_masked, np.array(None, object), data)


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN, NaT
    except ArithmeticError:
        return True  # a signaling NaN
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"  # pandas: neither true nor false


def _as_numbers(objects: npt.NDArray[Any]) -> npt.NDArray[np.float64] | None:
    """The numbers in a column of objects; None if it holds anything else."""
    numbers = np.full(len(objects), np.nan)
    for i, value in enumerate(objects):
        if _is_missing(value) or (isinstance(value, str) and value in _MISSING_TEXTS):
            continue
        if isinstance(value, (int, float, Decimal, np.floating, np.integer, np.bool_)):
            numbers[i] = _as_float(value)
        elif isinstance(value, datetime.timedelta):
            numbers[i] = value / _DAY
        else:
            return None
    return numbers


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _texts(objects: npt.NDArray[Any]) -> npt.NDArray[Any]:
    texts = np.empty(len(objects), object)
    for i, value in enumerate(objects):
        texts[i] = None if _is_missing(value) else _text(value)
    return texts


def _text(value: Any) -> str | None:
    """Text of a value: 3, 3.0 and True read the same wherever they come from."""
    if isinstance(value, str):
        return None if value in _MISSING_TEXTS else value
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _as_dates(texts: npt.NDArray[Any]) -> npt.NDArray[np.datetime64] | None:
    """Dates of a column of text; None if any of it is not an ISO date."""
    plain, offsets = ["NaT"] * len(texts), np.zeros(len(texts), "timedelta64[us]")
    for i, text in enumerate(texts):
        if text is None:
            continue
        found = _DATE.fullmatch(text)
        if found is None:
            return None
        plain[i], sign, hours, minutes = found.groups()
        if sign:
            ahead = np.timedelta64(60 * int(hours) + int(minutes), "m")
            offsets[i] = ahead if sign == "+" else -ahead
    try:
        dates = np.array(plain, "datetime64[us]") - offsets
    except ValueError:
        return None  # such as the 31st of February
    return None if np.isnat(dates).all() else dates
