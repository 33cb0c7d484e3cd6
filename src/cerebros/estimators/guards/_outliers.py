"""A target in which a few rows are all that a squared error sees."""

from __future__ import annotations

import numpy as np

from cerebros.estimators.guards._columns import Flags, Numbers
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._target import Target

FEWEST_ROWS = 20
FAR = 20.0
"""Distance from the quartiles, in interquartile ranges."""
FAR_IN_LOGS = 8.0
MOST_OUTLIERS = 0.02
DOMINATES = 0.5
"""Share of the sum of squares."""


def find_outliers(target: Target) -> Finding | None:
    """A few values far beyond the others; heavy tails of prices are no outliers."""
    y = target.values
    if target.is_class or len(y) < FEWEST_ROWS or target.is_constant:
        return None
    scaled = y / float(np.abs(y).max())  # squares cannot become too large
    is_far = _is_far(scaled, FAR)
    if scaled.min() >= 0:
        is_far &= _is_far(np.log(scaled + np.median(scaled) + 1e-300), FAR_IN_LOGS)
    n_far = int(is_far.sum())
    if not 0 < n_far <= max(1, MOST_OUTLIERS * len(y)):
        return None
    share = _share_of_squares(scaled, is_far)
    if share < DOMINATES:
        return None
    extreme = float(y[is_far][np.argmax(np.abs(y[is_far]))])
    evidence = (
        f"{n_far:,} of {len(y):,} values of {target.name} are beyond {FAR:.0f} "
        f"interquartile ranges (such as {extreme:.6g}; the median is "
        f"{np.median(y):.6g}) and make up {share:.0%} of its variance."
    )
    way_out = "Correct or drop these rows, or transform the target"
    return found("target-outliers", None, evidence, way_out, is_grave=False)


def _is_far(values: Numbers, limit: float) -> Flags:
    low, high = np.quantile(values, [0.25, 0.75])
    spread = high - low
    if spread <= 0:  # more than half are equal
        return np.zeros(len(values), bool)
    is_far: Flags = (values < low - limit * spread) | (values > high + limit * spread)
    return is_far


def _share_of_squares(values: Numbers, is_far: Flags) -> float:
    squares = (values - np.median(values)) ** 2
    return float(squares[is_far].sum() / max(squares.sum(), 1e-300))
