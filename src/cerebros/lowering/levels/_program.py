"""Many networks of levels at once, as products of dense matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp


def forward(
    matrices: dict[str, Any],
    features: Any,
    activation: Callable[[Any], Any],
    dropped: Callable[[Any, int], Any] = lambda hidden, rank: hidden,
) -> Any:
    """Outputs of many networks before the last activation.

    The rows are the fast axis. All networks read the same rows, so that what they
    read of the inputs is one product.

    Args:
        matrices: see `matrix_shapes`, with the member as first axis.
        features: `(feature, row)`, plain before encoded ones.
        activation: of hidden units, of one number at a time.
        dropped: applies dropout to the hidden numbers `(member, slot, row)` of a rank.

    Returns:
        `(member, output, row)`.
    """
    n_members, n_ranks, width = matrices["bias"].shape
    n_rows = features.shape[1]
    scaled = matrices["features"] * matrices["scale"][:, None, :]
    first = _shared_product(scaled, features)
    if n_ranks > 1:
        n_plain = matrices["plain"].shape[-1]
        flat = matrices["plain"].reshape(n_members, (n_ranks - 1) * width, n_plain)
        later = _shared_product(flat, features[:n_plain])
        later = later.reshape(n_members, n_ranks - 1, width, n_rows)
    state = None
    for rank in range(n_ranks):
        total = first if rank == 0 else later[:, rank - 1]
        total = total + matrices["bias"][:, rank, :, None]
        if state is not None:
            total = total + matrices[f"hidden_{rank}"] @ state
        hidden = dropped(activation(total), rank)
        state = hidden if state is None else jnp.concatenate([state, hidden], axis=1)
    answer = matrices["output"] @ state + matrices["output_bias"][:, :, None]
    return answer + _shared_product(matrices["direct"], features)


def _shared_product(kernel: Any, features: Any) -> Any:
    """(member, slot, feature) × (feature, row) as one product."""
    n_members, width, n_features = kernel.shape
    flat = kernel.reshape(n_members * width, n_features) @ features
    return flat.reshape(n_members, width, features.shape[1])
