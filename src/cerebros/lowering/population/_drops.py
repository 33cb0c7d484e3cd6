"""What dropout drops: random bits from keys, the same wherever they are drawn.

Each read feature has a key, which follows from the seed of its network and the name of
the dropout step, and a rate. Whether it is dropped in a row of a batch follows from the
key, the step of the training, and the place of the row in the batch; so the backward
pass draws again what the forward pass drew, and nothing needs to be remembered.

Reference:
    The mixing function is `lowbias32` of Wellons, 2018, "Prospecting for Hash
    Functions"; counters as random streams: Salmon et al., 2011, "Parallel Random
    Numbers: As Easy as 1, 2, 3".
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Drops(NamedTuple):
    """Keys and rates of what a chunk drops.

    Shapes:
        state: `(pair, member, stored row)`.
        inputs: `(block, member, column)`.
        out: `(block, member, output, stored row)`.
        out_in: `(member, output, column)`.
        Each is a pair of keys (uint32) and rates (float32, 0 where nothing is dropped).
    """

    state: tuple[Any, Any]
    inputs: tuple[Any, Any]
    out: tuple[Any, Any]
    out_in: tuple[Any, Any]


def mixed(x: Any) -> Any:
    """32 bits that look random, from 32 bits; for NumPy and JAX."""
    x = x ^ (x >> 16)
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> 15)
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def keys_of(seed: int, name: str, offset: int, n: int) -> npt.NDArray[np.uint32]:
    """Keys of features of a dropout step.

    Args:
        seed: of the network.
        name: of the step.
        offset: feature of the step that comes first.
        n: number of features.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    first = np.uint32(int.from_bytes(digest[:4], "little"))
    places = np.arange(offset, offset + n, dtype=np.uint32)
    with np.errstate(over="ignore"):
        keys: npt.NDArray[np.uint32] = mixed(first ^ mixed(places + np.uint32(1)))
    return keys
