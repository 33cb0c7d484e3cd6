"""Rows that stand in the table more than once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cerebros.estimators.guards._columns import Codes, Column, Numbers
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._target import Target

Hashes = npt.NDArray[np.uint64]

FEWEST_ROWS = 20
NOTED = 0.2
"""Share of repeated rows; real tables of measurements have up to 19 %."""
GRAVE = 1 / 3
NOTED_IF_COARSE = 0.4
"""The same, where all columns have few values, so that honest rows are often equal."""
FEWEST_VALUES = 30
"""Different values of the finest column, below which all columns have few."""


def find_duplicate_rows(
    columns: Sequence[Column],
    targets: Sequence[Target],
    groups: Codes | None,
    rng: np.random.Generator,
) -> Finding | None:
    """Repeated rows that random folds would put on both sides.

    Rows that would be equal by chance too, because the columns have few values,
    are not counted.

    Args:
        columns: all rows.
        targets: the same rows.
        groups: rows of one group stay on one side, so only repetitions in another
            group count.
        rng: for the comparison with chance.
    """
    n_rows = len(targets[0].values)
    if n_rows < FEWEST_ROWS or not columns:
        return None
    rows = hash_table(columns)
    share = _share_repeated(rows, groups)
    if share < NOTED:
        return None
    is_fine = _has_many_values(columns)
    shuffled = [rng.permutation(column.values) for column in columns]
    by_chance = _share_repeated(hash_rows(shuffled), groups)
    if share - by_chance < (NOTED if is_fine else NOTED_IF_COARSE):
        return None
    wholes = hash_rows([*(c.values for c in columns), *(t.values for t in targets)])
    with_target = _share_repeated(wholes, groups)
    evidence = (
        f"{round(share * n_rows):,} of {n_rows:,} rows ({share:.0%}) repeat another "
        f"row, {round(with_target * n_rows):,} of them with the same target; random "
        f"folds put them on both sides."
    )
    way_out = "Drop the repetitions"
    is_grave = is_fine and with_target >= GRAVE
    return found("duplicate-rows", None, evidence, way_out, is_grave=is_grave)


def hash_table(columns: Sequence[Column]) -> Hashes:
    return hash_rows([column.values for column in columns])


def hash_rows(columns: Sequence[Numbers]) -> Hashes:
    """`(row,)`: equal for equal rows, and else different but once in 2**64."""
    rows = np.zeros(len(columns[0]), np.uint64)
    for values in columns:
        same = np.where(np.isnan(values), np.nan, values + 0.0)  # -0.0 becomes 0.0
        rows = _mixed(rows, same.view(np.uint64))
    return rows


def _mixed(rows: Hashes, bits: Hashes) -> Hashes:
    """Reference: Steele, Lea & Flood 2014, SplitMix64."""
    rows = (rows ^ bits) * np.uint64(0x9E3779B97F4A7C15)
    rows = (rows ^ (rows >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return rows ^ (rows >> np.uint64(32))


def _share_repeated(rows: Hashes, groups: Codes | None) -> float:
    if groups is None:
        return 1 - len(np.unique(rows)) / len(rows)
    pairs = _mixed(rows, groups.astype(np.uint64))
    one_in_each_group = rows[np.unique(pairs, return_index=True)[1]]
    n_repeated = len(one_in_each_group) - len(np.unique(one_in_each_group))
    return n_repeated / len(rows)


def _has_many_values(columns: Sequence[Column]) -> bool:
    return any(len(np.unique(c.values)) >= FEWEST_VALUES for c in columns)
