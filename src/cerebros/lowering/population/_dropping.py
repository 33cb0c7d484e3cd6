"""Drawing what is dropped in a step, within the program."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from cerebros.lowering.population._drops import mixed

Array = jax.Array


def row_bits(step: Array, batch: int) -> Array:
    """Bits of each row of a batch in a step, `(batch,)`."""
    rows = jnp.arange(batch, dtype=jnp.uint32)
    return mixed(rows * np.uint32(0x9E3779B9) + mixed(step.astype(jnp.uint32)))


def kept(keys: Array, rates: Array, rows: Array) -> Array:
    """What features are multiplied by: 0 where dropped, else 1 / (1 - rate).

    Args:
        keys, rates: `(member, feature)`.
        rows: `(batch,)` of `row_bits`.

    Returns:
        `(member, feature, batch)`.
    """
    bits = mixed(keys[..., None] ^ rows)
    share = bits.astype(jnp.float32) * np.float32(2.0**-32)
    rate = rates[..., None]
    return jnp.where(share >= rate, 1 / (1 - rate), 0)
