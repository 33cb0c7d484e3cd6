"""Metrics by name: for reports, and for what an ensemble is chosen by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.plan import unknown_name

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """How good answers are.

    Attributes:
        name: as users say it.
        is_better_low: whether small numbers are good.
        function: of targets, answers and weights. Targets are numbers `(row, output)`
            or class numbers `(row,)`; answers `(row, output)` or probabilities
            `(row, class)`.
        of_labels: whether only the chosen class counts, so that the threshold of a
            binary problem may be chosen by it.
    """

    name: str
    is_better_low: bool
    function: Callable[[Array, Array, Array], float]
    of_labels: bool = False

    def __call__(self, targets: Array, answers: Array, weights: Array) -> float:
        return float(self.function(targets, answers, weights))


def _root_mean_squared_error(y: Array, p: Array, w: Array) -> float:
    return float(np.sqrt(np.average(((y - p) ** 2).mean(axis=1), weights=w)))


def _mean_squared_error(y: Array, p: Array, w: Array) -> float:
    return float(np.average(((y - p) ** 2).mean(axis=1), weights=w))


def _mean_absolute_error(y: Array, p: Array, w: Array) -> float:
    return float(np.average(np.abs(y - p).mean(axis=1), weights=w))


def _r2(y: Array, p: Array, w: Array) -> float:
    if len(y) < 2:
        return float("nan")
    off = np.average((y - p) ** 2, axis=0, weights=w)
    spread = np.average((y - np.average(y, axis=0, weights=w)) ** 2, axis=0, weights=w)
    is_constant = np.ptp(y, axis=0) == 0  # then all of it is explained, or nothing
    share = np.where(is_constant, off > 0, off / np.where(is_constant, 1, spread))
    return float(np.mean(1 - share))


def _log_loss(y: Array, p: Array, w: Array) -> float:
    true = np.clip(p[np.arange(len(y)), y], 1e-7, 1)
    return float(np.average(-np.log(true), weights=w))


def _brier(y: Array, p: Array, w: Array) -> float:
    wrong = p.copy()
    wrong[np.arange(len(y)), y] -= 1
    return float(np.average((wrong**2).sum(axis=1), weights=w))


def _accuracy(y: Array, p: Array, w: Array) -> float:
    return float(np.average(_chosen(p) == y, weights=w))


def _balanced_accuracy(y: Array, p: Array, w: Array) -> float:
    chosen = _chosen(p)
    each = [
        np.average(chosen[y == k] == k, weights=w[y == k])
        for k in np.unique(y)
        if w[y == k].sum() > 0
    ]
    return float(np.mean(each))


def _f1(y: Array, p: Array, w: Array) -> float:
    chosen = _chosen(p)
    labels = [1] if p.shape[1] == 2 else np.union1d(y, chosen)
    scores = []
    for k in labels:
        both = (w[y == k].sum() + w[chosen == k].sum()) / 2
        right = w[(y == k) & (chosen == k)].sum()
        scores.append(right / both if both > 0 else 0.0)
    return float(np.mean(scores))


def _roc_auc(y: Array, p: Array, w: Array) -> float:
    present = np.unique(y[w > 0])
    if len(present) < 2:
        return float("nan")
    if p.shape[1] == 2:
        return _area(y == 1, p[:, 1], w)
    return float(np.mean([_area(y == k, p[:, k], w) for k in present]))


def _area(is_positive: Array, scores: Array, w: Array) -> float:
    """How often a positive row stands above a negative one; equal ones half."""
    _, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place, w * is_positive)
    negative = np.bincount(place, w * ~is_positive)
    below = np.cumsum(negative) - negative / 2
    pairs = positive.sum() * negative.sum()
    return float((positive * below).sum() / pairs) if pairs > 0 else float("nan")


def _chosen(p: Array) -> Array:
    return np.asarray((p[:, 1] >= 0.5).astype(int) if p.shape[1] == 2 else p.argmax(1))


REGRESSION = {
    metric.name: metric
    for metric in (
        Metric("rmse", True, _root_mean_squared_error),
        Metric("mse", True, _mean_squared_error),
        Metric("mae", True, _mean_absolute_error),
        Metric("r2", False, _r2),
    )
}
CLASSIFICATION = {
    metric.name: metric
    for metric in (
        Metric("log_loss", True, _log_loss),
        Metric("brier", True, _brier),
        Metric("accuracy", False, _accuracy, of_labels=True),
        Metric("balanced_accuracy", False, _balanced_accuracy, of_labels=True),
        Metric("f1", False, _f1, of_labels=True),
        Metric("roc_auc", False, _roc_auc),
    )
}


def metric_of(name: str | None, *, is_classification: bool) -> Metric:
    """The metric of a name; None for what is usual.

    Raises:
        ValueError: if it is unknown for this kind of problem.
    """
    known = CLASSIFICATION if is_classification else REGRESSION
    if name is None:
        return next(iter(known.values()))
    if name not in known:
        raise ValueError(unknown_name("metric", name, known))
    return known[name]
