"""Metrics of Keras for whole populations, as sums that batches are added to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from cerebros.training.population._losses import OPTIONS, ROW_LOSSES, one_hot

Array = jax.Array
Options = Mapping[str, Any]
Sums = Callable[[Array, Array, Array, Options], Array]
"""Of targets `(width, batch)`, predictions `(member, width, batch)` and the mask
`(batch,)`: what is added up over batches, `(member, number)`."""
Result = Callable[[Array, Options], Array]
"""From what was added up to the value of each member, `(member,)`."""


def _of_rows(values: Array, mask: Array) -> Array:
    """Sum over the rows that are there, and their number."""
    total = jnp.where(mask > 0, values, 0).sum(axis=-1)
    return jnp.stack([total, jnp.broadcast_to(mask.sum(), total.shape)], axis=-1)


def _mean(sums: Array, _: Options) -> Array:
    return sums[:, 0] / jnp.maximum(sums[:, 1], 1)


def _root(sums: Array, options: Options) -> Array:
    return jnp.sqrt(_mean(sums, options))


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
    is_there = (y > 0) & (mask > 0)
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
    bucket = jnp.clip(jnp.ceil(p * (n - 1)) - 1, 0, n - 1)
    bucket = jnp.where(jnp.isfinite(p), bucket, 0).astype(jnp.int32)
    is_there = (y > 0)[None]
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
    if str(options.get("curve", "ROC")).upper() == "PR":
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


METRICS: dict[str, tuple[Sums, Result]] = {
    **{name: (_row_loss(name), _mean) for name in ROW_LOSSES},
    "root_mean_squared_error": (_row_loss("mean_squared_error"), _root),
    "binary_accuracy": (_binary_accuracy, _mean),
    "categorical_accuracy": (_categorical_accuracy, _mean),
    "sparse_categorical_accuracy": (_sparse_accuracy, _mean),
    "top_k_categorical_accuracy": (_one_hot_top_k, _mean),
    "sparse_top_k_categorical_accuracy": (_sparse_top_k, _mean),
    "precision": (_confusion, _precision),
    "recall": (_confusion, _recall),
    "auc": (_buckets, _area),
}
"""By Keras's names."""

METRIC_OPTIONS: dict[str, frozenset[str]] = {
    **OPTIONS,
    "binary_accuracy": frozenset({"threshold"}),
    "top_k_categorical_accuracy": frozenset({"k"}),
    "sparse_top_k_categorical_accuracy": frozenset({"k"}),
    "precision": frozenset({"thresholds"}),
    "recall": frozenset({"thresholds"}),
    "auc": frozenset({"num_thresholds", "curve"}),
}
"""What each takes beside targets and predictions."""


def n_sums(name: str, options: Options) -> int:
    """How many numbers of each member a metric adds up."""
    if name == "auc":
        return 2 * int(options.get("num_thresholds", 200))
    return 3 if name in ("precision", "recall") else 2
