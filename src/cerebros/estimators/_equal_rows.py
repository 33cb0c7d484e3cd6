"""Rows that are equal count as one, and the order in which rows stand as none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._request import Target
from cerebros.estimators.table import Columns

Array = npt.NDArray[Any]


def merged(
    columns: Columns, target: Target, *, keeps_order: bool
) -> tuple[Columns, Target, Array]:
    """Put equal rows together, so that none stands on both sides of a fold.

    Rows are equal if all columns, the target and the group are; their weights are
    added. Rows of weight 0 are left out. What is left is ordered by content, so that
    a table that is shuffled is learned alike, and a row that is repeated counts as
    one of that weight.

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
    keys = [_codes(values[used]) for values in columns.values()]
    keys += [_codes(column) for column in np.atleast_2d(target.values[used].T)]
    for of_rows in (target.groups, target.order):
        if of_rows is not None:
            keys.append(_codes(of_rows[used]))
    order = np.lexsort(keys)
    differs = np.zeros(len(order), bool)
    for key in keys:
        differs[1:] |= key[order[1:]] != key[order[:-1]]
    number = np.cumsum(differs)
    new_number[used[order]] = number
    first = used[order[np.flatnonzero(np.diff(number, prepend=-1))]]
    weights = np.bincount(number, target.weights[used[order]])
    kept = replace(_rows_of_target(target, first), weights=weights)
    return _rows(columns, first), kept, new_number


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
