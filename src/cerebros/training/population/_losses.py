"""Losses of Keras for whole populations, row by row.

Each takes targets `(width, batch)` and predictions `(member, width, batch)` and gives a
value for each row, `(member, batch)`, as Keras on JAX computes it, its small constants
included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

Array = jax.Array
RowLoss = Callable[[Array, Array, Mapping[str, Any]], Array]

_SMALL = 1e-7  # Keras's epsilon


def _mean(values: Array) -> Array:
    return values.mean(axis=1)


def _squared(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    return _mean(jnp.square(p - y))


def _absolute(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    return _mean(jnp.abs(p - y))


def _percentage(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    return 100 * _mean(jnp.abs((y - p) / jnp.maximum(jnp.abs(y), _SMALL)))


def _logarithmic(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    ours = jnp.log(jnp.maximum(p, _SMALL) + 1)
    theirs = jnp.log(jnp.maximum(y, _SMALL) + 1)
    return _mean(jnp.square(theirs - ours))


def _huber(y: Array, p: Array, options: Mapping[str, Any]) -> Array:
    delta = options.get("delta", 1.0)
    error = jnp.abs(p - y)
    return _mean(
        jnp.where(error <= delta, 0.5 * error * error, delta * error - 0.5 * delta**2)
    )


def _log_cosh(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    error = p - y
    return _mean(error + jax.nn.softplus(-2 * error) - jnp.float32(jnp.log(2.0)))


def _poisson(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    return _mean(p - y * jnp.log(p + _SMALL))


def _binary(y: Array, p: Array, options: Mapping[str, Any]) -> Array:
    y = _smoothed_binary(y, options)
    if options.get("from_logits"):
        return _mean(-y * jax.nn.log_sigmoid(p) - (1 - y) * jax.nn.log_sigmoid(-p))
    return _mean(_binary_entropy(y, p))


def _binary_entropy(y: Array, p: Array) -> Array:
    p = jnp.clip(p, _SMALL, 1 - _SMALL)
    return -(y * jnp.log(p) + (1 - y) * jnp.log(1 - p))


def _smoothed_binary(y: Array, options: Mapping[str, Any]) -> Array:
    smoothing = options.get("label_smoothing", 0.0)
    return y * (1 - smoothing) + 0.5 * smoothing if smoothing else y


def _binary_focal(y: Array, p: Array, options: Mapping[str, Any]) -> Array:
    y = _smoothed_binary(y, options)
    if options.get("from_logits"):
        p = jax.nn.sigmoid(p)
    right = y * p + (1 - y) * (1 - p)
    loss = jnp.power(1 - right, options.get("gamma", 2.0)) * _binary_entropy(y, p)
    if options.get("apply_class_balancing"):
        alpha = options.get("alpha", 0.25)
        loss = (y * alpha + (1 - y) * (1 - alpha)) * loss
    return _mean(loss)


def _categorical(y: Array, p: Array, options: Mapping[str, Any]) -> Array:
    smoothing = options.get("label_smoothing", 0.0)
    if smoothing:
        y = y * (1 - smoothing) + smoothing / p.shape[1]
    return -(y * _log_shares(p, options)).sum(axis=1)


def _log_shares(p: Array, options: Mapping[str, Any]) -> Array:
    if options.get("from_logits"):
        return jax.nn.log_softmax(p, axis=1)
    return jnp.log(_shares(p))


def _shares(p: Array) -> Array:
    return jnp.clip(p / p.sum(axis=1, keepdims=True), _SMALL, 1 - _SMALL)


def _sparse(y: Array, p: Array, options: Mapping[str, Any]) -> Array:
    return -(one_hot(y, p.shape[1]) * _log_shares(p, options)).sum(axis=1)


def one_hot(y: Array, n: int) -> Array:
    """Class numbers `(1, batch)` as `(class, batch)` of zeros and ones."""
    classes = jnp.arange(n, dtype=jnp.float32)[:, None]
    return (y == classes).astype(jnp.float32)


def _categorical_focal(y: Array, p: Array, options: Mapping[str, Any]) -> Array:
    smoothing = options.get("label_smoothing", 0.0)
    if smoothing:
        y = y * (1 - smoothing) + smoothing / p.shape[1]
    if options.get("from_logits"):
        p = jax.nn.softmax(p, axis=1)
    shares = _shares(p)
    factor = jnp.power(1 - shares, options.get("gamma", 2.0))
    factor = factor * options.get("alpha", 0.25)
    return (factor * -y * jnp.log(shares)).sum(axis=1)


def _divergence(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    y, p = jnp.clip(y, _SMALL, 1), jnp.clip(p, _SMALL, 1)
    return (y * jnp.log(y / p)).sum(axis=1)


def _hinge(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    return _mean(_margins(y, p))


def _squared_hinge(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    return _mean(jnp.square(_margins(y, p)))


def _margins(y: Array, p: Array) -> Array:
    # A batch of zeros and ones only is read as classes -1 and 1, as in Keras.
    is_binary = ((y == 0) | (y == 1)).all()
    return jnp.maximum(1 - jnp.where(is_binary, 2 * y - 1, y) * p, 0)


def _categorical_hinge(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    right, wrong = (y * p).sum(axis=1), ((1 - y) * p).max(axis=1)
    return jnp.maximum(wrong - right + 1, 0)


def _cosine(y: Array, p: Array, _: Mapping[str, Any]) -> Array:
    return -(_of_length_one(y, 0) * _of_length_one(p, 1)).sum(axis=1)


def _of_length_one(x: Array, axis: int) -> Array:
    squares = jnp.square(x).sum(axis=axis, keepdims=True)
    return x * jnp.minimum(jax.lax.rsqrt(squares), 1 / _SMALL)


ROW_LOSSES: dict[str, RowLoss] = {
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
    "mean_absolute_percentage_error": _percentage,
    "mean_squared_logarithmic_error": _logarithmic,
    "huber": _huber,
    "log_cosh": _log_cosh,
    "poisson": _poisson,
    "binary_crossentropy": _binary,
    "binary_focal_crossentropy": _binary_focal,
    "categorical_crossentropy": _categorical,
    "categorical_focal_crossentropy": _categorical_focal,
    "sparse_categorical_crossentropy": _sparse,
    "kl_divergence": _divergence,
    "hinge": _hinge,
    "squared_hinge": _squared_hinge,
    "categorical_hinge": _categorical_hinge,
    "cosine_similarity": _cosine,
}
"""By Keras's names."""

SHORT_NAMES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}
"""Other names of the same; Keras knows them in capitals, too."""

OPTIONS: dict[str, frozenset[str]] = {
    "huber": frozenset({"delta"}),
    "binary_crossentropy": frozenset({"from_logits", "label_smoothing"}),
    "binary_focal_crossentropy": frozenset(
        {"from_logits", "label_smoothing", "gamma", "alpha", "apply_class_balancing"}
    ),
    "categorical_crossentropy": frozenset({"from_logits", "label_smoothing"}),
    "categorical_focal_crossentropy": frozenset(
        {"from_logits", "label_smoothing", "gamma", "alpha"}
    ),
    "sparse_categorical_crossentropy": frozenset({"from_logits"}),
}
"""What each takes beside targets and predictions."""
