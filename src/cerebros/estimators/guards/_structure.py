"""Rows that belong together: by patients or users, or because they follow in time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cerebros.estimators.guards._columns import (
    Codes,
    Column,
    Flags,
    Kind,
    Numbers,
    Rows,
    dates_in_text,
)
from cerebros.estimators.guards._explained import (
    as_codes,
    explained_by_groups,
    explained_by_next_values,
    mean_of_others,
    share_explained,
)
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._other_columns import N_FOLDS, predict_from
from cerebros.estimators.guards._target import Target

MOST_ROWS = 5000
FEWEST_ROWS = 60
FEWEST_GROUPS = 20
MOST_ROWS_PER_GROUP = 50
SHARED = 0.6
"""Share of the target that the other rows of a group explain."""
BEYOND_NEIGHBORS = 0.3
"""The same, more than groups with the next numbers explain: else it is a quantity."""
BEYOND_OTHERS = 0.05
"""The same, more than the other columns explain."""
OF_THE_REST = 0.5
"""The same, of what the other columns leave open."""
GRAVE = 0.85
"""As `SHARED`, from which on it is a leak rather than a note."""
FOLLOWS = 0.2
"""Correlation of the targets of rows that follow each other, in order of a date."""
FOLLOWS_IN_ROWS = 0.5
"""The same, in order of the rows, of what the other columns leave open."""
GRAVE_FOLLOWS = 0.3
SURE = 6.0
"""The same, in standard deviations of what is found in shuffled rows."""
BLOCK = 500


def is_group_candidate(column: Column) -> bool:
    """Whether a column may name groups, by its values alone; all rows are needed."""
    if column.kind is Kind.TEXT:
        present = column.values[~column.is_missing]
        n_values = len(column.labels)
    elif column.kind is Kind.NUMBER:
        present = column.values[~column.is_missing]
        if not np.isfinite(present).all() or (present != np.floor(present)).any():
            return False
        n_values = len(np.unique(present))
    else:
        return False
    few = max(FEWEST_ROWS, 0.5 * len(column.values))
    if len(present) < few or n_values < FEWEST_GROUPS:
        return False
    return 2 <= len(present) / n_values <= MOST_ROWS_PER_GROUP


def find_groups(
    column: Column,
    columns: Sequence[Column],
    target: Target,
    rng: np.random.Generator,
) -> Finding | None:
    """A column whose equal values go with equal targets, as those of patients do.

    Args:
        column: the candidate, all rows.
        columns: all columns, which may explain the same.
        target: all rows.
        rng: draws groups from large tables, and the features of the quick model.
    """
    rows = np.flatnonzero(~column.is_missing)
    rows = _rows_of_some_groups(column.values, rows, rng)
    codes, scores = as_codes(column.values[rows]), target.at(rows).scores
    shared = explained_by_groups(codes, scores)
    if shared < SHARED:
        return None
    if column.kind is Kind.NUMBER:
        near = explained_by_next_values(codes, scores)
        if shared - near < BEYOND_NEIGHBORS:
            return None
    others = [other.at(rows) for other in columns if other.name != column.name]
    folds = rng.permutation(int(codes.max()) + 1)[codes] % N_FOLDS
    open_ = scores - predict_from(others, scores, folds, rng)
    by_others = share_explained(scores, scores - open_)
    together = share_explained(scores, scores - open_ + mean_of_others(codes, open_))
    rest = 1 - max(by_others, 0)
    if together - (1 - rest) < max(BEYOND_OTHERS, OF_THE_REST * rest):
        return None
    return _groups(column, codes, target, shared, by_others)


def _rows_of_some_groups(values: Numbers, rows: Rows, rng: np.random.Generator) -> Rows:
    """All rows, or about `MOST_ROWS` of whole groups."""
    if len(rows) <= MOST_ROWS:
        return rows
    codes = as_codes(values[rows])
    counts = np.bincount(codes)
    order = rng.permutation(len(counts))
    n_kept = int(np.searchsorted(np.cumsum(counts[order]), MOST_ROWS))
    is_kept = np.zeros(len(counts), bool)
    is_kept[order[: max(n_kept, 1)]] = True
    return rows[is_kept[codes]]


def _groups(
    column: Column, codes: Codes, target: Target, shared: float, by_others: float
) -> Finding:
    n_groups = int(codes.max()) + 1
    evidence = (
        f"{n_groups:,} values with about {len(codes) / n_groups:.0f} rows each; the "
        f"other rows of a value explain {shared:.0%} of {target.name}, the other "
        f"columns {max(by_others, 0):.0%}; random folds put them on both sides."
    )
    way_out = f'Keep them together with validation=GroupFolds("{column.name}")'
    return found("groups", column.name, evidence, way_out, is_grave=shared >= GRAVE)


def find_time_order(
    column: Column, target: Target, rng: np.random.Generator
) -> Finding | None:
    """A column of dates, in the order of which the target changes slowly."""
    dates = dates_in_text(column) if column.kind is Kind.TEXT else column
    if dates is None or dates.kind is not Kind.DATE or target.is_constant:
        return None
    rows = rng.permutation(np.flatnonzero(~dates.is_missing))
    if len(rows) < FEWEST_ROWS:
        return None
    rows = rows[np.argsort(dates.values[rows], kind="stable")]
    if len(np.unique(dates.values[rows])) < FEWEST_GROUPS:
        return None
    follows = _follows(target.at(rows).scores)
    if follows < FOLLOWS or follows * np.sqrt(len(rows)) < SURE:
        return None
    evidence = _time_evidence(f"ordered by it, {target.name}", follows, len(rows))
    way_out = (
        f'Predict later rows from earlier ones, validation=TimeFolds("{column.name}")'
    )
    is_grave = follows >= GRAVE_FOLLOWS
    return found("time-order", column.name, evidence, way_out, is_grave=is_grave)


def find_row_order(
    columns: Sequence[Column], target: Target, rng: np.random.Generator
) -> Finding | None:
    """Rows whose neighbours have targets that the columns do not tell."""
    if len(target.values) < FEWEST_ROWS or target.is_constant or _is_sorted(target):
        return None
    scores = target.scores
    if _follows(scores) < FOLLOWS:
        return None
    rows, blocks = _some_blocks(len(scores), rng)
    folds = blocks % N_FOLDS
    others = [column.at(rows) for column in columns]
    open_ = scores[rows] - predict_from(others, scores[rows], folds, rng)
    follows = _follows(open_, blocks[1:] == blocks[:-1])
    rest = 1 - share_explained(scores[rows], scores[rows] - open_)
    if rest * follows**2 < BEYOND_OTHERS:
        return None
    if follows < FOLLOWS_IN_ROWS or follows * np.sqrt(len(rows)) < SURE:
        return None
    what = f"in the order of the rows, what the columns leave open of {target.name}"
    evidence = _time_evidence(what, follows, len(rows))
    way_out = (
        "If the rows follow in time, add a column that says when, and use "
        "validation=TimeFolds of it; if they were sorted, nothing is wrong"
    )
    return found("time-order", None, evidence, way_out, is_grave=False)


def _time_evidence(what: str, follows: float, n_rows: int) -> str:
    return (
        f"{what} correlates {follows:.2f} from one row to the next ({n_rows:,} rows; "
        f"shuffled, {2 / np.sqrt(n_rows):.2f} at most); random folds leak neighbours."
    )


def _follows(scores: Numbers, is_pair: Flags | None = None) -> float:
    """Correlation of one row's scores with the next row's."""
    centered = scores - scores.mean(axis=0)
    products = (centered[1:] * centered[:-1]).sum(axis=1)
    if is_pair is not None:
        products = products[is_pair]
    variance = (centered**2).sum(axis=1).mean()
    return float(products.mean() / max(variance, 1e-12)) if len(products) else 0.0


def _is_sorted(target: Target) -> bool:
    """Rows were put in order of the target, in one stretch or in a few."""
    y = target.values
    if target.is_class:
        n_runs = int((y[1:] != y[:-1]).sum()) + 1
        return n_runs <= 3 * (int(target.classes.max()) + 1)
    rises, falls = (y[1:] >= y[:-1]).mean(), (y[1:] <= y[:-1]).mean()
    return bool(max(rises, falls) > 0.95)


def _some_blocks(n_rows: int, rng: np.random.Generator) -> tuple[Rows, Codes]:
    """Rows in stretches, each with its number; all rows of a small table."""
    length = min(BLOCK, max(n_rows // (4 * N_FOLDS), 1))
    blocks = np.arange(n_rows) // length
    n_blocks = int(blocks[-1]) + 1
    kept = rng.permutation(n_blocks)[: MOST_ROWS // length]
    rows = np.flatnonzero(np.isin(blocks, kept))
    return rows, as_codes(blocks[rows].astype(np.float64))
