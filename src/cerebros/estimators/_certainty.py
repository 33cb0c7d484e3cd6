"""Calibration, thresholds and intervals from answers for rows that were not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._metrics import Metric
from cerebros.estimators._predictor import Certainty, calibrated

Array = npt.NDArray[Any]

_MOST_SCORES = 2000
_LEAST_ROWS = 50
_TEMPERATURES = np.exp(np.linspace(np.log(0.5), np.log(2.0), 57))
_STANDARD_ERRORS = 2.0


def certainty_of_classes(
    shares: Array, targets: Array, weights: Array, metric: Metric
) -> Certainty:
    """A temperature if it helps for certain, and the threshold that a metric asks for.

    The temperature stays 1 unless another one lowers the log loss by more than two
    standard errors of the difference.

    Args:
        shares: probabilities of rows that were not seen, `(row, class)`.
        targets: class numbers, `(row,)`.
        weights: `(row,)`.
        metric: what the labels should be good at.

    Reference:
        Guo, Pleiss, Sun and Weinberger, 2017, "On Calibration of Modern Neural
        Networks".
    """
    if len(targets) < _LEAST_ROWS or not weights.sum() > 0:
        return Certainty()
    temperature = _temperature(shares, targets, weights)
    threshold = 0.5
    if metric.of_labels and metric.name != "accuracy" and shares.shape[1] == 2:
        threshold = _threshold(
            calibrated(shares, temperature), targets, weights, metric
        )
    return Certainty(temperature=temperature, threshold=threshold)


def _temperature(shares: Array, targets: Array, weights: Array) -> float:
    rows = np.arange(len(targets))

    def losses(temperature: float) -> Array:
        own = calibrated(shares, temperature)[rows, targets]
        return np.asarray(-np.log(np.maximum(own, 1e-7)))

    usual = losses(1.0)
    means = [np.average(losses(t), weights=weights) for t in _TEMPERATURES]
    best = float(_TEMPERATURES[int(np.argmin(means))])
    gain = (usual - losses(best)) * weights / weights.mean()
    error = gain.std() / np.sqrt(len(gain))
    return best if gain.mean() > _STANDARD_ERRORS * error else 1.0


def _threshold(shares: Array, targets: Array, weights: Array, metric: Metric) -> float:
    """The middle of the thresholds that are best; those between two rows' values."""
    values = np.unique(np.quantile(shares[:, 1], np.linspace(0.01, 0.99, 99)))
    scores = []
    for value in values:
        chosen = (shares[:, 1] >= value).astype(float)
        scores.append(metric(targets, np.c_[1 - chosen, chosen], weights))
    best = np.flatnonzero(np.isclose(scores, np.max(scores)))
    return float(values[best[len(best) // 2]])


def certainty_of_numbers(answers: Array, spread: Array, targets: Array) -> Certainty:
    """How far answers were off, in units of the spread of the networks.

    Args:
        answers: for rows that were not seen, `(row, output)`.
        spread: of the trials, `(row, output)`.
        targets: `(row, output)`.
    """
    floor = np.median(spread, axis=0)
    off = np.abs(targets - answers)
    typical = np.median(off, axis=0)
    floor = np.maximum(floor, 1e-3 * np.maximum(typical, 1e-12))
    return Certainty(
        scores=_ascending(off / (spread + floor)),
        floor=floor,
        distances=_ascending(off),
    )


def _ascending(scores: Array) -> Array:
    """Sorted, `(place, output)`, and of very many some at even distances."""
    ordered = np.sort(scores, axis=0)
    if len(ordered) <= _MOST_SCORES:
        return ordered
    places = np.linspace(0, len(ordered) - 1, _MOST_SCORES)
    return np.asarray(ordered[np.round(places).astype(int)])
