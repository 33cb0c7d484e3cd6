"""Order instead of values: the same for all monotone transforms, never too large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cerebros.estimators.guards._columns import Numbers, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Where values stand in their order.

    Attributes:
        order: rows by rising value; equal values in the order of the rows.
        low: `(row,)`, share of all values that are smaller.
        high: `(row,)`, share of all values that are smaller or equal.
        n_values: number of different values.
    """

    order: Rows
    low: Numbers
    high: Numbers
    n_values: int

    @property
    def middle(self) -> Numbers:
        return (self.low + self.high) / 2


def rank(values: Numbers) -> Ranks:
    """Ranks of values of which none is missing."""
    n_rows = len(values)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    is_new = np.ones(n_rows, bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    starts = np.append(np.flatnonzero(is_new), n_rows)
    block = np.cumsum(is_new) - 1
    low, high = np.empty(n_rows), np.empty(n_rows)
    low[order] = starts[block] / max(n_rows, 1)
    high[order] = starts[block + 1] / max(n_rows, 1)
    return Ranks(order, low, high, len(starts) - 1)
