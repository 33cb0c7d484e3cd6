"""Several epochs of a chunk as one call of a compiled program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from cerebros.lowering.population import (
    Batch,
    Buffers,
    Kernels,
    Layout,
    Parameters,
    RowMoments,
    Tables,
    backward,
    effective_kernels,
    forward,
    new_buffers,
    new_kernels,
    parameter_gradients,
    predict,
    put,
    row_bits,
    slab_masks,
    take,
)
from cerebros.training._running_statistics import RunningStatistics
from cerebros.training._schedule import schedule_factor
from cerebros.training.population._clipping import clipping
from cerebros.training.population._head import Head
from cerebros.training.population._optimizers import Optimizer

Array = jax.Array

EPSILON = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that a program is compiled for; equal recipes share one program.

    Attributes:
        layout: static sizes of a chunk.
        head: outputs, loss and metrics.
        optimizer: how parameters are moved.
        schedule: name of the learning-rate schedule.
        metric: the ranked column of the history.
        is_minimized: whether small values of it are better.
        patience: epochs without a better value before a member stops, or None.
        n_epochs: of a whole training; decides the schedule.
        n_batches: of an epoch.
        batch_rows: rows of a batch.
        batch_columns: the same, rounded up.
        segment_epochs: most epochs of one call.
        has_decay: whether any member's weights decay.
        statistics: how running means and variances follow the batches.
    """

    layout: Layout
    head: Head
    optimizer: Optimizer
    schedule: str
    metric: str
    is_minimized: bool
    patience: int | None
    n_epochs: int
    n_batches: int
    batch_rows: int
    batch_columns: int
    segment_epochs: int
    has_decay: bool
    statistics: RunningStatistics


class Snapshot(NamedTuple):
    """What decides predictions.

    Attributes:
        parameters: arrays of the layout.
        rows: running statistics of rows.
        input_mean, input_variance: running statistics of inputs, `(member, feature)`.
    """

    parameters: Parameters
    rows: RowMoments
    input_mean: Array
    input_variance: Array


class State(NamedTuple):
    """A chunk between two segments.

    Attributes:
        now: parameters, and statistics with their start still in them.
        slots: what the optimizer remembers, as many as it has.
        best: the best epoch of each member so far.
        score: its ranked metric, `(member,)`.
        waited: epochs since then, `(member,)`.
        is_active: whether a member still trains, `(member,)`.
        step: steps done.
    """

    now: Snapshot
    slots: tuple[Parameters, ...]
    best: Snapshot
    score: Array
    waited: Array
    is_active: Array
    step: Array


class Data(NamedTuple):
    """Rows on the device.

    Attributes:
        inputs: `(row, feature)`.
        targets: for each output `(row, width)`.
        weights: `(row,)`, or None.
        valid_inputs: `(part, feature, batch)` of the rows that choose.
        valid_targets: for each output `(part, width, batch)`.
        valid_mask: `(part, batch)` 1 where there is a row.
        valid_weights: `(part, batch)`, or None.
    """

    inputs: Array
    targets: tuple[Array, ...]
    weights: Array | None
    valid_inputs: Array
    valid_targets: tuple[Array, ...]
    valid_mask: Array
    valid_weights: Array | None


class Rates(NamedTuple):
    """Hyper-parameters of each member, `(member,)`."""

    learning_rate: Array
    weight_decay: Array


class _Work(NamedTuple):
    """Buffers of a segment."""

    kernels: Kernels
    kernel_gradients: Kernels
    gradients: Parameters
    buffers: Buffers
    valid_state: Array


Segment = Callable[..., tuple[State, dict[str, Array]]]


def make_segment(recipe: Recipe) -> Segment:
    """The function of a segment, to be compiled.

    Returns:
        `segment(state, tables, data, rates, orders, n_epochs)`: trains for `n_epochs`,
        at most `segment_epochs`; `orders` is `(epoch, batch, row)`. Gives the new state
        and each column of the history as `(epoch, member)`.
    """
    return partial(_segment, recipe)


