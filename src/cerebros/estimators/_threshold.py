"""From which probability on the second of two classes is answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._metrics import OfCounts

Array = npt.NDArray[Any]

_GROUPS = 20
_STANDARD_ERRORS = 1.1  # a single row gains just one
_PLATEAU = 0.1  # of the gain over 0.5, that thresholds as good as the best may lack


def best_threshold(
    shares: Array, is_second: Array, weights: Array, of_counts: OfCounts
) -> float:
    """The threshold that a metric asks for; 0.5 where none is better beyond noise.

    Candidates are 0.5 and all places between neighbouring probabilities. One is better
    if it gains more than about one standard error, from the jackknife over twenty
    groups of rows. The middle is taken of the neighbouring ones that gain nearly as
    much as the best.

    Args:
        shares: out-of-fold probabilities of the second class, `(row,)`.
        is_second: whether a row is of it, `(row,)`.
        weights: `(row,)`.
        of_counts: the metric, which high numbers are good of.

    Reference:
        Breiman, Friedman, Olshen and Stone, 1984, "Classification and Regression
        Trees", for the rule of one standard error.
    """
    order = np.argsort(-shares, kind="stable")
    shares, is_second, weights = shares[order], is_second[order], weights[order]
    second, first = weights * is_second, weights * ~is_second
    n_above = 1 + np.flatnonzero(shares[:-1] > shares[1:])
    n_usual = int((shares >= 0.5).sum())
    if not len(n_above) or not second.any() or not first.any():
        return 0.5
    scores = _scores(second, first, np.append(n_above, n_usual), of_counts)
    scores, usual = scores[:-1], scores[-1]
    best = int(np.argmax(scores))
    gain = scores[best] - usual
    error = _error(second, first, int(n_above[best]), n_usual, of_counts)
    if gain <= _STANDARD_ERRORS * error:
        return 0.5
    worse = np.flatnonzero(scores < scores[best] - _PLATEAU * gain)
    begin = worse[worse < best].max(initial=-1) + 1
    end = worse[worse > best].min(initial=len(scores)) - 1
    return _between(shares[n_above[end]], shares[n_above[begin] - 1])


def _between(low: float, high: float) -> float:
    """The middle of two probabilities by their log-odds, above the lower one."""
    odds = [np.log(p) - np.log1p(-p) for p in np.clip([low, high], 1e-12, 1 - 1e-12)]
    middle = float(1 / (1 + np.exp(-np.mean(odds))))
    return middle if low < middle <= high else float(high)


def _scores(second: Array, first: Array, n_above: Array, of_counts: OfCounts) -> Array:
    """The metric if so many rows are answered with the second class."""
    right = np.append(0.0, np.cumsum(second))
    wrong = np.append(0.0, np.cumsum(first))
    return of_counts(
        right[n_above],
        wrong[n_above],
        right[-1] - right[n_above],
        wrong[-1] - wrong[n_above],
    )


def _error(
    second: Array, first: Array, n_one: int, n_other: int, of_counts: OfCounts
) -> float:
    """Standard error of the difference of two thresholds.

    Groups take turns along the probabilities, so that they are alike.
    """
    is_second = second > 0
    of_class = np.where(is_second, np.cumsum(is_second), np.cumsum(~is_second))
    group = of_class % _GROUPS

    def without_each(n: int) -> Array:
        def rest(values: Array) -> Array:
            own = np.bincount(group[: len(values)], values, _GROUPS)
            return np.asarray(own.sum() - own)

        right, wrong = rest(second[:n]), rest(first[:n])
        return of_counts(right, wrong, rest(second) - right, rest(first) - wrong)

    differences = without_each(n_one) - without_each(n_other)
    variance = (_GROUPS - 1) * differences.var()
    return float(np.sqrt(variance))
