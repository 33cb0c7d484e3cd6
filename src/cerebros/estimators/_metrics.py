"""Metrics by name: for reports, and for what an ensemble is chosen by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.plan import unknown_name

Array = npt.NDArray[Any]

OfCounts: TypeAlias = Callable[[Array, Array, Array, Array], Array]
"""A metric of two classes from the weights of rows that are rightly answered with the
second one, wrongly, that are missed, and that are rightly answered with the first."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How good answers are.

    Attributes:
        name: as users say it.
        is_better_low: whether small numbers are good.
        function: of targets, answers and weights. Targets are numbers `(row, output)`
            or class numbers `(row,)`; answers `(row, output)` or probabilities
            `(row, class)`.
        of_labels: whether only the chosen class counts.
        of_counts: the same of two classes and many thresholds, if the threshold is to
            be chosen by it.
    """

    name: str
    is_better_low: bool
    function: Callable[[Array, Array, Array], float]
    of_labels: bool = False
    of_counts: OfCounts | None = None

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
    least = np.finfo(p.dtype).eps
    true = np.clip(p[np.arange(len(y)), y], least, 1)
    return float(np.average(-np.log(true), weights=w))


def _brier(y: Array, p: Array, w: Array) -> float:
    wrong = p.copy()
    wrong[np.arange(len(y)), y] -= 1
    squares = (wrong**2).sum(axis=1)  # which of two classes counts the same twice
    return float(np.average(squares, weights=w)) / (2 if p.shape[1] == 2 else 1)


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


def _f1_of_counts(right: Array, wrong: Array, missed: Array, _: Array) -> Array:
    answered = 2 * right + wrong + missed
    return np.where(answered > 0, 2 * right / np.where(answered > 0, answered, 1), 0.0)


def _balanced_accuracy_of_counts(
    right: Array, wrong: Array, missed: Array, left: Array
) -> Array:
    second, first = right + missed, wrong + left
    found = [
        part / np.where(whole > 0, whole, 1)
        for part, whole in ((right, second), (left, first))
    ]
    n_present = (second > 0).astype(int) + (first > 0)
    return np.asarray(sum(found) / np.maximum(n_present, 1))


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
        Metric(
            "balanced_accuracy",
            False,
            _balanced_accuracy,
            of_labels=True,
            of_counts=_balanced_accuracy_of_counts,
        ),
        Metric("f1", False, _f1, of_labels=True, of_counts=_f1_of_counts),
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
