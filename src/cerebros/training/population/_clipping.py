"""Clipping of gradients as Keras does it: by value, by each norm, by the norm of all.

The kernel of a dense step, its bias, and the scales and the shifts that it reads are
variables of their own; each belongs to one stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cerebros.lowering.population import Layout, Parameters, Tables, take
from cerebros.training.population._optimizers import Optimizer

Array = jax.Array
Clip = Callable[[str, Array, Any], Array]
"""`clip(name, gradient, slab)`: the gradient of an array of a slab, clipped."""


def clipping(
    layout: Layout,
    optimizer: Optimizer,
    tables: Tables,
    gradients: Parameters,
) -> Clip | None:
    """The clipping that an optimizer asks for, or None."""
    if optimizer.clip_value is not None:
        limit = optimizer.clip_value
        return lambda name, gradient, slab: jnp.clip(gradient, -limit, limit)
    if optimizer.clip_norm is None and optimizer.global_clip_norm is None:
        return None
    squares = _squares(layout, tables, gradients)
    if optimizer.global_clip_norm is not None:
        total = jnp.stack([own.sum(axis=1) for own in squares.values()]).sum(axis=0)
        of_member = _factor(total, optimizer.global_clip_norm)

        def by_all(name: str, gradient: Array, slab: Any) -> Array:
            return gradient * of_member.reshape(-1, *[1] * (gradient.ndim - 1))

        return by_all
    assert optimizer.clip_norm is not None, "one of the three is asked for"
    limit = optimizer.clip_norm
    factors = {name: _factor(own, limit) for name, own in squares.items()}

    def by_variable(name: str, gradient: Array, slab: Any) -> Array:
        if name == "bias":
            return gradient * factors[name][..., None]
        own = factors[name].ravel()[take(tables["stage_of"], slab)]
        return gradient * own.reshape(*own.shape, *[1] * (gradient.ndim - 2))

    return by_variable


def _factor(squares: Array, limit: float) -> Array:
    norm = jnp.sqrt(squares)
    return jnp.where(norm > limit, limit / jnp.maximum(norm, 1e-30), 1.0)


def _squares(layout: Layout, tables: Tables, gradients: Parameters) -> dict[str, Array]:
    """Sum of squares of each variable, `(member, stage)`."""
    shape = (layout.n_members, layout.n_stages)
    names = [name for name in gradients if name != "bias"]

    def slab(i: Any, sums: dict[str, Array]) -> dict[str, Array]:
        stage_of = take(tables["stage_of"], i)
        result = {}
        for name, total in sums.items():
            own = take(gradients[name], i) ** 2
            own = own.sum(axis=-1) if own.ndim == 3 else own
            result[name] = total.at[stage_of].add(own)
        return result

    nothing = {name: jnp.zeros(shape, jnp.float32).ravel() for name in names}
    sums = lax.fori_loop(0, tables["n_slabs"], slab, nothing)
    result = {name: own.reshape(shape) for name, own in sums.items()}
    return result | {"bias": (gradients["bias"][0] ** 2).sum(axis=-1)}
