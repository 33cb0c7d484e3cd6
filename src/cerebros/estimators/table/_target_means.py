"""Mean targets of categories, drawn towards the mean of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table._numbers import Floats

Ints = npt.NDArray[np.intp]

_MOST_LEVELS = 100_000  # that are kept; the rarest beyond are as if unseen


@dataclass(frozen=True, eq=False)
class TargetMeans:
    """How far the mean target of each category is from that of all rows.

    A mean of few rows says little, so it is drawn towards that of all rows, to the
    share `n · b / (n · b + a)`. There n is the weight of its rows, a the variance of
    targets within categories, and b the variance between true means of categories, as
    an analysis of variance estimates it; where categories do not differ by more than
    chance, b is 0 and so are all features. A category that training did not have is 0.

    Attributes:
        levels: categories, None among them where values are missing.
        means: `(level, output)`.

    Reference:
        Micci-Barreca, 2001, "A preprocessing scheme for high-cardinality categorical
        attributes in classification and prediction problems"; Searle, Casella and
        McCulloch, 1992, "Variance Components", for the variances.
    """

    levels: tuple[str | None, ...]
    means: Floats

    @classmethod
    def fit(
        cls, values: npt.NDArray[Any], targets: Floats, weights: Floats
    ) -> TargetMeans:
        """Learn from a column.

        Args:
            values: text, None is missing.
            targets: standardized, `(row, output)`.
            weights: of rows, 1 on average.
        """
        levels, codes = _coded(values)
        sums = _Sums.of(codes, np.zeros(len(codes), np.intp), targets, weights)
        means = sums.of_fold(0).means()
        kept = np.flatnonzero(means.any(axis=1))
        if len(kept) > _MOST_LEVELS:
            order = np.argsort(-sums.counts[kept, 0], kind="stable")
            kept = np.sort(kept[order[:_MOST_LEVELS]])
        return cls(tuple(levels[i] for i in kept), means[kept])

    def transform(self, values: npt.NDArray[Any]) -> Floats:
        """`(row, output)`."""
        unseen = len(self.levels)
        places = self._places
        at = np.array([places.get(value, unseen) for value in values], np.intp)
        return np.concatenate([self.means, np.zeros((1, self.means.shape[1]))])[at]

    @cached_property
    def _places(self) -> dict[str | None, int]:
        return {level: i for i, level in enumerate(self.levels)}

    def state(self) -> dict[str, Any]:
        return {"levels": list(self.levels), "means": self.means}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TargetMeans:
        means = np.asarray(state["means"], np.float64)
        return cls(tuple(state["levels"]), means)


def out_of_fold_means(
    values: npt.NDArray[Any], targets: Floats, weights: Floats, folds: Ints
) -> Floats:
    """What `TargetMeans` of the rows of all other folds make of each row.

    Args:
        values: text, None is missing.
        targets: standardized, `(row, output)`.
        weights: of rows, 1 on average.
        folds: number of each row's fold.
    """
    _, codes = _coded(values)
    numbers, folds = np.unique(folds, return_inverse=True)
    sums = _Sums.of(codes, folds, targets, weights)
    features = np.zeros(targets.shape)
    for fold in range(len(numbers)):
        rows = np.flatnonzero(folds == fold)
        features[rows] = sums.without_fold(fold).means()[codes[rows]]
    return features


def _coded(values: npt.NDArray[Any]) -> tuple[list[str | None], Ints]:
    """The categories of a column by their first row, and the number of each row's."""
    places: dict[str | None, int] = {}
    codes = [places.setdefault(value, len(places)) for value in values]
    return list(places), np.array(codes, np.intp)


@dataclass(frozen=True, eq=False)
class _Level:
    """Sums of the rows of each category."""

    counts: Floats
    weights: Floats
    sums: Floats
    squares: Floats

    def means(self) -> Floats:
        """See `TargetMeans`; 0 where there are no rows."""
        n_rows, n_levels = self.counts.sum(), np.count_nonzero(self.counts)
        if n_levels < 2 or n_rows <= n_levels:
            return np.zeros(self.sums.shape)
        weights = np.where(self.counts > 0, self.weights, 0.0)
        total = weights.sum()
        of_level = weights[:, None]
        means = np.where(of_level > 0, self.sums, 0) / np.where(
            of_level > 0, of_level, 1
        )
        grand = (of_level * means).sum(axis=0) / total
        explained = (of_level * means**2).sum(axis=0)
        within = np.maximum(self.squares - explained, 0) / (n_rows - n_levels)
        around = (of_level * (means - grand) ** 2).sum(axis=0)
        chance = (n_levels - 1) * within
        effective = total - (weights**2).sum() / total
        between = np.maximum(around - chance, 0) / max(effective, 1e-300)
        certain = of_level * between
        share = certain / np.where(certain > 0, certain + within, 1.0)
        return np.asarray(np.where(of_level > 0, share * (means - grand), 0.0))


@dataclass(frozen=True, eq=False)
class _Sums:
    """The same for each fold, `(level, fold)` and `(level, fold, output)`."""

    counts: Floats
    weights: Floats
    sums: Floats
    squares: Floats  # (fold, output)

    @classmethod
    def of(cls, codes: Ints, folds: Ints, targets: Floats, weights: Floats) -> _Sums:
        n_levels = int(codes.max(initial=-1)) + 1
        n_folds = int(folds.max(initial=0)) + 1
        shape, n_cells = (n_levels, n_folds), n_levels * n_folds
        cells = codes * n_folds + folds
        counts = np.bincount(cells[weights > 0], minlength=n_cells)
        columns = [
            np.bincount(cells, weights * column, n_cells).astype(np.float64)
            for column in targets.T
        ]
        squares = [
            np.bincount(folds, weights * column**2, n_folds).astype(np.float64)
            for column in targets.T
        ]
        return cls(
            counts.astype(float).reshape(shape),
            np.bincount(cells, weights, n_cells).astype(float).reshape(shape),
            np.stack(columns, axis=1).reshape(*shape, targets.shape[1]),
            np.stack(squares, axis=1),
        )

    def of_fold(self, fold: int) -> _Level:
        return _Level(
            self.counts[:, fold],
            self.weights[:, fold],
            self.sums[:, fold],
            self.squares[fold],
        )

    def without_fold(self, fold: int) -> _Level:
        own = self.of_fold(fold)
        return _Level(
            self.counts.sum(axis=1) - own.counts,
            self.weights.sum(axis=1) - own.weights,
            self.sums.sum(axis=1) - own.sums,
            self.squares.sum(axis=0) - own.squares,
        )
