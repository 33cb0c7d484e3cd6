"""What the columns of a table were like, kept to be compared with later rows.

Needs nothing but NumPy, so that it runs where a network is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.guards._columns import Codes, Column, Kind, read_column

MOST_CATEGORIES = 1000
OPEN = 0.5
"""Share of texts that occur once, from which on there are no categories to know."""


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Where the numbers of a column were.

    Attributes:
        low: the smallest finite one; None if there were none.
        high: the largest finite one.
        usual_low: 1 % were smaller.
        usual_high: 1 % were larger.
        n_values: how many finite ones there were.
        missing: share of missing values.
    """

    low: float | None
    high: float | None
    usual_low: float | None
    usual_high: float | None
    n_values: int
    missing: float


@dataclass(frozen=True, slots=True)
class CategoryRange:
    """Which texts a column had.

    Attributes:
        known: the most frequent ones; empty where nearly every text occurred once.
        new: share of texts among later rows of the same kind that are to be expected
            not to be known; 1 where no text is known. Of more texts than are kept,
            half the rows choose which, and the other half counts the rest.
        missing: share of missing values.

    Reference:
        Good 1953, The population frequencies of species: the share of new ones is
        the share of those that were seen once.
    """

    known: tuple[str, ...]
    new: float
    missing: float


@dataclass(frozen=True, slots=True)
class TableRanges:
    """The ranges of all columns; plain data.

    Attributes:
        numbers: by name, columns of numbers and booleans.
        categories: by name, columns of text.
        missing: by name, the share of missing values of the other columns, dates:
            later rows have later dates by nature.
    """

    numbers: Mapping[str, NumberRange] = field(default_factory=dict)
    categories: Mapping[str, CategoryRange] = field(default_factory=dict)
    missing: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, columns: Mapping[str, npt.NDArray[Any]]) -> TableRanges:
        """The ranges of a table, given as arrays by name."""
        numbers, categories, missing = {}, {}, {}
        for name, values in columns.items():
            column = read_column(name, np.asarray(values))
            if column.kind is Kind.TEXT:
                categories[name] = _category_range(column)
            elif column.kind is Kind.DATE:
                missing[name] = missing_share(column)
            else:
                numbers[name] = _number_range(column)
        return cls(numbers, categories, missing)

    def to_json(self) -> dict[str, Any]:
        """The same as dictionaries, lists and numbers."""
        return {
            "numbers": {name: asdict(x) for name, x in self.numbers.items()},
            "categories": {
                name: {**asdict(x), "known": list(x.known)}
                for name, x in self.categories.items()
            },
            "missing": dict(self.missing),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TableRanges:
        """The ranges that `to_json` gave."""
        return cls(
            {name: NumberRange(**x) for name, x in plain["numbers"].items()},
            {
                name: CategoryRange(tuple(x["known"]), x["new"], x["missing"])
                for name, x in plain["categories"].items()
            },
            dict(plain["missing"]),
        )


def missing_share(column: Column) -> float:
    return float(column.is_missing.mean()) if len(column.values) else 0.0


def _number_range(column: Column) -> NumberRange:
    missing = missing_share(column)
    finite = column.values[np.isfinite(column.values)]
    if not len(finite):
        return NumberRange(None, None, None, None, 0, missing)
    usual = np.quantile(finite, [0.01, 0.99], method="closest_observation")
    ends = (finite.min(), finite.max(), *usual)
    low, high, usual_low, usual_high = (float(end) for end in ends)
    return NumberRange(low, high, usual_low, usual_high, len(finite), missing)


def _category_range(column: Column) -> CategoryRange:
    missing = missing_share(column)
    codes = column.values[~column.is_missing].astype(np.intp)
    counts = np.bincount(codes, minlength=len(column.labels))
    n_rows = max(len(codes), 1)
    once = float((counts == 1).sum() / n_rows)
    if once > OPEN:
        return CategoryRange((), 1.0, missing)
    known = tuple(column.labels[code] for code in _most_frequent(counts))
    if len(counts) <= MOST_CATEGORIES:
        return CategoryRange(known, once, missing)
    chosen = _most_frequent(np.bincount(codes[::2], minlength=len(counts)))
    left_out = 1 - float(np.isin(codes[1::2], chosen).mean())
    return CategoryRange(known, max(once, left_out), missing)


def _most_frequent(counts: Codes) -> Codes:
    return np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
