"""Contexts, heads and batches for the tests of losses and metrics."""

import jax
import jax.numpy as jnp
import numpy as np

from cerebros.training import (
    Dataset,
    Objective,
    Split,
    TrainingContext,
    TrainingSettings,
)
from cerebros.training.population._head import head_of

N_MEMBERS, N_ROWS, N_COLUMNS = 3, 11, 16


def head(targets, outputs, *, loss="mse", metrics=(), scales=None):
    """The head of outputs `(width, activation)` for targets `(row, width)` each."""
    n_rows = len(targets[0])
    rows = np.arange(n_rows)
    context = TrainingContext(
        data=Dataset.of(np.arange(n_rows, dtype="f"), list(targets)),
        split=Split(rows[:-1], rows[-1:], rows[:0]),
        settings=TrainingSettings(loss=loss, metrics=tuple(metrics)),
        objective=Objective("val_loss"),
        output_scales=scales,
    )
    return head_of(context, outputs)


def padded(rows, filling=0.0):
    """Rows `(…, row, width)` feature-major, and filled up to the columns of a batch."""
    array = np.swapaxes(np.asarray(rows, np.float32), -1, -2)
    missing = N_COLUMNS - array.shape[-1]
    widths = [(0, 0)] * (array.ndim - 1) + [(0, missing)]
    return jnp.asarray(np.pad(array, widths, constant_values=filling))


def mask_of(n_rows):
    return (jnp.arange(N_COLUMNS) < n_rows).astype(jnp.float32)


def columns_of(head, batches):
    """What the history says after batches of (z, targets, weights), row-major.

    Args:
        head: of `head`.
        batches: `z` is `(member, row, all outputs)`, the targets are `(row, width)`
            each, the weights are `(row,)` or None.
    """
    update = jax.jit(_update, static_argnums=0)
    state = head.metric_state(len(batches[0][0]))
    for z, targets, weights in batches:
        n_rows = z.shape[1]
        own = None if weights is None else padded(weights[:, None])[0]
        state = update(
            head,
            state,
            padded(z, filling=0.7),
            tuple(map(padded, targets)),
            mask_of(n_rows),
            own,
        )
    return {name: np.asarray(value) for name, value in head.result(state).items()}


def _update(head, state, z, targets, mask, weights):
    loss = head.loss(z, targets, mask, weights)
    return head.update(state, z, loss, targets, mask, weights)


def one_hot(classes, n):
    return np.eye(n, dtype=np.float32)[classes]
