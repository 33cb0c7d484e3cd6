"""Columns that are the target itself, in whatever units and by whatever name."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cerebros.estimators.guards._columns import Column, Kind, Numbers
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._ranks import Ranks
from cerebros.estimators.guards._target import Target

FEWEST_ROWS = 12
"""Of 12 rows, one column in 200 million has the order of the target by chance."""
TOLERANCE = 0.02
"""Share of all rows by which a row may be out of place: rounding and noise."""
ALTERED = 0.015
"""Share of misplaced rows, of those that chance would misplace."""
MISPLACED = 8
"""Rows that chance would misplace; fewer, if nearly all targets are equal."""
TIGHT = 3.0
"""Gap between two classes, in widths of the wider one."""
DROP = "Leave it out of the columns"


def find_copy(
    column: Column, x: Ranks, target: Target, y: Ranks, rng: np.random.Generator
) -> Finding | None:
    """A column in the order of a target that is a number, rising or falling.

    Args:
        column: rows in which it is present.
        x: its ranks.
        target: the same rows.
        y: its ranks.
        rng: for the comparison with chance.
    """
    if len(column.values) < FEWEST_ROWS or x.n_values < 3:
        return None
    rising, falling = _misplaced(x.middle, y), _misplaced(1 - x.middle, y)
    share = min(rising, falling)
    if share > ALTERED:
        return None
    by_chance = _misplaced(rng.permutation(x.middle), y)
    if share > ALTERED * by_chance or by_chance * len(y.low) < MISPLACED:
        return None
    direction = "rises" if rising <= falling else "falls"
    rows = len(column.values)
    evidence = (
        f"it {direction} with {target.name} in {1 - share:.2%} of {rows:,} rows, "
        f"against {1 - by_chance:.0%} by chance."
    )
    return found("target-copy", column.name, evidence, DROP, is_grave=True)


def _misplaced(place: Numbers, y: Ranks) -> float:
    away = np.maximum(y.low - place, place - y.high)
    return float((away > TOLERANCE).mean())


def find_class_copy(column: Column, target: Target, explained: float) -> Finding | None:
    """A column of numbers that has one value, or one tight range, for each class.

    Args:
        column: rows in which it is present, of a kind that has an order.
        target: the same rows; numbers of classes.
        explained: share of the target that the column explains, already found high.
    """
    if column.kind is Kind.TEXT or not _has_tight_ranges(column.values, target):
        return None
    evidence = (
        f"it has one value or narrow range for each class, and explains "
        f"{explained:.1%} of {target.name} ({len(column.values):,} rows)."
    )
    return found("target-copy", column.name, evidence, DROP, is_grave=True)


def _has_tight_ranges(values: Numbers, target: Target) -> bool:
    finite = np.isfinite(values)
    scaled = values[finite] / max(float(np.abs(values[finite]).max(initial=0)), 1e-300)
    classes = target.values[finite]
    ranges = sorted(
        _middle_range(scaled[classes == number]) for number in np.unique(classes)
    )
    return len(ranges) > 1 and all(
        low_b - high_a > TIGHT * max(high_a - low_a, high_b - low_b)
        for (low_a, high_a), (low_b, high_b) in pairwise(ranges)
    )


def _middle_range(values: Numbers) -> tuple[float, float]:
    """Between which values nearly all rows are."""
    low, high = np.quantile(values, [0.03, 0.97], method="closest_observation")
    return float(low), float(high)
