"""Rows that are unlike those that a network was trained on.

Needs nothing but NumPy, so that it runs where a network is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.guards._columns import Column, read_column
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._ranges import (
    CategoryRange,
    NumberRange,
    TableRanges,
    missing_share,
)

MARGIN = 0.25
"""Of the usual range, added to the whole range on both sides."""
FEW = 0.01
"""Share of rows that are let pass."""
SHIFTED = 0.2
"""Share of rows outside the usual range, where 2 % are to be expected."""
FEWEST_ROWS = 20
"""For saying that many rows are somewhat unusual."""
MORE = 0.1
"""Change of the share of missing values that is let pass."""
NAMED = 3
WAY_OUT = "Check the source and the units, train again with such rows"


def find_drift(
    reference: TableRanges, columns: Mapping[str, npt.NDArray[Any]]
) -> list[Finding]:
    """Compare rows to be predicted with the rows of the training.

    Args:
        reference: `TableRanges.of` the columns of the training.
        columns: the new rows, arrays by name; columns that the reference does not
            know are passed over.

    Returns:
        Notes, by rules `range-drift`, `category-drift` and `missing-drift`.
    """
    findings: list[Finding | None] = []
    for name, values in columns.items():
        column = read_column(name, np.asarray(values))
        if not len(column.values):
            continue
        if name in reference.numbers:
            number = reference.numbers[name]
            findings += [_range(column, number), _missing(column, number.missing)]
        elif name in reference.categories:
            category = reference.categories[name]
            findings += [
                _category(column, category),
                _missing(column, category.missing),
            ]
        elif name in reference.missing:
            findings.append(_missing(column, reference.missing[name]))
    return [finding for finding in findings if finding]


def _range(column: Column, known: NumberRange) -> Finding | None:
    present = _as_number(column)
    if known.low is None or known.high is None or not len(present):
        return None
    assert known.usual_low is not None
    assert known.usual_high is not None
    margin = MARGIN * known.usual_high - MARGIN * known.usual_low
    is_far = (present < known.low - margin) | (present > known.high + margin)
    is_unusual = (present < known.usual_low) | (present > known.usual_high)
    if is_far.sum() > max(_most(2 / known.n_values, len(present)), FEW * len(present)):
        outside = present[is_far]
        where = f"from {known.low:.6g} to {known.high:.6g}, the range of the training"
        return _drift("range-drift", column, outside, len(present), where)
    if len(present) >= FEWEST_ROWS and is_unusual.mean() > SHIFTED:
        outside = present[is_unusual]
        where = (
            f"from {known.usual_low:.6g} to {known.usual_high:.6g}, where 98 % of the "
            f"training are"
        )
        return _drift("range-drift", column, outside, len(present), where)
    return None


def _as_number(column: Column) -> npt.NDArray[np.float64]:
    """The present values; texts where numbers are expected are not looked at."""
    if column.labels:
        return np.empty(0)
    return column.values[~column.is_missing]


def _drift(
    rule: str,
    column: Column,
    outside: npt.NDArray[np.float64],
    n_rows: int,
    where: str,
) -> Finding:
    extreme = outside[np.argmax(np.abs(outside))]
    evidence = (
        f"{len(outside):,} of {n_rows:,} values, such as {extreme:.6g}, are not "
        f"{where}."
    )
    return found(rule, column.name, evidence, WAY_OUT, is_grave=False)


def _category(column: Column, known: CategoryRange) -> Finding | None:
    codes = column.values[~column.is_missing].astype(np.intp)
    new = [i for i, label in enumerate(column.labels) if label not in known.known]
    n_new, n_rows = int(np.isin(codes, new).sum()), len(codes)
    if n_new <= max(_most(known.new, n_rows), FEW * n_rows):
        return None
    names = ", ".join(repr(column.labels[i]) for i in new[:NAMED])
    evidence = (
        f"{n_new:,} of {n_rows:,} values were not in the training, such as {names}."
    )
    return found("category-drift", column.name, evidence, WAY_OUT, is_grave=False)


def _most(share: float, n_rows: int) -> float:
    """How many rows are still explained by chance, if each has this probability."""
    expected = n_rows * min(share, 1.0)
    return expected + 3 * float(np.sqrt(expected * (1 - min(share, 1.0))))


def _missing(column: Column, known: float) -> Finding | None:
    share, n_rows = missing_share(column), len(column.values)
    chance = 3 * np.sqrt(known * (1 - known) / n_rows)
    is_new = known == 0 and share > FEW
    if not is_new and abs(share - known) <= MORE + chance:
        return None
    evidence = (
        f"{share:.0%} of {n_rows:,} values are missing, {known:.0%} in the training."
    )
    return found("missing-drift", column.name, evidence, WAY_OUT, is_grave=False)
