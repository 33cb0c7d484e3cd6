"""Numbers and times in the words of a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np


def number_text(value: float) -> str:
    """A number with five significant digits, thousands separated."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.5g}"


def duration(seconds: float) -> str:
    """Seconds in the words of a person: `41 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def strict(value: Any) -> Any:
    """Plain data for strict JSON.

    A number that is none, or infinite, becomes null, and so does whatever else is
    missing. Dates and times are as in ISO 8601, decimal numbers are numbers, bytes are
    text, and what is unknown is what `str` makes of it.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (float, Decimal)):
        return _number(value)
    if type(value).__name__ in ("NaTType", "NAType"):  # of pandas, which is not loaded
        return None
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return None if np.isnat(value) else str(value)
    if isinstance(value, np.generic):
        return strict(value.item())
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return strict(value.tolist())
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((strict(item) for item in value), key=str)
    return str(value)


def _number(value: float | Decimal) -> float | int | None:
    if not math.isfinite(value):
        return None
    is_whole = isinstance(value, Decimal) and value == value.to_integral_value()
    return int(value) if is_whole else float(value)
