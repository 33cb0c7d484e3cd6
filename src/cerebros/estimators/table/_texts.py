"""Texts for networks: which words they hold, in a few dimensions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table._numbers import Floats

_LEAST_ROWS = 3
_MOST_WORDS = 2000
_MOST_ROWS = 20_000  # from which words and directions are learned
_ROWS_AT_ONCE = 4096
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """What a column of text becomes: its words, weighted and projected.

    Words are what stands between blanks, in lower case. A text is the number of times
    it holds each known word, times how rare that word is, scaled to length 1; its
    features are the first principal directions of that, without centering.

    Attributes:
        words: known ones, in the order of `rarity`.
        rarity: `(word,)`, the logarithm of rows per row that holds it, plus 1.
        directions: `(word, feature)`, scaled so that features have unit spread.

    Reference:
        Deerwester et al., 1990, "Indexing by latent semantic analysis".
    """

    words: tuple[str, ...]
    rarity: Floats
    directions: Floats

    @classmethod
    def fit(
        cls, values: npt.NDArray[Any], n_features: int, seed: int = 0
    ) -> TextEncoder:
        """Learn from a column; None is missing, and has no words."""
        from sklearn.decomposition import TruncatedSVD

        if len(values) > _MOST_ROWS:
            chosen = np.random.default_rng(seed).permutation(len(values))[:_MOST_ROWS]
            values = values[np.sort(chosen)]
        texts = [_words(value) for value in values]
        rows = Counter(word for words in texts for word in set(words))
        known = [w for w, n in rows.most_common(_MOST_WORDS) if n >= _LEAST_ROWS]
        known.sort()
        n_rows = len(values)
        rarity = np.array([np.log((1 + n_rows) / (1 + rows[w])) + 1 for w in known])
        if not known or n_features < 1:
            return cls((), np.zeros(0), np.zeros((0, 0)))
        weighted = _weighted(texts, known, rarity)
        if not np.ptp(weighted, axis=0).any():
            return cls((), np.zeros(0), np.zeros((0, 0)))  # the same in all rows
        directions = np.eye(len(known))
        if len(known) > 1:
            n = min(n_features, len(known) - 1)
            svd = TruncatedSVD(n, random_state=seed).fit(weighted)
            directions = svd.components_.T
        spread = (weighted @ directions).std(axis=0)
        varies = spread > _LEAST_SPREAD
        return cls(tuple(known), rarity, directions[:, varies] / spread[varies])

    def transform(self, values: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """`(row, plain feature)` and no encoded features."""
        projected = np.zeros((len(values), self.directions.shape[1]))
        for start in range(0, len(values), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            texts = [_words(value) for value in values[rows]]
            weighted = _weighted(texts, self.words, self.rarity)
            projected[rows] = weighted @ self.directions
        return projected, np.zeros((len(values), 0))

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features it makes."""
        return self.directions.shape[1], 0

    def names(self) -> list[str]:
        """What each plain feature is."""
        return [f"words {i}" for i in range(self.directions.shape[1])]

    def state(self) -> dict[str, Any]:
        return {
            "words": list(self.words),
            "rarity": self.rarity,
            "directions": self.directions,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TextEncoder:
        return cls(
            tuple(state["words"]),
            np.asarray(state["rarity"]),
            np.asarray(state["directions"]),
        )


def _words(text: str | None) -> list[str]:
    return [] if text is None else text.lower().split()


def _weighted(texts: list[list[str]], known: Any, rarity: Floats) -> Floats:
    position = {word: i for i, word in enumerate(known)}
    counts = np.zeros((len(texts), len(position)))
    for row, words in enumerate(texts):
        for word in words:
            if word in position:
                counts[row, position[word]] += 1
    weighted = counts * rarity
    lengths = np.sqrt((weighted**2).sum(axis=1, keepdims=True))
    return np.asarray(weighted / np.maximum(lengths, 1e-12))
