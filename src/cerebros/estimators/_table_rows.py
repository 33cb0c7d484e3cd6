"""Rows in an order that follows from what they hold, and which belong together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._request import Target
from cerebros.estimators.table import Columns

Array = npt.NDArray[Any]

_FINE = 0.5
"""Share of distinct rows that differ in one column alone, from which on it is fine."""
_MOST_COPIES = 20  # of a row, on average; with more of them, a column is not fine
_DISAGREE = 0.1
"""Of the targets that would differ by chance, as many may differ among copies."""
_MOST_REPEATED = 16
_LONGEST = 3.0  # rows with repetitions, in rows without


@dataclass(frozen=True, eq=False)
class TableRows:
    """The rows that a fit learns from.

    Attributes:
        columns: without the target.
        target: of the same rows.
        unit: `(row,)`; rows with the same number stay on one side of every fold.
        number: for each row that came, the number of the row (the first, if it is
            repeated) that it became; -1 for rows of no weight, which are left out.
    """

    columns: Columns
    target: Target
    unit: Array
    number: Array


def table_rows(columns: Columns, target: Target, *, keeps_order: bool) -> TableRows:
    """Order rows by content, so that a table that is shuffled is learned alike.

    Every row stays a row. Where a column of numbers is so fine that at least half of
    the distinct rows differ in it, and rows that are equal in all columns (and of the
    same group) have equal targets, they are copies of one, and are one unit: with
    copies on both sides of a fold, the score would be that of a memory. In coarser
    tables, and where targets differ, rows are equal by nature.

    Small whole weights are repetitions of a row, which are one unit, too. So a row of
    weight 2 is the same as two rows. Other weights stay weights.

    Args:
        columns: of the table.
        target: of each row.
        keeps_order: whether all rows stay where they are, and weights what they are;
            for validation by row numbers or by time.
    """
    n_rows = len(target.weights)
    if keeps_order:
        return TableRows(columns, target, np.arange(n_rows), np.arange(n_rows))
    used = np.flatnonzero(target.weights > 0)
    content = [_codes(values[used]) for values in columns.values()]
    if target.groups is not None:
        content.append(_codes(target.groups[used]))
    rest = [_codes(target.weights[used])]
    rest += [_codes(column) for column in np.atleast_2d(target.values[used].T)]
    order = np.lexsort([*rest, *content])
    is_new = np.zeros(len(order), bool)
    is_new[:1] = True
    for key in content:
        is_new[1:] |= key[order[1:]] != key[order[:-1]]
    source = used[order]
    times = repetitions(target.counts[source])
    unit = np.cumsum(is_new) - 1
    n_distinct = int(is_new.sum())
    finest = max((_n_values(values[used]) for values in columns.values()), default=0)
    is_fine = finest >= _FINE * n_distinct >= _FINE * times.sum() / _MOST_COPIES
    if not (is_fine and _agree(unit, target, source)):
        unit = np.arange(len(source))
    kept = np.repeat(np.arange(len(source)), times)
    number = np.full(n_rows, -1)
    number[source] = np.cumsum(times) - times
    rows = source[kept]
    shared = replace(
        _rows_of_target(target, rows),
        weights=target.weights[rows] / times[kept],
        counts=target.counts[rows] / times[kept],
    )
    return TableRows(
        {name: values[rows] for name, values in columns.items()},
        shared,
        unit[kept],
        number,
    )


def _agree(unit: Array, target: Target, rows: Array) -> bool:
    """Whether rows of one unit have one target, as copies have and others have not."""
    values = _codes(np.atleast_2d(target.values[rows].T)[0])
    first = values[np.unique(unit, return_index=True)[1]][unit]
    n_repeated = len(unit) - (int(unit.max(initial=-1)) + 1)
    by_chance = 1 - ((np.bincount(values) / max(len(values), 1)) ** 2).sum()
    return bool((values != first).sum() <= _DISAGREE * by_chance * n_repeated)


def repetitions(weights: Array) -> Array:
    """How often each row is repeated instead of being weighted, `(row,)`, at least 1.

    All 1 where weights are not small whole multiples of one number, or the table would
    become too long.
    """
    once = np.ones(len(weights), np.int64)
    if not len(weights) or not (weights == np.round(weights)).all():
        return once
    if weights.max() > _MOST_REPEATED**2:
        return once
    whole = weights.astype(np.int64)
    times = whole // max(1, int(np.gcd.reduce(whole)))
    is_small = times.max() <= _MOST_REPEATED and times.sum() <= _LONGEST * len(times)
    return times if is_small else once


def _n_values(values: Array) -> int:
    """How many numbers or dates a column holds; none if it holds text."""
    return 0 if values.dtype.kind == "O" else len(np.unique(values))


def _rows_of_target(target: Target, rows: Array) -> Target:
    """The target of some rows; classes that are gone keep their places."""
    return replace(
        target,
        values=target.values[rows],
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
