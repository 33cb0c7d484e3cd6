"""Categories for networks: one feature each, rare and unseen ones together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table._numbers import Floats
from cerebros.estimators.table._target_means import TargetMeans, out_of_fold_means

_LEAST_ROWS = 3


@dataclass(frozen=True, slots=True)
class CategoryEncoder:
    """What a column of text becomes: one feature, 0 or 1, for each frequent category.

    Where several categories share the last of them, there are mean targets of all
    categories, too, one for each output.

    Attributes:
        kept: frequent categories, each with a feature.
        has_missing: whether missing values have a feature, behind the categories.
        has_rare: whether all other categories, unseen ones among them, have the next.
        means: mean targets, which have the last; None for none.
    """

    kept: tuple[str, ...]
    has_missing: bool
    has_rare: bool
    means: TargetMeans | None = None

    @classmethod
    def fit(
        cls,
        values: npt.NDArray[Any],
        most: int,
        targets: Floats | None = None,
        weights: Floats | None = None,
    ) -> CategoryEncoder:
        """Learn from a column.

        Args:
            values: text, None is missing.
            most: categories with a feature of their own, at most.
            targets: standardized, `(row, output)`; None for no mean targets.
            weights: of rows, 1 on average; None for equal ones.
        """
        counts = Counter(value for value in values if value is not None)
        n_missing = len(values) - sum(counts.values())
        frequent = [c for c, n in counts.most_common(most) if n >= _LEAST_ROWS]
        n_rare = len(counts) - len(frequent)
        # Without others, it would be the same for all rows.
        has_rare = n_rare > 0 and bool(frequent or n_missing)
        encoder = cls(tuple(sorted(frequent)), n_missing > 0, has_rare)
        if targets is None or n_rare < 2 or len(counts) == sum(counts.values()):
            return encoder
        return replace(encoder, means=_means(values, targets, weights))

    def refitted(
        self,
        values: npt.NDArray[Any],
        targets: Floats | None = None,
        weights: Floats | None = None,
    ) -> CategoryEncoder:
        """The same learned from other rows; it makes at most as many features."""
        n_own = self.n_features[0] - self.n_target_features
        fresh = CategoryEncoder.fit(values, len(self.kept))
        if fresh.n_features[0] > n_own:
            fresh = CategoryEncoder.fit(values, max(0, n_own - 2))
        if fresh.n_features[0] > n_own:
            fresh = CategoryEncoder((), False, False)
        if self.means is None or targets is None:
            return fresh
        return replace(fresh, means=_means(values, targets, weights))

    def transform(self, values: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """`(row, plain feature)` and no encoded features."""
        position = {category: i for i, category in enumerate(self.kept)}
        n = len(self.kept)
        rare = n + self.has_missing if self.has_rare else -1
        missing = n if self.has_missing else rare
        at = np.array(
            [missing if v is None else position.get(v, rare) for v in values], np.int64
        )
        features = np.zeros((len(values), self.n_features[0]))
        rows = np.flatnonzero(at >= 0)
        features[rows, at[rows]] = 1
        if self.means is not None:
            features[:, -self.n_target_features :] = self.means.transform(values)
        return features, np.zeros((len(values), 0))

    def out_of_fold(
        self,
        values: npt.NDArray[Any],
        targets: Floats,
        weights: Floats,
        folds: npt.NDArray[np.intp],
    ) -> Floats:
        """Its last features, those that know targets, from rows of other folds."""
        return out_of_fold_means(values, targets, weights, folds)

    @property
    def n_target_features(self) -> int:
        """How many of the plain features know targets; they are the last."""
        return 0 if self.means is None else self.means.means.shape[1]

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features it makes."""
        n_own = len(self.kept) + self.has_missing + self.has_rare
        return n_own + self.n_target_features, 0

    def names(self) -> list[str]:
        """What each plain feature is."""
        others = ["missing"] * self.has_missing + ["other"] * self.has_rare
        means = [f"mean target {i}" for i in range(self.n_target_features)]
        return [f"={category}" for category in self.kept] + others + means

    def state(self) -> dict[str, Any]:
        return {
            "kept": list(self.kept),
            "has_missing": self.has_missing,
            "has_rare": self.has_rare,
            "means": None if self.means is None else self.means.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> CategoryEncoder:
        means = state["means"]
        return cls(
            tuple(state["kept"]),
            state["has_missing"],
            state["has_rare"],
            None if means is None else TargetMeans.from_state(means),
        )


def _means(
    values: npt.NDArray[Any], targets: Floats, weights: Floats | None
) -> TargetMeans:
    equal = np.ones(len(values)) if weights is None else weights
    return TargetMeans.fit(values, targets, equal)
