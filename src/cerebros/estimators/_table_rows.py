"""Rows in an order that follows from what they hold, and which belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
_NEARLY_EQUAL = 0.25
"""Rows that differ in one column alone, for each that differs in none: with more of
them, rows are close to one another anyway, and some are equal by nature."""
_ROWS_COMPARED = 20_000
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


def table_rows(
    columns: Columns,
    target: Target,
    *,
    keeps_order: bool,
    keeps_all: bool = False,
    kinds: Mapping[str, str] | None = None,
) -> TableRows:
    """Order rows by content, so that a table that is shuffled is learned alike.

    Every row stays a row. Where rows that are equal in all columns that are learned
    from (and of the same group) have equal targets, and a table is fine, they are
    copies of one, and are one unit: with copies on both sides of a fold, the score
    would be that of a memory. A table is fine if at least half of the distinct rows
    differ in one column of numbers, dates or texts alone, or if hardly any rows are
    equal but for one column. In coarser tables, and where targets differ, rows are
    equal by nature.

    Small whole weights are repetitions of a row, which are one unit, too. So a row of
    weight 2 is the same as two rows. Other weights stay weights.

    Args:
        columns: of the table.
        target: of each row.
        keeps_order: whether rows stay in their order, and weights what they are; for
            validation by time.
        keeps_all: whether rows of no weight stay, too, and all where they are; for
            validation by row numbers.
        kinds: of the columns, see `kinds_of`; None if numbers and categories are all
            there is, and all are learned from.
    """
    n_rows = len(target.weights)
    everything = np.arange(n_rows)
    if keeps_all:
        return TableRows(columns, target, everything, everything)
    kinds = kinds or {}
    used = np.flatnonzero(target.counts > 0)
    if keeps_order:
        number = np.full(n_rows, -1)
        number[used] = np.arange(len(used))
        return TableRows(
            {name: values[used] for name, values in columns.items()},
            replace(
                _rows_of_target(target, used),
                weights=target.weights[used],
                counts=target.counts[used],
            ),
            everything[: len(used)],
            number,
        )
    codes = {name: _codes(values[used]) for name, values in columns.items()}
    unread = [name for name in columns if kinds.get(name, "").startswith("!")]
    of_unread = [codes.pop(name) for name in unread]
    content = list(codes.values())
    if target.groups is not None:
        content.append(_codes(target.groups[used]))
    rest = [*of_unread, _codes(target.weights[used])]
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
    finest = max(
        (
            len(np.unique(own))
            for name, own in codes.items()
            if columns[name].dtype.kind != "O" or kinds.get(name) == "text"
        ),
        default=0,
    )
    is_fine = n_distinct * _MOST_COPIES >= times.sum() and (
        finest >= _FINE * n_distinct or _are_far_apart(list(codes.values()))
    )
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
    values = np.unique(target.values[rows], axis=0, return_inverse=True)[1].ravel()
    first = values[np.unique(unit, return_index=True)[1]][unit]
    n_repeated = len(unit) - (int(unit.max(initial=-1)) + 1)
    by_chance = 1 - ((np.bincount(values) / max(len(values), 1)) ** 2).sum()
    return bool((values != first).sum() <= _DISAGREE * by_chance * n_repeated)


def _are_far_apart(content: Sequence[Array]) -> bool:
    """Whether rows are equal, or differ in more than one column.

    Where rows are equal by nature, many more are equal but for one column.

    Args:
        content: of each column the numbers of its values, `(row,)`.
    """
    if len(content) < 2:
        return False
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(content[0]))[:_ROWS_COMPARED]
    marks = []
    for codes in content:
        own = codes[rows] - codes.min(initial=0)
        drawn = rng.integers(2**63, size=int(own.max(initial=0)) + 1, dtype=np.uint64)
        marks.append(drawn[own])
    whole = np.sum(marks, axis=0, dtype=np.uint64)  # equal only where rows are
    n_distinct = len(np.unique(whole))
    most = _NEARLY_EQUAL * (len(rows) - n_distinct)
    n_near = 0
    for own in marks:
        n_near += n_distinct - len(np.unique(whole - own))
        if n_near > most:
            return False
    return n_distinct < len(rows)


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
