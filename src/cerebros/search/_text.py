"""Numbers and times in the words of a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


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
    """Plain data for strict JSON: a number that is none, or infinite, becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return value
