"""One network after another, each with a whole epoch as one program of its own.

This is what an engineer would write by hand in JAX: the plan taken literally, with
`jax.grad`, and a scan over the steps of an epoch, compiled anew for every network.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from cerebros.lowering import initial_weights
from cerebros.lowering._weights import named_steps
from cerebros.plan import Dense, NetworkPlan, Normalize, Unit
from cerebros.training import (
    Outcome,
    Status,
    TrainingContext,
    TrainingTask,
    epoch_batches,
)

Arrays: TypeAlias = Mapping[str, jax.Array]
"""By key, as in `unit_7_dense/kernel`."""
State: TypeAlias = dict[str, Any]

NORMALIZE_EPSILON = 1e-3
MOMENTUM = 0.99
ADAM_DECAY_1, ADAM_DECAY_2, ADAM_EPSILON = 0.9, 0.999, 1e-7
STATISTICS = ("mean", "variance")

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "exponential": jnp.exp,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "linear": lambda x: x,
    "softsign": jax.nn.soft_sign,
}
"""Those that `jax.nn` does not know by the same name and with the same parameters."""


def train_with_epoch_loop(task: TrainingTask, context: TrainingContext) -> Outcome:
    """Train one network with Adam on the squared error; keep its best epoch.

    Raises:
        NotImplementedError: if the plan or the settings ask for more than that.
    """
    _check(task.plan, context)
    start = time.monotonic()
    state = _initial_state(task)
    data = _Data(context)
    orders = [_order(task, context, e) for e in range(context.settings.epochs)]
    program = jax.jit(_epoch_of(task.plan, context.settings.learning_rate))
    run = program.lower(state, orders[0], *data.arrays).compile()

    history: dict[str, list[float]] = {}
    score, best_epoch, best = None, None, state
    status = Status.FINISHED
    for epoch, order in enumerate(orders):
        state, metrics = run(state, order, *data.arrays)
        values = {name: float(value) for name, value in metrics.items()}
        for name, value in values.items():
            history.setdefault(name, []).append(value)
        if not math.isfinite(values["loss"]):
            status = Status.DIVERGED
            break
        if context.objective.is_better(values[context.objective.metric], score):
            score, best_epoch = values[context.objective.metric], epoch
            best = state
    return Outcome(
        status,
        {name: tuple(values) for name, values in history.items()},
        score=score,
        best_epoch=best_epoch,
        weights={
            key: np.asarray(w) for key, w in (best["trained"] | best["running"]).items()
        },
        seconds=time.monotonic() - start,
    )


def forward(
    plan: NetworkPlan, weights: Arrays, x: jax.Array, *, training: bool
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """What a plan with one input and one output computes, step by step.

    Args:
        plan: the network; copies are repeated in the merge, as drawn.
        weights: trained arrays and running statistics.
        x: `(row, feature)`.
        training: normalize with these rows (True) or with running statistics.

    Returns:
        The output, `(row, neuron)`, and the statistics that were normalized with.
    """
    values, statistics = [x], {}
    for node, unit in plan.nodes():
        x = _merge(unit, values)
        for named in named_steps(plan, node):
            if isinstance(named.step, Dense):
                x = x @ weights[f"{named.name}/kernel"] + weights[f"{named.name}/bias"]
                x = activate(named.step.activation, x)
                continue
            keys = [f"{named.name}/{name}" for name in STATISTICS]
            if training:
                statistics |= zip(keys, (x.mean(0), x.var(0)), strict=True)
            mean, variance = ((statistics if training else weights)[k] for k in keys)
            x = (x - mean) * jax.lax.rsqrt(variance + NORMALIZE_EPSILON)
            if named.step.scale_shift:
                x = x * weights[f"{named.name}/scale"] + weights[f"{named.name}/shift"]
        values.append(x)
    return values[plan.outputs[0]], statistics


def activate(name: str, x: jax.Array) -> jax.Array:
    return (ACTIVATIONS.get(name) or getattr(jax.nn, name))(x)


def _merge(unit: Unit, values: Sequence[jax.Array]) -> jax.Array:
    arriving = []
    for c in unit.connections:
        x = values[c.source] if c.gate is None else activate(c.gate, values[c.source])
        arriving += [x] * c.copies
    return sum(arriving) if unit.merge == "add" else jnp.concatenate(arriving, axis=1)


def _epoch_of(plan: NetworkPlan, learning_rate: float) -> Callable[..., Any]:
    """All steps of an epoch and its validation, as one function."""

    def mean_squared_error(
        trained: Arrays, x: jax.Array, y: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        predicted, statistics = forward(plan, trained, x, training=True)
        return jnp.mean((predicted - y) ** 2), statistics

    def epoch(
        state: State, order: jax.Array, x: Any, y: Any, val_x: Any, val_y: Any
    ) -> tuple[State, dict[str, jax.Array]]:
        def step(state: State, rows: jax.Array) -> tuple[State, jax.Array]:
            gradient = jax.value_and_grad(mean_squared_error, has_aux=True)
            (loss, new), gradients = gradient(state["trained"], x[rows], y[rows])
            running = {
                key: MOMENTUM * old + (1 - MOMENTUM) * new[key]
                for key, old in state["running"].items()
            }
            return _adam(state, gradients, learning_rate) | {"running": running}, loss

        state, losses = jax.lax.scan(step, state, order)
        loss = losses.mean()
        weights = state["trained"] | state["running"]
        predicted, _ = forward(plan, weights, val_x, training=False)
        val_loss = jnp.mean((predicted - val_y) ** 2)
        return state, {
            "loss": loss,
            "root_mean_squared_error": jnp.sqrt(loss),
            "val_loss": val_loss,
            "val_root_mean_squared_error": jnp.sqrt(val_loss),
        }

    return epoch


def _adam(state: State, gradients: Any, learning_rate: float) -> State:
    """One step of Adam in the form of Keras, where epsilon is added last."""
    t = state["t"] + 1
    m = jax.tree.map(
        lambda m, g: m + (1 - ADAM_DECAY_1) * (g - m), state["m"], gradients
    )
    v = jax.tree.map(
        lambda v, g: v + (1 - ADAM_DECAY_2) * (g * g - v), state["v"], gradients
    )
    rate = learning_rate * jnp.sqrt(1 - ADAM_DECAY_2**t) / (1 - ADAM_DECAY_1**t)
    trained = jax.tree.map(
        lambda w, m, v: w - rate * m / (jnp.sqrt(v) + ADAM_EPSILON),
        state["trained"],
        m,
        v,
    )
    return {"trained": trained, "m": m, "v": v, "t": t}


def _initial_state(task: TrainingTask) -> State:
    rng = np.random.default_rng([task.seed, task.number, 0])
    weights = initial_weights(task.plan, rng)
    running = {k: jnp.asarray(w) for k, w in weights.items() if _is_statistic(k)}
    trained = {k: jnp.asarray(w) for k, w in weights.items() if k not in running}
    zeros = {key: jnp.asarray(np.zeros_like(weights[key])) for key in trained}
    t = jnp.asarray(np.float32(0))
    return {"trained": trained, "running": running, "m": zeros, "v": zeros, "t": t}


def _is_statistic(key: str) -> bool:
    return key.rpartition("/")[2] in STATISTICS


class _Data:
    """Training and validation rows on the device; `order` counts training rows."""

    def __init__(self, context: TrainingContext) -> None:
        (x,), (y,) = context.data.rows(context.split.train)
        (val_x,), (val_y,) = context.data.rows(context.split.validation)
        self.arrays = tuple(jnp.asarray(a) for a in (x, y, val_x, val_y))


def _order(task: TrainingTask, context: TrainingContext, epoch: int) -> jax.Array:
    """`(step, row)`, the same rows as with Keras."""
    n_rows = len(context.split.train)
    batches = epoch_batches(
        np.arange(n_rows),
        batch_size=context.settings.batch_rows(n_rows),
        seed=task.seed,
        epoch=epoch,
    )
    return jnp.asarray(np.array(batches, np.int32))


def _check(plan: NetworkPlan, context: TrainingContext) -> None:
    settings = context.settings
    steps = {type(step) for unit in plan.units for step in unit.steps}
    known = {
        "dense and normalizing steps": steps <= {Dense, Normalize},
        "one input and one output": plan.n_inputs == len(plan.outputs) == 1,
        "the optimizer adam": settings.optimizer == "adam",
        "the loss mse": settings.loss == "mse",
        "no early stopping": settings.patience is None,
        "no stems": not context.stems,
        "no output scales": not context.output_scales,
    }
    if unknown := [words for words, holds in known.items() if not holds]:
        raise NotImplementedError(f"the epoch loop needs {', '.join(unknown)}")
