"""Calibration and intervals from out-of-fold answers, each row by its weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._metrics import Metric
from cerebros.estimators._predictor import Certainty, calibrated
from cerebros.estimators._threshold import best_threshold

Array = npt.NDArray[Any]

_MOST_SCORES = 2000
_LEAST_ROWS = 50
_HALVINGS = 12
_LOWEST, _HIGHEST = np.log(0.5), np.log(2.0)  # of the temperature
_STANDARD_ERRORS = 2.0


def certainty_of_classes(
    shares: Array, targets: Array, weights: Array, metric: Metric
) -> Certainty:
    """A temperature if it helps for certain, and the threshold that a metric asks for.

    The temperature stays 1 unless another one lowers the log loss by more than two
    standard errors of the difference. Where weights leave fewer than 50 effective rows,
    nothing is decided.

    Args:
        shares: out-of-fold probabilities, `(row, class)`.
        targets: class numbers, `(row,)`.
        weights: `(row,)`.
        metric: what the labels should be good at.

    Reference:
        Guo, Pleiss, Sun and Weinberger, 2017, "On Calibration of Modern Neural
        Networks".
    """
    used = weights > 0
    shares, targets, weights = shares[used], targets[used], weights[used]
    if effective_rows(weights) < _LEAST_ROWS:
        return Certainty()
    temperature = _temperature(shares, targets, weights)
    threshold = 0.5
    if metric.of_counts is not None and shares.shape[1] == 2:
        second = calibrated(shares, temperature)[:, 1]
        threshold = best_threshold(second, targets == 1, weights, metric.of_counts)
    return Certainty(temperature=temperature, threshold=threshold)


def effective_rows(weights: Array) -> float:
    """How many rows of equal weight vary as much as these.

    Reference:
        Kish, 1965, "Survey Sampling".
    """
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def _temperature(shares: Array, targets: Array, weights: Array) -> float:
    rows = np.arange(len(targets))

    def losses(temperature: float) -> Array:
        own = calibrated(shares, temperature)[rows, targets]
        return np.asarray(-np.log(np.maximum(own, 1e-7)))

    best = _minimum(shares, targets, weights)
    gains = losses(1.0) - losses(best)
    gain = float(np.average(gains, weights=weights))
    error = np.sqrt((weights**2 * (gains - gain) ** 2).sum()) / weights.sum()
    return best if gain > _STANDARD_ERRORS * error else 1.0


def _minimum(shares: Array, targets: Array, weights: Array) -> float:
    """Where the log loss, which is convex in 1 / temperature, has no slope."""
    logs = np.log(np.maximum(shares.astype(np.float64), 1e-12))
    own = logs[np.arange(len(targets)), targets]
    low, high = _LOWEST, _HIGHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        expected = (calibrated(shares, float(np.exp(middle))) * logs).sum(axis=1)
        if weights @ (expected - own) < 0:  # sharper ones would be better
            high = middle
        else:
            low = middle
    return float(np.exp((low + high) / 2))


def certainty_of_numbers(
    answers: Array, spread: Array, targets: Array, weights: Array
) -> Certainty:
    """How far answers were off, in units of the spread of the networks.

    Args:
        answers: out-of-fold, `(row, output)`.
        spread: of the trials, `(row, output)`.
        targets: `(row, output)`.
        weights: `(row,)`; if all are 0, rows count alike.
    """
    weights = weights if weights.any() else np.ones(len(weights))
    used = weights > 0
    spread, weights = spread[used], weights[used]
    off = np.abs(targets[used] - answers[used])
    typical = _quantiles(off, weights, np.array([0.5]))[0]
    floor = _quantiles(spread, weights, np.array([0.5]))[0]
    floor = np.maximum(floor, 1e-3 * np.maximum(typical, 1e-12))
    return Certainty(
        scores=_table(off / (spread + floor), weights),
        floor=floor,
        distances=_table(off, weights),
    )


def _table(scores: Array, weights: Array) -> Array:
    """Weighted quantiles at even distances, `(place, output)`.

    There are as many as there are effective rows: so a place in the table means the
    same as among equally weighted rows, of which it holds every one.

    Reference:
        Tibshirani, Barber, Candès and Ramdas, 2019, "Conformal Prediction Under
        Covariate Shift".
    """
    n = min(max(1, round(effective_rows(weights))), _MOST_SCORES)
    return _quantiles(scores, weights, np.arange(1, n + 1) / n)


def _quantiles(values: Array, weights: Array, levels: Array) -> Array:
    """The smallest values that so much of the weight does not exceed, by column."""
    columns = []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        below = np.cumsum(weights[order])
        places = np.searchsorted(below, levels * below[-1] * (1 - 1e-12))
        columns.append(column[order][places])
    return np.stack(columns, axis=1)
