"""How fast JAX multiplies square float32 matrices here: prints GFLOP/s by size.

Run by `population.py` in a process of its own.
"""

from __future__ import annotations

import json
import time

import jax
import jax.numpy as jnp
import numpy as np

SIZES = (256, 512)
ROUNDS = 50
PRODUCTS_FLOP = 1e9
"""Work of one round: short, so that in some of them nothing else runs on the core."""


def matrix_rate(size: int) -> float:
    """GFLOP/s of the best round."""
    rng = np.random.default_rng(size)
    # A rotation neither grows nor shrinks what it is multiplied with.
    rotation = jnp.asarray(np.linalg.qr(rng.normal(size=(size, size)))[0], jnp.float32)
    n_products = round(PRODUCTS_FLOP / (2 * size**3))

    @jax.jit
    def products(rotation: jax.Array, x: jax.Array) -> jax.Array:
        # Each product needs the one before, so that none can be left out.
        return jax.lax.fori_loop(0, n_products, lambda _, x: rotation @ x, x)

    x = products(rotation, rotation).block_until_ready()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        x = products(rotation, x).block_until_ready()
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 * n_products / min(seconds) / 1e9


if __name__ == "__main__":
    print(json.dumps({str(size): matrix_rate(size) for size in SIZES}))
