"""The order in which an epoch goes through the rows."""

from __future__ import annotations

import numpy as np

from cerebros.training._split import Rows


def epoch_batches(rows: Rows, *, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """The training rows of an epoch in random order, cut into whole batches.

    All trials of a search go through the rows in the same order, so that a population
    reads each batch once. Rows that do not fill the last batch are left out of this
    epoch.

    Args:
        rows: numbers of the training rows.
        batch_size: rows of a batch, at most `len(rows)`.
        seed: of the search.
        epoch: counted from 0.
    """
    order = np.random.default_rng([seed, 1, epoch]).permutation(rows)
    n_batches = len(rows) // batch_size
    return list(order[: n_batches * batch_size].reshape(n_batches, batch_size))