def _segment(
    recipe: Recipe,
    state: State,
    tables: Tables,
    data: Data,
    rates: Rates,
    orders: Array,
    n_epochs: Array,
) -> tuple[State, dict[str, Array]]:
    layout = recipe.layout
    names = recipe.head.column_names()
    shape = (recipe.segment_epochs, layout.n_members)
    columns = {
        name: jnp.zeros(shape, jnp.float32)
        for name in (*names, *(f"val_{name}" for name in names))
    }
    work = _Work(
        new_kernels(layout, are_gradients=False),
        new_kernels(layout, are_gradients=True),
        jax.tree.map(jnp.zeros_like, state.now.parameters),
        new_buffers(layout, recipe.batch_columns),
        jnp.zeros(
            (
                layout.n_blocks,
                layout.n_members,
                layout.stored,
                data.valid_mask.shape[-1],
            ),
            jnp.float32,
        ),
    )

    def epoch(i: Any, carry: Any) -> Any:
        state, columns, work = carry
        state, trained, work = _train(
            recipe, state, tables, data, rates, orders[i], work
        )
        now = _without_start(recipe, state)
        validated, work = _validate(recipe, now, tables, data, work)
        logs = trained | {f"val_{name}": value for name, value in validated.items()}
        columns = {
            name: lax.dynamic_update_index_in_dim(column, logs[name], i, 0)
            for name, column in columns.items()
        }
        return _keep_best(recipe, state, now, logs), columns, work

    state, columns, _ = lax.fori_loop(0, n_epochs, epoch, (state, columns, work))
    return state, columns


# --- Training -----------------------------------------------------------------------


def _train(
    recipe: Recipe,
    state: State,
    tables: Tables,
    data: Data,
    rates: Rates,
    order: Array,
    work: _Work,
) -> tuple[State, dict[str, Array], _Work]:
    """One epoch."""
    layout, head = recipe.layout, recipe.head
    running = partial(_running, recipe.statistics.momentum)
    mask = (jnp.arange(recipe.batch_columns) < recipe.batch_rows).astype(jnp.float32)
    total = recipe.n_epochs * recipe.n_batches

    def step(i: Any, carry: Any) -> Any:
        now, slots, count, metrics, work = carry
        x, moments, targets, weights = _batch(recipe, data, order[i])
        bits = row_bits(count, recipe.batch_columns) if layout.has_dropout else None
        batch = Batch(x, mask, mask / recipe.batch_rows, bits)
        kernels = effective_kernels(layout, now.parameters, tables, work.kernels)
        z, buffers, rows = forward(layout, kernels, tables, batch, work.buffers)
        loss, pull = jax.vjp(lambda z: head.loss(z, targets, mask, weights), z)
        errors = pull(jnp.ones_like(loss))[0] * mask
        metrics = head.update(metrics, z, loss, targets, mask, weights)
        kernel_gradients, buffers = backward(
            layout, kernels, tables, batch, buffers, rows, errors, work.kernel_gradients
        )
        gradients = parameter_gradients(
            layout, now.parameters, tables, kernel_gradients, work.gradients
        )
        factor = schedule_factor(recipe.schedule, count / total, jnp)
        parameters, slots = _moved(
            recipe, now.parameters, gradients, slots, tables, rates, factor, count + 1
        )
        now = Snapshot(
            parameters,
            RowMoments(
                running(now.rows.mean, rows.mean),
                running(now.rows.variance, rows.variance),
            ),
            running(now.input_mean, moments[0]),
            running(now.input_variance, moments[1]),
        )
        work = work._replace(kernels=kernels, gradients=gradients, buffers=buffers)
        return now, slots, count + 1, metrics, work

    metrics = head.metric_state(layout.n_members)
    now, slots, count, metrics, work = lax.fori_loop(
        0, recipe.n_batches, step, (state.now, state.slots, state.step, metrics, work)
    )
    state = state._replace(now=now, slots=slots, step=count)
    return state, head.result(metrics), work


