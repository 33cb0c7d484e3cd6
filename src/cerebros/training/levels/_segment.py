"""Several epochs of many networks as one compiled function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cerebros.lowering.levels import LevelLayout, forward
from cerebros.lowering.population import kept, mixed, row_bits

_FIRST_DECAY, _SECOND_DECAY, _EPSILON = 0.9, 0.95, 1e-8
_PACES = {"scale": 3.0, "bias": 0.3, "direct": 0.3, "output_bias": 0.3}
_NOT_DECAYED = {"scale", "bias", "output_bias"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a program is compiled for; equal shapes share one program.

    Attributes:
        layout: sizes of the networks.
        n_members: networks of a chunk.
        n_rows: rows of the table, idle ones included.
        n_entries: entries of an epoch, idle ones included.
        n_valid: rows that a member is judged by, idle ones included.
        batch_rows: rows of a batch.
        is_classification: cross-entropy of classes; otherwise squared error.
        activation: of hidden units.
    """

    layout: LevelLayout
    n_members: int
    n_rows: int
    n_entries: int
    n_valid: int
    batch_rows: int
    is_classification: bool
    activation: str


class Rates(NamedTuple):
    """Settings of each member, `(member,)`; its stream decides what it drops."""

    learning_rate: Any
    weight_decay: Any
    dropout: Any
    is_one_cycle: Any
    stream: Any


class Progress(NamedTuple):
    """What training changes: matrices, moments of their gradients, steps taken."""

    matrices: Any
    first: Any
    second: Any
    n_steps: Any


class Table(NamedTuple):
    """The rows of all members, and what an epoch goes through.

    Shapes:
        features: `(row, feature)`; targets: `(row, output)`.
        entries: `(entry,)`, numbers of rows; a heavy row has several entries.
        weights: `(member, entry)`, 0 for rows that a member never sees; they average
            to 1.
        valid: `(member, valid row)`, numbers of rows.
        n_entries: how many entries are not idle.
        n_batches: after which an epoch ends.
    """

    features: Any
    targets: Any
    entries: Any
    weights: Any
    valid: Any
    n_entries: Any
    n_batches: Any


class Span(NamedTuple):
    """Which part of the training a segment is: epochs, and the seed of its rows."""

    first_epoch: Any
    n_epochs: Any
    n_epochs_in_all: Any
    seed: Any


def make_segment(shape: Shape) -> Callable[..., Any]:
    """A function from progress to progress, and the outputs of each member's rows.

    Its arguments are `Progress`, the holes, `Rates`, `Table` and `Span`. The last
    entries of an epoch that do not fill a batch, or come after its last batch, are
    left out of it; each epoch has an order of its own.
    """
    act = _ACTIVATIONS[shape.activation]
    batch_rows = shape.batch_rows
    n_ranks, width = shape.layout.n_ranks, shape.layout.width

    def loss(
        matrices: Any,
        features: Any,
        targets: Any,
        weights: Any,
        rates: Rates,
        in_step: Any,
    ) -> Any:
        # Numbered alike in layouts of any width, so that a member drops the same.
        slots = (jnp.arange(n_ranks)[:, None] * 2**16 + jnp.arange(width)[None]).ravel()
        slots = slots.astype(jnp.uint32)
        keys = mixed(rates.stream[:, None] ^ mixed(slots + 1)[None])
        shares = jnp.broadcast_to(rates.dropout[:, None], keys.shape)

        def dropped(hidden: Any, rank: int) -> Any:
            of_rank = slice(rank * width, (rank + 1) * width)
            return hidden * kept(keys[:, of_rank], shares[:, of_rank], in_step)

        answer = forward(matrices, features, act, dropped)
        if shape.is_classification:
            logs = jax.nn.log_softmax(answer, axis=1)
            wrong = -jnp.sum(logs * targets[None], axis=1)
        else:
            wrong = jnp.mean((answer - targets[None]) ** 2, axis=1)
        return jnp.sum(weights * wrong)

    gradient = jax.grad(loss)

    def segment(
        progress: Progress, holes: Any, rates: Rates, table: Table, span: Span
    ) -> tuple[Progress, Any]:
        n_batches = table.n_batches
        # Divided by how many entries a batch has, not by what they weigh: a batch of
        # light rows must move the network less than one of heavy rows.
        weights = table.weights / jnp.minimum(batch_rows, table.n_entries)
        n_steps_in_all = (n_batches * span.n_epochs_in_all).astype(jnp.float32)
        order_key = jax.random.key(span.seed)

        def step(number: Any, carried: Any) -> Any:
            progress, order = carried
            at = jax.lax.dynamic_slice(order, (number * batch_rows,), (batch_rows,))
            rows = table.entries[at]
            # An epoch shorter than a batch repeats no entry: idle ones weigh nothing.
            gradients = gradient(
                progress.matrices,
                table.features[rows].T,
                table.targets[rows].T,
                weights[:, at],
                rates,
                row_bits(progress.n_steps, batch_rows),
            )
            done = (progress.n_steps + 1).astype(jnp.float32)
            factor = _factor(done / n_steps_in_all, rates.is_one_cycle)
            updated = _adam(progress, gradients, holes, rates, factor, done)
            return updated, order

        def epoch(number: Any, progress: Any) -> Any:
            at = span.first_epoch + number
            order = _order(jax.random.fold_in(order_key, at), table.n_entries, shape)
            return jax.lax.fori_loop(0, n_batches, step, (progress, order))[0]

        progress = jax.lax.fori_loop(0, span.n_epochs, epoch, progress)
        return progress, _answers(progress.matrices, table, shape, act)

    return segment


