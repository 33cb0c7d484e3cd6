"""Activations in JAX with their derivatives, in the forms that are cheap on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp

Array: TypeAlias = jax.Array
Function: TypeAlias = Callable[[Array], tuple[Array, Array]]
"""From numbers to the activation of each and its derivative there."""

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _where(condition: Array, yes: float, no: float) -> Array:
    return jnp.where(condition, jnp.float32(yes), jnp.float32(no))


def _elu(x: Array) -> tuple[Array, Array]:
    e = jnp.exp(jnp.minimum(x, 0))  # which is the derivative, too
    return jnp.where(x > 0, x, e - 1), e


def _selu(x: Array) -> tuple[Array, Array]:
    e = jnp.exp(jnp.minimum(x, 0)) * (_SELU_SCALE * _SELU_ALPHA)
    value = jnp.where(x > 0, _SELU_SCALE * x, e - _SELU_SCALE * _SELU_ALPHA)
    return value, jnp.where(x > 0, jnp.float32(_SELU_SCALE), e)


def _sigmoid(x: Array) -> tuple[Array, Array]:
    e = jnp.exp(-jnp.abs(x))
    small = e / (1 + e)
    value = jnp.where(x > 0, 1 - small, small)
    return value, value * (1 - value)


def _tanh(x: Array) -> tuple[Array, Array]:
    value = jnp.tanh(x)
    return value, 1 - value * value


def _softplus(x: Array) -> tuple[Array, Array]:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))), _sigmoid(x)[0]


def _log_sigmoid(x: Array) -> tuple[Array, Array]:
    return -_softplus(-x)[0], _sigmoid(-x)[0]


def _softsign(x: Array) -> tuple[Array, Array]:
    factor = 1 / (1 + jnp.abs(x))
    return x * factor, factor * factor


def _silu(x: Array) -> tuple[Array, Array]:
    share = _sigmoid(x)[0]
    return x * share, share * (1 + x * (1 - share))


def _mish(x: Array) -> tuple[Array, Array]:
    t = jnp.tanh(_softplus(x)[0])
    return x * t, t + x * (1 - t * t) * _sigmoid(x)[0]


def _gelu(x: Array) -> tuple[Array, Array]:
    share = jax.scipy.special.erfc(-x * math.sqrt(0.5)) / 2
    density = jnp.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return x * share, share + x * density


def _hard_sigmoid(x: Array) -> tuple[Array, Array]:
    value = jnp.clip(x / 6 + 0.5, 0, 1)
    return value, _where(jnp.abs(x) < 3, 1 / 6, 0)


def _hard_silu(x: Array) -> tuple[Array, Array]:
    share, slope = _hard_sigmoid(x)
    return x * share, share + x * slope


def _exponential(x: Array) -> tuple[Array, Array]:
    value = jnp.exp(x)
    return value, value


FUNCTIONS: dict[str, Function] = {
    "celu": _elu,
    "elu": _elu,
    "exponential": _exponential,
    "gelu": _gelu,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_tanh": lambda x: (jnp.clip(x, -1, 1), _where(jnp.abs(x) < 1, 1, 0)),
    "leaky_relu": lambda x: (jnp.maximum(x, 0.2 * x), _where(x > 0, 1, 0.2)),
    "linear": lambda x: (x, jnp.ones_like(x)),
    "log_sigmoid": _log_sigmoid,
    "mish": _mish,
    "relu": lambda x: (jnp.maximum(x, 0), _where(x > 0, 1, 0)),
    "relu6": lambda x: (jnp.clip(x, 0, 6), _where((x > 0) & (x < 6), 1, 0)),
    "selu": _selu,
    "sigmoid": _sigmoid,
    "silu": _silu,
    "softplus": _softplus,
    "softsign": _softsign,
    "tanh": _tanh,
}
"""Every activation of one number at a time that a plan may name."""

COUPLED = frozenset({"softmax", "log_softmax"})
"""Activations that read all rows of a stage at once."""


def is_coupled(functions: Sequence[str]) -> bool:
    """Whether a composition of activations reads all rows of a stage at once."""
    return any(name in COUPLED for name in functions)


def composed(functions: Sequence[str]) -> Function:
    """Activations one after the other, and the derivative of the whole."""

    def both(x: Array) -> tuple[Array, Array]:
        slope = jnp.ones_like(x)
        for i, name in enumerate(functions):
            x, own = FUNCTIONS[name](x)
            slope = slope * own if i else own
        return x, slope

    return both


def composed_values(
    functions: Sequence[str], is_used: Array
) -> Callable[[Array], Array]:
    """The same for rows of a tile, softmax among them; only the values.

    Args:
        functions: names, applied one after the other.
        is_used: `(member, row, 1)`, rows that belong to the stage.

    Returns:
        A function of `(member, row, batch)` that JAX differentiates.
    """

    def values(x: Array) -> Array:
        for name in functions:
            if name in COUPLED:
                x = _log_softmax(x, is_used)
                x = jnp.exp(x) if name == "softmax" else x
            else:
                x = FUNCTIONS[name](x)[0]
        return x

    return values


def _log_softmax(x: Array, is_used: Array) -> Array:
    lowest = jnp.float32(-1e30)
    inside = jnp.where(is_used, x, lowest)
    largest = jax.lax.stop_gradient(jnp.max(inside, axis=1, keepdims=True))
    shifted = jnp.where(is_used, x - largest, 0)
    total = jnp.where(is_used, jnp.exp(shifted), 0).sum(axis=1, keepdims=True)
    return jnp.where(is_used, shifted - jnp.log(jnp.maximum(total, 1e-30)), 0)
