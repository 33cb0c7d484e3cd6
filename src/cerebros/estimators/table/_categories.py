"""Categories for networks: one feature each, rare and unseen ones together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LEAST_ROWS = 3


@dataclass(frozen=True, slots=True)
class CategoryEncoder:
    """What a column of text becomes: one feature, 0 or 1, for each frequent category.

    Attributes:
        kept: frequent categories, each with a feature.
        has_missing: whether missing values have a feature, behind the categories.
        has_rare: whether all other categories, unseen ones among them, have the last.
    """

    kept: tuple[str, ...]
    has_missing: bool
    has_rare: bool

    @classmethod
    def fit(cls, values: npt.NDArray[Any], most: int) -> CategoryEncoder:
        """Learn from a column, keeping at most so many categories; None is missing."""
        counts = Counter(value for value in values if value is not None)
        n_missing = len(values) - sum(counts.values())
        frequent = [c for c, n in counts.most_common(most) if n >= _LEAST_ROWS]
        has_rare = len(frequent) < len(counts)
        if not frequent and not n_missing:
            has_rare = False  # the same for all rows
        return cls(tuple(sorted(frequent)), n_missing > 0, has_rare)

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
        return features, np.zeros((len(values), 0))

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features it makes."""
        return len(self.kept) + self.has_missing + self.has_rare, 0

    def names(self) -> list[str]:
        """What each plain feature is."""
        others = ["missing"] * self.has_missing + ["other"] * self.has_rare
        return [f"={category}" for category in self.kept] + others

    def state(self) -> dict[str, Any]:
        return {
            "kept": list(self.kept),
            "has_missing": self.has_missing,
            "has_rare": self.has_rare,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> CategoryEncoder:
        return cls(**{**state, "kept": tuple(state["kept"])})
