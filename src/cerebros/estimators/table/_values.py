"""Single values of a table, of whatever type: missing, a number, a date, or text."""

from __future__ import annotations

import datetime
from decimal import Decimal
from math import isinf
from typing import Any

import numpy as np

MARKERS = frozenset(
    (
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
"""Texts that stand for a missing value in files, as pandas has them; so does none."""

_DAY = datetime.timedelta(days=1)


def is_missing(value: Any) -> bool:
    """Whether a value stands for nothing: None, NaN, NaT, the empty text."""
    if value is None or (isinstance(value, (str, bytes)) and not value):
        return True
    try:
        return bool(value != value)  # NaN, NaT
    except ArithmeticError:
        return True  # a signaling NaN
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"  # pandas: neither true nor false


def as_number(value: Any) -> float | None:
    """The number that a present value is; None for text, dates and anything else.

    Durations are days, times of the day hours, and intervals their middle.
    """
    if isinstance(value, (int, float, Decimal, np.floating, np.integer, np.bool_)):
        return _as_float(value)
    if isinstance(value, datetime.timedelta):
        return value / _DAY
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "D"))
    if isinstance(value, datetime.time):
        seconds = value.second + value.microsecond / 1e6
        return value.hour + value.minute / 60 + seconds / 3600
    if type(value).__name__ == "Interval" and hasattr(value, "mid"):
        low, high = as_number(value.left), as_number(value.right)
        return None if low is None or high is None else middle(low, high)
    return None


def middle(low: float, high: float) -> float:
    """That of an interval; of one that is open to a side, its end."""
    if isinf(low) != isinf(high):
        return high if isinf(low) else low
    return 0.5 * (low + high)


def as_date(value: Any) -> np.datetime64 | None:
    """The moment that a present value is, in UTC; None for anything else.

    Periods are their start, and intervals of dates their middle.
    """
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        if hasattr(value, "as_unit"):  # pandas: would lose what is beyond its unit
            return np.datetime64(value.to_datetime64(), "us")
        return np.datetime64(value, "us")
    if isinstance(value, (datetime.date, np.datetime64)):
        moment: np.datetime64 = np.datetime64(value, "us")  # type: ignore[call-overload]
        return moment
    if type(value).__name__ == "Period" and hasattr(value, "start_time"):
        return as_date(value.start_time)
    if type(value).__name__ == "Interval" and hasattr(value, "mid"):
        return as_date(value.mid)
    return None


def as_text(value: Any) -> str:
    """The text of a present value; 3 and 3.0 read the same wherever they are from."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
