"""Closed ranges of whole numbers, as spaces have them."""

from __future__ import annotations

from typing import Any

import numpy as np

Range = tuple[int, int]


def check_range(name: str, value: Any, *, least: int = 1) -> None:
    """Raise a ValueError unless it is a range of whole numbers from `least` on."""
    match value:
        case (int(low), int(high)) if least <= low <= high and not _is_bool(low, high):
            return
    raise ValueError(
        f"{name} must be a closed range (low, high) of whole numbers with "
        f"{least} <= low <= high, but got {value!r}"
    )


def _is_bool(*values: Any) -> bool:
    return any(isinstance(value, bool) for value in values)


def draw_from(limits: Range, rng: np.random.Generator) -> int:
    """A whole number of a closed range, all equally likely."""
    return int(rng.integers(limits[0], limits[1] + 1))
