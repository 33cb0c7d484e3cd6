"""All guards, one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators.guards._classes import find_small_classes
from cerebros.estimators.guards._columns import Codes, Column, read_column, read_columns
from cerebros.estimators.guards._explained import as_codes
from cerebros.estimators.guards._finding import (
    Finding,
    check_ignored,
    without_ignored,
)
from cerebros.estimators.guards._identifiers import find_identifiers
from cerebros.estimators.guards._outliers import find_outliers
from cerebros.estimators.guards._rows import find_duplicate_rows, hash_table
from cerebros.estimators.guards._strong_columns import find_leak
from cerebros.estimators.guards._structure import (
    find_groups,
    find_row_order,
    find_time_order,
    is_group_candidate,
)
from cerebros.estimators.guards._target import Target, read_targets

MOST_ROWS = 5000
"""Rows, drawn at random, on which columns are compared with the target."""


def check_table(
    columns: Mapping[str, npt.NDArray[Any]],
    target: npt.NDArray[Any],
    *,
    is_classification: bool,
    n_folds: int,
    is_random_split: bool = True,
    groups: npt.ArrayLike | None = None,
    order: str | None = None,
    ignore: Collection[str] = (),
    seed: int = 0,
) -> list[Finding]:
    """Look for leaks, and for what makes scores mislead, before any training.

    A column has at most one grave finding: a copy of the target is not reported as
    a strong column too.

    Args:
        columns: one-dimensional arrays by name: numbers (NaN is missing), booleans,
            dates, or objects that are texts (None or NaN is missing).
        target: numbers, one column or several, or numbers of classes. Rows in which
            one of them is not finite are left out.
        is_classification: whether the target is numbers of classes.
        n_folds: of the cross-validation that is planned.
        is_random_split: rows are put into folds at random; otherwise duplicates,
            groups and time are not looked at.
        groups: `(row,)`, groups that stay together in the folds.
        order: name of the column by which rows are ordered in time.
        ignore: rules that are silenced, as `"rule"` or `"rule:column"`.
        seed: for the draw of rows; equal seeds give equal findings.

    Returns:
        What was found, the grave findings first.

    Raises:
        ValueError: if `ignore` names an unknown rule.
        DataError: if the columns, the target and the groups have different numbers
            of rows.
    """
    check_ignored(ignore)
    _check_lengths(columns, target, groups)
    targets = read_targets(target, is_classification=is_classification)
    is_kept = np.all([np.isfinite(t.values) for t in targets], axis=0)
    rows = np.flatnonzero(is_kept)
    if len(rows) < 2:
        return []
    table = [column.at(rows) for column in read_columns(columns)]
    targets = [t.at(rows) for t in targets]
    together = None if groups is None else _group_codes(groups)[rows]

    findings = [*_leaks(table, targets, seed)]
    rest = _without(table, findings)
    findings += find_identifiers(rest, targets, order)
    if is_random_split:
        findings += _of_random_splits(table, findings, targets, together, seed)
    findings += _of_targets(targets, n_folds)
    findings = without_ignored(findings, ignore)
    return sorted(findings, key=lambda finding: not finding.is_grave)


def _without(table: Sequence[Column], findings: Sequence[Finding]) -> list[Column]:
    suspects = {finding.column for finding in findings}
    return [column for column in table if column.name not in suspects]


def _check_lengths(
    columns: Mapping[str, npt.NDArray[Any]],
    target: npt.NDArray[Any],
    groups: npt.ArrayLike | None,
) -> None:
    lengths = {f"column {name!r}": len(x) for name, x in columns.items()}
    if groups is not None:
        lengths["groups"] = len(np.asarray(groups))
    if wrong := {what: n for what, n in lengths.items() if n != len(target)}:
        raise DataError(
            f"columns and groups must have as many rows as the target, "
            f"{len(target)}, but got {wrong}; give all of the same rows"
        )


def _group_codes(groups: npt.ArrayLike) -> Codes:
    return as_codes(read_column("groups", np.asarray(groups)).values)


def _leaks(
    table: Sequence[Column], targets: Sequence[Target], seed: int
) -> Iterator[Finding]:
    """Columns that tell the target; the first reason for each."""
    rng = np.random.default_rng([seed, 0])
    rows = rng.permutation(len(targets[0].values))[:MOST_ROWS]
    drawn = [target.at(rows) for target in targets]
    for column in table:
        some = column.at(rows)
        reasons = (find_leak(some, target, rng) for target in drawn)
        if finding := next((reason for reason in reasons if reason), None):
            yield finding


def _of_random_splits(
    table: Sequence[Column],
    findings: Sequence[Finding],
    targets: Sequence[Target],
    groups: Codes | None,
    seed: int,
) -> Iterator[Finding]:
    """What is on both sides when rows are put into folds at random."""
    rng = np.random.default_rng([seed, 1])
    named = [finding for finding in findings if finding.rule == "identifier"]
    unnamed = _without(table, named)
    if repeated := find_duplicate_rows(unnamed, targets, groups, rng):
        yield repeated
        rows = np.sort(np.unique(hash_table(unnamed), return_index=True)[1])
        table = [column.at(rows) for column in table]
        targets = [target.at(rows) for target in targets]
    rest = _without(table, findings)
    belonging = [] if groups is not None else _groups(rest, targets, rng)
    belonging += filter(None, (find_time_order(c, targets[0], rng) for c in rest))
    yield from belonging
    if not belonging and groups is None:
        orders = (find_row_order(rest, target, rng) for target in targets)
        yield from [finding for finding in orders if finding][:1]


def _groups(
    table: Sequence[Column], targets: Sequence[Target], rng: np.random.Generator
) -> list[Finding]:
    findings = []
    for column in filter(is_group_candidate, table):
        reasons = (find_groups(column, table, target, rng) for target in targets)
        findings += [reason for reason in reasons if reason][:1]
    return findings


def _of_targets(targets: Sequence[Target], n_folds: int) -> Iterator[Finding]:
    for target in targets:
        yield from filter(None, [find_small_classes(target, n_folds)])
        yield from filter(None, [find_outliers(target)])
