"""Rows in an order that follows from what they hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._request import Target
from cerebros.estimators.table import Columns

Array = npt.NDArray[Any]


_MOST_COPIES = 4
"""So many rows in the mean may a row of whole weight become."""


def in_canonical_order(
    columns: Columns, target: Target, *, keeps_order: bool
) -> tuple[Columns, Target, Array]:
    """Order rows by content, and repeat those whose weight is a whole number.

    So a table that is shuffled is learned alike, and a row of weight 2 is learned as
    two rows. Rows of weight 0 are left out. Weights that are no whole numbers, or so
    large that the table would become four times as long, stay as they are.

    Args:
        columns: of the table.
        target: of each row.
        keeps_order: whether rows stay where they are, and are only left out.

    Returns:
        Columns, target, and for each row that came its new number; -1 for none.
    """
    used = np.flatnonzero(target.weights > 0)
    new_number = np.full(len(target.weights), -1)
    if keeps_order:
        new_number[used] = np.arange(len(used))
        return _rows(columns, used), _rows_of_target(target, used), new_number
    keys = [_codes(target.weights[used])]  # which order rows that are equal otherwise
    keys += [_codes(values[used]) for values in columns.values()]
    keys += [_codes(column) for column in np.atleast_2d(target.values[used].T)]
    keys += [_codes(x[used]) for x in (target.groups, target.order) if x is not None]
    ordered = used[np.lexsort(keys)]
    weights = target.weights[ordered]
    copies = np.ones(len(ordered), np.int64)
    is_whole = (weights == np.round(weights)).all()
    if is_whole and weights.sum() <= _MOST_COPIES * len(weights):
        copies = weights.astype(np.int64)
    new_number[ordered] = np.cumsum(copies) - copies
    rows = np.repeat(ordered, copies)
    kept = _rows_of_target(target, rows)
    if copies.max() > 1:
        kept = replace(kept, weights=np.ones(len(rows)))
    return _rows(columns, rows), kept, new_number


def _rows(columns: Columns, rows: Array) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _rows_of_target(target: Target, rows: Array) -> Target:
    """The target of some rows; classes that are gone keep their places."""
    return replace(
        target,
        values=target.values[rows],
        weights=target.weights[rows],
        groups=None if target.groups is None else target.groups[rows],
        order=None if target.order is None else target.order[rows],
    )


def _codes(values: Array) -> Array:
    """Numbers that are equal where values are, and ordered as they are."""
    if values.dtype.kind == "O":
        is_missing = np.array([value is None for value in values], bool)
        codes = np.full(len(values), -1)
        present = values[~is_missing].astype(str)
        codes[~is_missing] = np.unique(present, return_inverse=True)[1]
        return codes
    return np.asarray(np.unique(values, return_inverse=True, equal_nan=True)[1])
