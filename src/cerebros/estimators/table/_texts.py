"""Texts for networks: which words they hold, and what these tell of the target."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table._numbers import Floats

Floats32 = npt.NDArray[np.float32]

_LEAST_ROWS = 3
_MOST_WORDS = 10_000
_MOST_ROWS = 20_000  # from which words, directions and scores are learned
_ROWS_AT_ONCE = 512
_LEAST_SPREAD = 1e-6
_PENALTY = 1.0  # of the ridge regression on rows of length 1

_MARKS = "!?$%£€"
_PUNCTUATION = "\"'#()*+,-./:;<=>@[\\]^_`{|}~&“”„‘’‚«»…–—·•¿¡"


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """What a column of text becomes: its words, weighted and projected.

    Words are what stands between blanks and punctuation, in lower case; each of the
    marks `!?$%£€` is a word. A text is `1 + log(n)` for each known word that it holds n
    times, times how rare that word is, scaled to length 1. Its features are the first
    principal directions of that, without centering, and behind them one score for each
    output: the answer of a ridge regression on all words.

    Attributes:
        words: known ones, in the order of `rarity`.
        rarity: `(word,)`, the logarithm of rows per row that holds it, plus 1.
        directions: `(word, feature)`, scaled so that features have unit spread; scores
            are the last.
        offsets: `(score,)`, added to scores.

    Reference:
        Deerwester et al., 1990, "Indexing by latent semantic analysis".
    """

    words: tuple[str, ...]
    rarity: Floats
    directions: Floats32
    offsets: Floats

    @classmethod
    def fit(
        cls,
        values: npt.NDArray[Any],
        n_features: int,
        seed: int = 0,
        targets: Floats | None = None,
        weights: Floats | None = None,
    ) -> TextEncoder:
        """Learn from a column.

        Args:
            values: text; None is missing, and has no words.
            n_features: directions, at most; with 0 there are no scores either.
            seed: decides which rows, and the directions.
            targets: standardized, `(row, output)`; None for no scores.
            weights: of rows; None for equal ones.
        """
        chosen = _chosen(len(values), seed)
        texts = [words_of(value) for value in values[chosen]]
        words, rarity = _known(texts)
        if not words or n_features < 1:
            return _nothing(0)
        counts = _weighted(texts, words, rarity)
        if _is_same_everywhere(counts):
            return _nothing(0)
        directions = _directions(counts, n_features, seed)
        if targets is None:
            return cls(words, rarity, directions, np.zeros(0))
        own = None if weights is None else weights[chosen]
        scores, offsets = _scores(counts, targets[chosen], own)
        return cls(words, rarity, np.hstack([directions, scores]), offsets)

    def refitted(
        self,
        values: npt.NDArray[Any],
        seed: int = 0,
        targets: Floats | None = None,
        weights: Floats | None = None,
    ) -> TextEncoder:
        """The same learned from other rows; it makes at most as many features."""
        n_own = self.directions.shape[1] - self.n_target_features
        known = targets if self.n_target_features else None
        fresh = TextEncoder.fit(values, n_own, seed, known, weights)
        return fresh if fresh.words else _nothing(self.n_target_features)

    def transform(self, values: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """`(row, plain feature)` and no encoded features."""
        features = np.zeros((len(values), self.directions.shape[1]))
        for start in range(0, len(values), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            self._project(values[rows], features[rows])
        if len(self.offsets):
            features[:, -len(self.offsets) :] += self.offsets
        return features, np.zeros((len(values), 0))

    def _project(self, values: npt.NDArray[Any], into: Floats) -> None:
        # Word by word and not as a product of matrices, whose rounding would depend on
        # how many rows there are.
        rows, columns, counts = _counted([words_of(v) for v in values], self._places)
        if not len(rows):
            return
        weighted = _sublinear(counts) * self.rarity[columns]
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        lengths = np.sqrt(np.add.reduceat(weighted**2, starts))
        parts = weighted[:, None] * self.directions[columns]
        projected = np.add.reduceat(parts, starts, axis=0)
        into[rows[starts]] = projected / lengths[:, None]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def out_of_fold(
        self,
        values: npt.NDArray[Any],
        targets: Floats,
        weights: Floats,
        folds: npt.NDArray[np.intp],
    ) -> Floats:
        """Its last features, those that know targets, from rows of other folds."""
        features = np.zeros((len(values), len(self.offsets)))
        if not self.words:
            return features
        texts = [words_of(value) for value in values]
        counts = _weighted(texts, self.words, self.rarity)
        for fold in np.unique(folds):
            others, own = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            if not len(others):
                continue
            others = others[_chosen(len(others), 0)]
            scores, offsets = _scores(counts[others], targets[others], weights[others])
            features[own] = counts[own] @ scores + offsets
        return features

    @property
    def n_target_features(self) -> int:
        """How many of the plain features know targets; they are the last."""
        return len(self.offsets)

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features it makes."""
        return self.directions.shape[1], 0

    def names(self) -> list[str]:
        """What each plain feature is."""
        n_own = self.directions.shape[1] - len(self.offsets)
        scores = [f"score {i}" for i in range(len(self.offsets))]
        return [f"words {i}" for i in range(n_own)] + scores

    def state(self) -> dict[str, Any]:
        return {
            "words": list(self.words),
            "rarity": self.rarity,
            "directions": self.directions,
            "offsets": self.offsets,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TextEncoder:
        return cls(
            tuple(state["words"]),
            np.asarray(state["rarity"], np.float64),
            np.asarray(state["directions"], np.float32),
            np.asarray(state["offsets"], np.float64),
        )


def words_of(text: str | None) -> list[str]:
    """The words of a text."""
    return [] if text is None else _pattern().findall(text.lower())


@cache
def separators() -> str:
    """All that stands between words: what Python calls a space, and punctuation."""
    spaces = (chr(c) for c in range(sys.maxunicode + 1) if chr(c).isspace())
    return "".join(spaces) + _PUNCTUATION


def marks() -> str:
    """All that is a word alone."""
    return _MARKS


@cache
def _pattern() -> re.Pattern[str]:
    own = re.escape(marks())
    return re.compile(f"[{own}]|[^{own}{re.escape(separators())}]+")


def _nothing(n_scores: int) -> TextEncoder:
    empty = np.zeros((0, n_scores), np.float32)
    return TextEncoder((), np.zeros(0), empty, np.zeros(n_scores))


def _chosen(n_rows: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows that are learned from."""
    if n_rows <= _MOST_ROWS:
        return np.arange(n_rows)
    chosen = np.random.default_rng(seed).permutation(n_rows)[:_MOST_ROWS]
    return np.sort(chosen)


def _known(texts: Sequence[list[str]]) -> tuple[tuple[str, ...], Floats]:
    """Frequent words by name, and how rare they are."""
    rows = Counter(word for words in texts for word in set(words))
    known = [w for w, n in rows.most_common() if n >= _LEAST_ROWS][:_MOST_WORDS]
    known.sort()
    n_rows = len(texts)
    rarity = [np.log((1 + n_rows) / (1 + rows[word])) + 1 for word in known]
    return tuple(known), np.array(rarity)


def _counted(
    texts: Sequence[list[str]], places: dict[str, int]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Row, word and how often it stands there, by row."""
    rows: list[int] = []
    columns: list[int] = []
    counts: list[int] = []
    for row, words in enumerate(texts):
        known = Counter(places[word] for word in words if word in places)
        rows += [row] * len(known)
        columns += known.keys()
        counts += known.values()
    return np.array(rows, np.intp), np.array(columns, np.intp), np.array(counts, float)


def _sublinear(counts: Floats) -> Floats:
    return np.asarray(1 + np.log(counts))


def _weighted(texts: Sequence[list[str]], words: Sequence[str], rarity: Floats) -> Any:
    """Texts as a sparse matrix of words, with rows of length 1."""
    from scipy.sparse import csr_matrix
    from sklearn.preprocessing import normalize

    places = {word: i for i, word in enumerate(words)}
    rows, columns, counts = _counted(texts, places)
    weighted = _sublinear(counts) * rarity[columns]
    shape = (len(texts), len(words))
    return normalize(csr_matrix((weighted, (rows, columns)), shape))


def _is_same_everywhere(counts: Any) -> bool:
    spread = counts.max(axis=0) - counts.min(axis=0)
    return bool(spread.nnz == 0 or abs(spread).max() == 0)


def _directions(counts: Any, n_features: int, seed: int) -> Floats32:
    """Of unit spread, `(word, feature)`."""
    from sklearn.decomposition import TruncatedSVD

    directions = np.eye(counts.shape[1])
    if counts.shape[1] > 1:
        n = min(n_features, counts.shape[1] - 1)
        directions = TruncatedSVD(n, random_state=seed).fit(counts).components_.T
    spread = (counts @ directions).std(axis=0)
    varies = spread > _LEAST_SPREAD
    return np.asarray(directions[:, varies] / spread[varies], np.float32)


def _scores(
    counts: Any, targets: Floats, weights: Floats | None
) -> tuple[Floats32, Floats]:
    """A ridge regression on words: `(word, output)`, and what is added."""
    from sklearn.linear_model import Ridge

    # Not to the last digit: a few steps of conjugate gradients answer as well.
    ridge = Ridge(_PENALTY, solver="sparse_cg", tol=1e-3, max_iter=100)
    ridge.fit(counts, targets, sample_weight=weights)
    offsets = np.atleast_1d(np.asarray(ridge.intercept_, np.float64))
    scores = np.atleast_2d(ridge.coef_).T
    return scores.astype(np.float32), offsets
