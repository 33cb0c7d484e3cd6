"""Metrics of Keras for whole populations, as sums that batches are added to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from cerebros.training.population._losses import (
    OPTIONS,
    ROW_LOSSES,
    SHORT_NAMES,
    one_hot,
)

Array = jax.Array
Options = Mapping[str, Any]
Sums = Callable[[Array, Array, Array, Options], Array]
"""Of targets `(width, batch)`, predictions `(member, width, batch)` and the mask
`(batch,)`: what is added up over batches, `(member, number)`."""
Result = Callable[[Array, Options], Array]
"""From what was added up to the value of each member, `(member,)`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is computed, batch by batch.

    Attributes:
        sums: of a batch.
        result: of the sums over all batches.
        n_sums: how many numbers are added up for each member, from the width of the
            output and the options.
    """

    sums: Sums
    result: Result
    n_sums: Callable[[int, Options], int]


def _of_rows(values: Array, mask: Array) -> Array:
    """Sum over the rows that are there, and their number."""
    total = jnp.where(mask > 0, values, 0).sum(axis=-1)
    return jnp.stack([total, jnp.broadcast_to(mask.sum(), total.shape)], axis=-1)


def _mean(sums: Array, _: Options) -> Array:
    return sums[:, 0] / jnp.maximum(sums[:, 1], 1)


def _root(sums: Array, options: Options) -> Array:
    return jnp.sqrt(_mean(sums, options))


def _negative(sums: Array, options: Options) -> Array:
    return -_mean(sums, options)


def _row_loss(name: str) -> Sums:
    def sums(y: Array, p: Array, mask: Array, options: Options) -> Array:
        return _of_rows(ROW_LOSSES[name](y, p, options), mask)

    return sums


def _binary_accuracy(y: Array, p: Array, mask: Array, options: Options) -> Array:
    threshold = options.get("threshold", 0.5)
    is_right = (p > threshold).astype(jnp.float32) == y
    return _of_rows(is_right.astype(jnp.float32).mean(axis=1), mask)


def _categorical_accuracy(y: Array, p: Array, mask: Array, _: Options) -> Array:
    is_right = jnp.argmax(p, axis=1) == jnp.argmax(y, axis=0)
    return _of_rows(is_right.astype(jnp.float32), mask)


def _sparse_accuracy(y: Array, p: Array, mask: Array, _: Options) -> Array:
    is_right = jnp.argmax(p, axis=1) == y[0].astype(jnp.int32)
    return _of_rows(is_right.astype(jnp.float32), mask)


def _top_k(y: Array, p: Array, mask: Array, options: Options) -> Array:
    """Whether fewer than k classes are ahead of the right one."""
    own = (p * y).sum(axis=1, keepdims=True)
    ahead = (p > own).sum(axis=1)
    return _of_rows((ahead < options.get("k", 5)).astype(jnp.float32), mask)


def _one_hot_top_k(y: Array, p: Array, mask: Array, options: Options) -> Array:
    return _top_k(one_hot(jnp.argmax(y, axis=0)[None], p.shape[1]), p, mask, options)


def _sparse_top_k(y: Array, p: Array, mask: Array, options: Options) -> Array:
    return _top_k(one_hot(y, p.shape[1]), p, mask, options)


def _confusion(y: Array, p: Array, mask: Array, options: Options) -> Array:
    """True positives, false positives, false negatives."""
    threshold = options.get("thresholds")
    said = (p > (0.5 if threshold is None else threshold)) & (mask > 0)
    is_there = (y != 0) & (mask > 0)
    counts = [said & is_there, said & ~is_there, ~said & is_there]
    return jnp.stack([c.sum(axis=(1, 2)).astype(jnp.float32) for c in counts], axis=-1)


def _precision(sums: Array, _: Options) -> Array:
    return _ratio(sums[:, 0], sums[:, 0] + sums[:, 1])


def _recall(sums: Array, _: Options) -> Array:
    return _ratio(sums[:, 0], sums[:, 0] + sums[:, 2])


def _ratio(a: Array, b: Array) -> Array:
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)


def _buckets(y: Array, p: Array, mask: Array, options: Options) -> Array:
    """How many rows of each kind have a prediction between two thresholds."""
    n = options.get("num_thresholds", 200)
    members = p.shape[0]
    bucket = jnp.maximum(jnp.ceil(jnp.clip(p, 0, 1) * (n - 1)) - 1, 0)
    bucket = jnp.where(jnp.isnan(p), 0, bucket).astype(jnp.int32)
    is_there = (y != 0)[None]
    place = jnp.where(is_there, bucket, bucket + n).reshape(members, -1)
    counted = jnp.broadcast_to(mask, p.shape).reshape(members, -1)
    rows = jnp.arange(members)[:, None]
    return jnp.zeros((members, 2 * n), jnp.float32).at[rows, place].add(counted)


def _area(sums: Array, options: Options) -> Array:
    """Area under the curve, from the counts of buckets."""
    n = options.get("num_thresholds", 200)

    def above(counts: Array) -> Array:
        return jnp.cumsum(counts[:, ::-1], axis=1)[:, ::-1]

    true, false = above(sums[:, :n]), above(sums[:, n:])
    there, not_there = sums[:, :n].sum(axis=1), sums[:, n:].sum(axis=1)
    if options.get("curve", "ROC") == "PR":
        return _precision_recall_area(true, false, there)
    x = _ratio(false, not_there[:, None])
    y = _ratio(true, there[:, None])
    heights = (y[:, :-1] + y[:, 1:]) / 2
    return ((x[:, :-1] - x[:, 1:]) * heights).sum(axis=1)


def _precision_recall_area(true: Array, false: Array, there: Array) -> Array:
    """Davis and Goadrich, 2006, "The Relationship Between Precision-Recall and ROC"."""
    step = true[:, :-1] - true[:, 1:]
    said = true + false
    slope = _ratio(step, jnp.maximum(said[:, :-1] - said[:, 1:], 0))
    intercept = true[:, 1:] - slope * said[:, 1:]
    both = (said[:, :-1] > 0) & (said[:, 1:] > 0)
    ratio = jnp.where(both, _ratio(said[:, :-1], said[:, 1:]), 1)
    parts = slope * (step + intercept * jnp.log(ratio))
    return _ratio(parts, jnp.broadcast_to(there[:, None], parts.shape)).sum(axis=1)


def _deviations(y: Array, p: Array, mask: Array, _: Options) -> Array:
    """Residuals, targets and their squares of each column, and the number of rows."""
    there = mask > 0
    targets = jnp.stack([y, jnp.square(y)]).reshape(-1, y.shape[1])
    shared = jnp.append(jnp.where(there, targets, 0).sum(axis=1), mask.sum())
    residuals = jnp.where(there, jnp.square(y - p), 0).sum(axis=2)
    shared = jnp.broadcast_to(shared, (len(p), len(shared)))
    return jnp.concatenate([residuals, shared], axis=1)


def _explained(sums: Array, options: Options) -> Array:
    """Share of the variance that is explained."""
    residuals, total, squares = jnp.split(sums[:, :-1], 3, axis=1)
    variation = squares - total * (total / sums[:, -1:])
    scores = 1 - residuals / variation
    scores = jnp.where(jnp.isinf(scores), 0, scores)
    if options.get("class_aggregation") == "variance_weighted_average":
        return (variation * scores).sum(axis=1) / variation.sum(axis=1)
    return scores.mean(axis=1)


_OF_ROWS = (
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "kl_divergence",
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
)
"""Losses that Keras has as metrics under the same name."""


def _averaged(sums: Sums, result: Result = _mean) -> Metric:
    return Metric(sums, result, lambda width, options: 2)


METRICS: dict[str, Metric] = {
    **{name: _averaged(_row_loss(name)) for name in _OF_ROWS},
    "log_cosh_error": _averaged(_row_loss("log_cosh")),
    "cosine_similarity": _averaged(_row_loss("cosine_similarity"), _negative),
    "root_mean_squared_error": _averaged(_row_loss("mean_squared_error"), _root),
    "binary_accuracy": _averaged(_binary_accuracy),
    "categorical_accuracy": _averaged(_categorical_accuracy),
    "sparse_categorical_accuracy": _averaged(_sparse_accuracy),
    "top_k_categorical_accuracy": _averaged(_one_hot_top_k),
    "sparse_top_k_categorical_accuracy": _averaged(_sparse_top_k),
    "precision": Metric(_confusion, _precision, lambda width, options: 3),
    "recall": Metric(_confusion, _recall, lambda width, options: 3),
    "auc": Metric(
        _buckets, _area, lambda width, options: 2 * options.get("num_thresholds", 200)
    ),
    "r2_score": Metric(_deviations, _explained, lambda width, options: 3 * width + 1),
}
"""By Keras's names."""

METRIC_SHORT_NAMES = {k: v for k, v in SHORT_NAMES.items() if k != "kld"}
"""Other names of the same."""

METRIC_OPTIONS: dict[str, frozenset[str]] = {
    **{name: OPTIONS[name] for name in _OF_ROWS if name in OPTIONS},
    "binary_accuracy": frozenset({"threshold"}),
    "top_k_categorical_accuracy": frozenset({"k"}),
    "sparse_top_k_categorical_accuracy": frozenset({"k"}),
    "precision": frozenset({"thresholds"}),
    "recall": frozenset({"thresholds"}),
    "auc": frozenset({"num_thresholds", "curve"}),
    "r2_score": frozenset({"class_aggregation"}),
}
"""What each takes beside targets and predictions."""
