"""Rows in an order that follows from what they hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._request import Target
from cerebros.estimators.table import Columns

Array = npt.NDArray[Any]


_FINE = 0.5
"""Share of distinct rows that differ in one column alone, from which on it is fine."""


def in_canonical_order(
    columns: Columns, target: Target, *, keeps_order: bool
) -> tuple[Columns, Target, Array]:
    """Order rows by content, and put copies of a row together.

    So a table that is shuffled is learned alike. Where a column of numbers is so fine
    that at least half of the distinct rows differ in it, rows that are equal in all
    columns, target and group are copies of one: they count as one row of their weights
    together, so that none stands on both sides of a fold. In coarser tables rows are
    equal by nature, and stay apart. Rows of weight 0 are left out.

    Args:
        columns: of the table.
        target: of each row.
        keeps_order: whether all rows stay where they are.

    Returns:
        Columns, target, and for each row that came its new number; -1 for none.
    """
    if keeps_order:
        return columns, target, np.arange(len(target.weights))
    used = np.flatnonzero(target.weights > 0)
    keys = [_codes(target.weights[used])]  # which order rows that are equal otherwise
    keys += [_codes(values[used]) for values in columns.values()]
    keys += [_codes(column) for column in np.atleast_2d(target.values[used].T)]
    keys += [_codes(x[used]) for x in (target.groups, target.order) if x is not None]
    order = np.lexsort(keys)
    differs = np.zeros(len(order), bool)
    for key in keys[1:]:
        differs[1:] |= key[order[1:]] != key[order[:-1]]
    n_distinct = 1 + int(differs.sum())
    finest = max((n_values(values[used]) for values in columns.values()), default=0)
    if finest < _FINE * n_distinct:
        differs[1:] = True  # all stay apart
    number = np.cumsum(differs)
    new_number = np.full(len(target.weights), -1)
    new_number[used[order]] = number
    first = used[order[np.flatnonzero(np.diff(number, prepend=-1))]]
    kept = replace(
        _rows_of_target(target, first),
        weights=np.bincount(number, target.weights[used[order]]),
        counts=np.bincount(number, target.counts[used[order]]),
    )
    return _rows(columns, first), kept, new_number


def n_values(values: Array) -> int:
    """How many numbers or dates a column holds; none if it holds text."""
    return 0 if values.dtype.kind == "O" else len(np.unique(values))


def _rows(columns: Columns, rows: Array) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _rows_of_target(target: Target, rows: Array) -> Target:
    """The target of some rows; classes that are gone keep their places."""
    return replace(
        target,
        values=target.values[rows],
        weights=target.weights[rows],
        counts=target.counts[rows],
        groups=None if target.groups is None else target.groups[rows],
        order=None if target.order is None else target.order[rows],
    )


def _codes(values: Array) -> Array:
    """Numbers that are equal where values are, and ordered as they are."""
    if values.dtype.kind == "O":
        is_missing = np.array([value is None for value in values], bool)
        codes = np.full(len(values), -1)
        texts = [str(value) for value in values[~is_missing]]
        places = {text: place for place, text in enumerate(sorted(set(texts)))}
        codes[~is_missing] = [places[text] for text in texts]
        return codes
    return np.asarray(np.unique(values, return_inverse=True, equal_nan=True)[1])
