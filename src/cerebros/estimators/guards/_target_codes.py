"""Columns that are a code of the target: texts, flags, or what is missing."""

from __future__ import annotations

import numpy as np

from cerebros.estimators.guards._columns import Codes, Column, Flags
from cerebros.estimators.guards._explained import as_codes, explained_by_groups
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._ranks import Ranks, rank
from cerebros.estimators.guards._target import Target
from cerebros.estimators.guards._target_copies import ALTERED, DROP, MISPLACED

NEARLY_ALL = 0.985
"""Share of a number's ranks that a column explains, from which on it is suspicious."""
NEARLY_ALL_CLASSES = 0.96
"""Less one row for each class, at the border with the next one."""
FEWEST_ROWS = 40
ROWS_PER_CATEGORY = 5
OUT_OF_PLACE = 0.005
SCREEN_RANGES = 0.7
"""Of what categories would explain that have ranges of their own."""


def find_in_text(
    column: Column, target: Target, rng: np.random.Generator
) -> Finding | None:
    codes = as_codes(column.values)
    n_values = int(codes.max()) + 1
    too_many = n_values * 2 > len(codes)
    if len(codes) < FEWEST_ROWS or n_values < 2 or too_many:
        return None
    if _looks_like_groups(codes) and not _is_one_to_one(codes, target):
        return None
    return _find_code(column, codes, target, rng, f"{n_values} categories")


def find_in_gaps(
    column: Column, target: Target, rng: np.random.Generator
) -> Finding | None:
    """Whether a value is missing tells the target."""
    gaps = column.is_missing
    n_gaps = int(gaps.sum())
    if len(gaps) < FEWEST_ROWS or not 0 < n_gaps < len(gaps):
        return None
    return _find_code(column, gaps.astype(np.intp), target, rng, "what is missing")


def _find_code(
    column: Column, codes: Codes, target: Target, rng: np.random.Generator, what: str
) -> Finding | None:
    explained = explained_by_groups(codes, target.scores)
    needed = NEARLY_ALL_CLASSES if target.is_class else NEARLY_ALL
    if explained >= needed:
        return code_of_target(column, target, f"{what}, {explained:.1%}")
    if target.is_class:
        return None
    if has_disjoint_targets(codes, rank(target.values), explained, rng):
        return code_of_target(column, target, what)
    return None


def _looks_like_groups(codes: Codes) -> bool:
    """Many values with a few rows each: patients or users rather than categories."""
    n_values = int(codes.max()) + 1
    return n_values >= 20 and 2 <= len(codes) / n_values <= 50


def _is_one_to_one(codes: Codes, target: Target) -> bool:
    """Each of the few values of the target has its category."""
    classes = target.classes
    n_classes, n_codes = int(classes.max()) + 1, int(codes.max()) + 1
    pairs = len(np.unique(codes * n_classes + classes))
    return n_classes <= 50 and n_codes <= n_classes and pairs <= 1.2 * n_classes


def has_disjoint_targets(
    codes: Codes, y: Ranks, explained: float, rng: np.random.Generator
) -> bool:
    """Each category has its own range of the target.

    Args:
        codes: categories of the rows.
        y: ranks of the target.
        explained: share of their variance that the categories explain.
        rng: for the comparison with chance.
    """
    counts = np.bincount(codes)
    if explained < SCREEN_RANGES * (1 - ((counts / len(codes)) ** 3).sum()):
        return False  # ranges of these sizes would explain all of the other factor
    is_large: Flags = counts[codes] >= ROWS_PER_CATEGORY
    if is_large.mean() < 0.9 or (counts >= ROWS_PER_CATEGORY).sum() < 2:
        return False
    kept = as_codes(codes[is_large].astype(np.float64))
    targets = rank(y.middle[is_large])
    misplaced = _out_of_place(kept, targets)
    if misplaced > ALTERED:
        return False
    by_chance = _out_of_place(rng.permutation(kept), targets)
    return misplaced <= ALTERED * by_chance and by_chance * len(kept) >= MISPLACED


def _out_of_place(codes: Codes, y: Ranks) -> float:
    """Share of rows outside the range that their category would fill alone."""
    means = np.bincount(codes, y.middle) / np.bincount(codes)
    blocks = rank(means[codes])
    away = np.maximum(y.low - blocks.high, blocks.low - y.high)
    return float((away > OUT_OF_PLACE).mean())


def code_of_target(
    column: Column, target: Target, what: str, rule: str = "target-code"
) -> Finding:
    evidence = (
        f"it is a code of {target.name}: its values ({what}) leave nearly nothing "
        f"open in {len(column.values):,} rows."
    )
    return found(rule, column.name, evidence, DROP, is_grave=True)
