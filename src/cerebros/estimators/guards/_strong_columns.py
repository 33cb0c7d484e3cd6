"""Columns that tell the target, with hardly anything left to learn."""

from __future__ import annotations

import numpy as np

from cerebros.estimators.guards._columns import (
    Column,
    Kind,
    Numbers,
    numbers_in_text,
)
from cerebros.estimators.guards._explained import (
    as_codes,
    explained_by_groups,
    explained_by_tree,
    explained_by_windows,
)
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._ranks import Ranks, rank
from cerebros.estimators.guards._target import Target
from cerebros.estimators.guards._target_codes import (
    FEWEST_ROWS,
    NEARLY_ALL,
    NEARLY_ALL_CLASSES,
    code_of_target,
    find_in_gaps,
    find_in_text,
    has_disjoint_targets,
)
from cerebros.estimators.guards._target_copies import (
    find_class_copy,
    find_copy,
)

FEWEST_PRESENT = 0.05
NEARLY_EXACT = 0.995
"""`NEARLY_ALL` for a number with few values: they may be settings of an experiment."""
SCREEN = 0.8
"""Agreement of neighbours' classes beyond chance, below which no tree is grown."""
SCREEN_STEP = 0.25
"""Mean change of the target's rank from one row to the next; by chance, a third."""
ROWS_PER_VALUE = 10
"""Mean number of rows with the same value, from which on a value is a category."""


def find_leak(
    column: Column, target: Target, rng: np.random.Generator
) -> Finding | None:
    """The gravest reason why this column tells the target, if there is one.

    Args:
        column: rows in random order, so that equal values are in no order.
        target: the same rows.
        rng: for comparisons with chance.
    """
    if target.is_constant:
        return None
    number = column if column.kind is not Kind.TEXT else numbers_in_text(column)
    return (
        (_find_in_order(number, target, rng) if number else None)
        or (find_in_text(column, target, rng) if column.kind is Kind.TEXT else None)
        or find_in_gaps(column, target, rng)
    )


def _find_in_order(
    column: Column, target: Target, rng: np.random.Generator
) -> Finding | None:
    is_present = ~column.is_missing
    n_present = int(is_present.sum())
    if n_present < max(2, FEWEST_PRESENT * len(is_present)):
        return None
    if n_present < len(is_present):
        rows = np.flatnonzero(is_present)
        column, target = column.at(rows), target.at(rows)
    x = rank(column.values)
    if x.n_values < 2 or target.is_constant:
        return None
    if target.is_class:
        return _find_classes_in_order(column, x, target)
    y = rank(target.values)
    copy = find_copy(column, x, target, y, rng)
    return copy or _find_number_in_order(column, x, target, y, rng)


def _find_number_in_order(
    column: Column, x: Ranks, target: Target, y: Ranks, rng: np.random.Generator
) -> Finding | None:
    n_rows = len(column.values)
    if n_rows < FEWEST_ROWS:
        return None
    if x.n_values * ROWS_PER_VALUE <= n_rows:
        return _find_number_by_value(column, target, y, rng)
    ordered = y.middle[x.order]
    if np.abs(ordered[1:] - ordered[:-1]).mean() > SCREEN_STEP:
        return None
    kinds = (y.middle, _without_tails(target.values))
    explained = max(explained_by_windows(x.order, kind[:, None]) for kind in kinds)
    return _strong(column, target, explained) if explained >= NEARLY_ALL else None


def _without_tails(values: Numbers) -> Numbers:
    """The values in their scale, but no few of them outweigh all others."""
    scaled = values / max(float(np.abs(values).max()), 1e-300)
    return np.clip(scaled, *np.quantile(scaled, [0.01, 0.99]))


def _find_number_by_value(
    column: Column, target: Target, y: Ranks, rng: np.random.Generator
) -> Finding | None:
    """A rounded target, or a few numbers that stand for its ranges."""
    codes = as_codes(column.values)
    explained = explained_by_groups(codes, y.middle[:, None])
    if has_disjoint_targets(codes, y, explained, rng):
        steps = np.diff(np.bincount(codes, y.middle) / np.bincount(codes)) > 0
        is_in_order = len(steps) > 1 and (steps.all() or not steps.any())
        rule = "target-copy" if is_in_order else "target-code"
        return code_of_target(column, target, f"{len(steps) + 1} values", rule)
    return _strong(column, target, explained) if explained >= NEARLY_EXACT else None


def _find_classes_in_order(column: Column, x: Ranks, target: Target) -> Finding | None:
    n_rows = len(column.values)
    if n_rows < FEWEST_ROWS or _agreement(target, x) < SCREEN:
        return None
    classes = target.classes
    if is_few := x.n_values * ROWS_PER_VALUE <= n_rows:
        explained = explained_by_groups(as_codes(column.values), target.scores)
    else:
        explained = explained_by_tree(column.values, classes)
    if explained < NEARLY_ALL_CLASSES - (int(classes.max()) + 1) / n_rows:
        return None
    copy = find_class_copy(column, target, explained)
    if copy or not is_few:
        return copy or _strong(column, target, explained)
    return code_of_target(column, target, f"{x.n_values} values, {explained:.1%}")


def _agreement(target: Target, x: Ranks) -> float:
    """How often rows next to each other have the same class, beyond chance."""
    ordered = target.values[x.order]
    same = float((ordered[1:] == ordered[:-1]).mean())
    by_chance = float((np.bincount(target.classes) ** 2).sum()) / len(ordered) ** 2
    return (same - by_chance) / max(1 - by_chance, 1e-12)


def _strong(column: Column, target: Target, explained: float) -> Finding:
    evidence = (
        f"alone it explains {explained:.1%} of {target.name} in rows that were held "
        f"out ({len(column.values):,} rows)."
    )
    way_out = "Leave it out if it is not known when a prediction is made"
    return found("strong-column", column.name, evidence, way_out, is_grave=True)