def _running(momentum: float, before: Array, now: Array) -> Array:
    return momentum * before + (1 - momentum) * now


def _without_start(recipe: Recipe, state: State) -> Snapshot:
    """What decides predictions after at least one step."""
    now = state.now
    n_steps = state.step.astype(jnp.float32)
    mean = partial(recipe.statistics.mean, n_steps=n_steps)
    variance = partial(recipe.statistics.variance, n_steps=n_steps)
    return Snapshot(
        now.parameters,
        RowMoments(mean(now.rows.mean), variance(now.rows.variance)),
        mean(now.input_mean),
        variance(now.input_variance),
    )


def _batch(
    recipe: Recipe, data: Data, rows: Array
) -> tuple[Array, tuple[Array, Array], tuple[Array, ...], Array | None]:
    """Columns of the inputs, their moments, targets and weights of a batch."""
    padding = ((0, 0), (0, recipe.batch_columns - recipe.batch_rows))
    plain = data.inputs[rows].T
    mean = plain.mean(axis=1)
    centered = plain - mean[:, None]
    variance = (centered * centered).mean(axis=1)
    standard = centered * lax.rsqrt(variance + EPSILON)[:, None]
    x = jnp.pad(_columns(recipe.layout, plain, standard), padding)
    targets = tuple(jnp.pad(y[rows].T, padding) for y in data.targets)
    weights = None
    if data.weights is not None:
        weights = jnp.pad(data.weights[rows], padding[1:])
    return x, (mean, variance), targets, weights


def _columns(layout: Layout, plain: Array, standard: Array) -> Array:
    """All columns that networks may read, `(column, row)`."""
    parts = [standard] if layout.standardizes_inputs else []
    parts += [plain] if layout.reads_plain_inputs else []
    n_rest = layout.n_columns - layout.ones_column - 1
    ones = jnp.ones((1, plain.shape[1]), jnp.float32)
    rest = jnp.zeros((n_rest, plain.shape[1]), jnp.float32)
    return jnp.concatenate([*parts, ones, rest])


def _moved(
    recipe: Recipe,
    parameters: Parameters,
    gradients: Parameters,
    slots: tuple[Parameters, ...],
    tables: Tables,
    rates: Rates,
    factor: Array,
    step: Array,
) -> tuple[Parameters, tuple[Parameters, ...]]:
    """Parameters after a step, slab by slab as far as slabs are in use."""
    layout, optimizer = recipe.layout, recipe.optimizer
    clip = clipping(layout, optimizer, tables, gradients)
    correction = optimizer.correction(step)
    rate = (rates.learning_rate * factor)[:, None]
    new_parameters: Parameters = {}
    new_slots: list[Parameters] = [{} for _ in slots]
    for name, array in parameters.items():
        shape = array.shape
        flat = (shape[0], layout.n_members, -1)  # loops over short axes are slow

        def one(i: Any, carry: Any, name: str = name, shape: Any = shape) -> Any:
            array, own = carry
            gradient = take(gradients[name], i)
            if clip is not None:
                gradient = clip(name, gradient, i)
            gradient = gradient.reshape(layout.n_members, -1)
            before = tuple(take(slot, i) for slot in own)
            after = optimizer.slots_after(gradient, before, rate)
            own = tuple(put(s, a, i) for s, a in zip(own, after, strict=True))
            # Without this the old and the new moments are both needed at once, and
            # XLA copies whole arrays.
            own = lax.optimization_barrier(own)
            value = optimizer.moved(
                take(array, i),
                gradient,
                tuple(take(slot, i) for slot in own),
                rate=rate,
                correction=correction,
                weight_decay=_decay(recipe, tables, rates, name, i, shape[1:]),
            )
            return put(array, value, i), own

        moved, own = lax.fori_loop(
            0,
            1 if name == "bias" else tables["n_slabs"],
            one,
            (array.reshape(flat), tuple(s[name].reshape(flat) for s in slots)),
        )
        new_parameters[name] = moved.reshape(shape)
        for target, value in zip(new_slots, own, strict=True):
            target[name] = value.reshape(shape)
    return new_parameters, tuple(new_slots)