def _order(key: Any, n_entries: Any, shape: Shape) -> Any:
    """A random order of the entries, the idle ones behind."""
    n = shape.n_entries
    is_idle = jnp.arange(n) >= n_entries
    order = jnp.argsort(jax.random.uniform(key, (n,)) + 2.0 * is_idle)
    return jnp.pad(order, (0, max(0, shape.batch_rows - n)), constant_values=n - 1)


def _factor(done: Any, is_one_cycle: Any) -> Any:
    """Of the learning rate, when a share of all steps is done.

    Reference:
        Waves: Holzmüller, Grinsztajn and Steinwart, 2024, "Better by Default".
        One cycle: Smith and Topin, 2018, "Super-Convergence"; here with a tenth of
        the steps going up in a line, and a cosine down.
    """
    waves = 0.5 * (1 - jnp.cos(2 * jnp.pi * jnp.log2(1 + 15 * done)))
    up = jnp.minimum(done / 0.1, 1)
    down = 0.5 * (1 + jnp.cos(jnp.pi * jnp.maximum(0, (done - 0.1) / 0.9)))
    return jnp.where(is_one_cycle, up * down, waves)


def _adam(
    progress: Progress,
    gradients: Any,
    holes: Any,
    rates: Rates,
    factor: Any,
    done: Any,
) -> Progress:
    """One step of Adam with decoupled decay; holes stay zero.

    Reference:
        Loshchilov and Hutter, 2019, "Decoupled Weight Decay Regularization".
    """
    a, b = _FIRST_DECAY, _SECOND_DECAY
    first = jax.tree.map(lambda m, g: a * m + (1 - a) * g, progress.first, gradients)
    second = jax.tree.map(
        lambda v, g: b * v + (1 - b) * g * g, progress.second, gradients
    )
    pace = rates.learning_rate * factor
    matrices = {}
    for key, old in progress.matrices.items():
        of_member = (slice(None),) + (None,) * (old.ndim - 1)
        change = (first[key] / (1 - a**done)) / (
            jnp.sqrt(second[key] / (1 - b**done)) + _EPSILON
        )
        if key not in _NOT_DECAYED:
            change = change + rates.weight_decay[of_member] * old
        length = pace[of_member] * _PACES.get(key, 1.0)
        matrices[key] = old - jnp.where(holes[key], length * change, 0)
    return Progress(matrices, first, second, progress.n_steps + 1)


def _answers(matrices: Any, table: Table, shape: Shape, act: Any) -> Any:
    """Outputs of each member for its own rows, `(member, valid row, output)`."""

    def of_member(member: Any) -> Any:
        own, rows = member
        alone = jax.tree.map(lambda x: x[None], own)
        answer = forward(alone, table.features[rows].T, act)[0]
        if shape.is_classification:
            answer = jax.nn.softmax(answer, axis=0)
        return answer.T

    return jax.lax.map(of_member, (matrices, table.valid))


@jax.custom_jvp
def _mish(x: Any) -> Any:
    return _mish_parts(x)[0]


@_mish.defjvp
def _mish_jvp(primals: Any, tangents: Any) -> Any:
    value, slope = _mish_parts(primals[0])
    return value, tangents[0] * slope


def _mish_parts(x: Any) -> tuple[Any, Any]:
    """Mish and its derivative with one exponential."""
    e = jnp.exp(jnp.minimum(x, 20.0))
    n = e * (e + 2)
    share = n / (n + 2)  # tanh(softplus(x))
    slope = share + x * (4 * e * (1 + e)) / ((n + 2) * (n + 2))
    return x * share, slope


def _silu(x: Any) -> Any:
    return x * jax.nn.sigmoid(x)


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "elu": jax.nn.elu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "mish": _mish,
    "relu": jax.nn.relu,
    "selu": jax.nn.selu,
    "silu": _silu,
    "tanh": jnp.tanh,
}