def _decay(
    recipe: Recipe,
    tables: Tables,
    rates: Rates,
    name: str,
    i: Any,
    shape: tuple[int, ...],
) -> Array | None:
    """Weight decay of the numbers of a slab; none of what is not trained."""
    if not recipe.has_decay:
        return None
    rate = rates.weight_decay[:, None]
    if not recipe.layout.has_fixed:
        return rate
    if name == "bias":
        mask = tables["is_dense"][..., None]
    else:
        mask = slab_masks(tables, i)[name]
    every = jnp.broadcast_to(mask, shape).reshape(recipe.layout.n_members, -1)
    return rate * every


# --- Validation ---------------------------------------------------------------------


def _validate(
    recipe: Recipe, now: Snapshot, tables: Tables, data: Data, work: _Work
) -> tuple[dict[str, Array], _Work]:
    """All columns of the history on the rows that choose."""
    layout, head = recipe.layout, recipe.head
    kernels = effective_kernels(layout, now.parameters, tables, work.kernels)
    # All members have seen the same inputs, so one is as good as any other.
    mean = now.input_mean[:, None]
    factor = lax.rsqrt(now.input_variance + EPSILON)[:, None]

    def part(i: Any, carry: Any) -> Any:
        metrics, state = carry
        plain = data.valid_inputs[i]
        mask = data.valid_mask[i]
        x = _columns(layout, plain, (plain - mean) * factor)
        z, state = predict(layout, kernels, tables, x, now.rows, state)
        targets = tuple(y[i] for y in data.valid_targets)
        weights = None if data.valid_weights is None else data.valid_weights[i]
        loss = head.loss(z, targets, mask, weights)
        return head.update(metrics, z, loss, targets, mask, weights), state

    metrics, state = lax.fori_loop(
        0,
        data.valid_inputs.shape[0],
        part,
        (head.metric_state(layout.n_members), work.valid_state),
    )
    return head.result(metrics), work._replace(kernels=kernels, valid_state=state)


def _keep_best(
    recipe: Recipe, state: State, now: Snapshot, logs: dict[str, Array]
) -> State:
    """Remember members that improved, and stop those that wait too long or diverge."""
    value = logs[recipe.metric]
    is_better = value < state.score if recipe.is_minimized else value > state.score
    is_finite = jnp.isfinite(logs["loss"])
    improved = state.is_active & is_finite & jnp.isfinite(value) & is_better
    waited = jnp.where(improved, 0, state.waited + 1)
    is_active = state.is_active & is_finite
    if recipe.patience is not None:
        is_active &= waited < recipe.patience

    def best(new: Array, old: Array, axis: int) -> Array:
        shape = [1] * new.ndim
        shape[axis] = -1
        return jnp.where(improved.reshape(shape), new, old)

    def best_of_members(new: Array, old: Array) -> Array:
        return jnp.where(improved[:, None], new, old)

    kept = Snapshot(
        {k: best(a, state.best.parameters[k], 1) for k, a in now.parameters.items()},
        RowMoments(
            best(now.rows.mean, state.best.rows.mean, 1),
            best(now.rows.variance, state.best.rows.variance, 1),
        ),
        best_of_members(now.input_mean, state.best.input_mean),
        best_of_members(now.input_variance, state.best.input_variance),
    )
    score = jnp.where(improved, value, state.score)
    return state._replace(best=kept, score=score, waited=waited, is_active=is_active)
