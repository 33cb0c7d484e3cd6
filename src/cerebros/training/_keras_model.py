"""The compiled Keras model of a trial, and the way back to plain weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from cerebros.lowering import Weights, read_weights, to_keras
from cerebros.plan import NetworkPlan
from cerebros.programs import in_own_settings
from cerebros.stems import arrays_of, copy_of
from cerebros.training._keras_object import fresh
from cerebros.training._settings import TrainingSettings
from cerebros.training._split import Rows
from cerebros.training._task import TrainingContext
from cerebros.training._two_rates import TwoRates


@in_own_settings
def make_model(
    plan: NetworkPlan,
    weights: Weights,
    context: TrainingContext,
    *,
    seed: int = 0,
    eager: bool = False,
) -> keras.Model:
    """Build and compile the model of a plan, surrounded as the context asks.

    Args:
        plan: the network.
        weights: of the plan, and of stems if `collect_weights` found some.
        context: shapes, stems, output scales, loss, metrics, optimizer.
        seed: of dropout, that in stems included.
        eager: run without compiling, for a single small step.
    """
    model = to_keras(
        plan,
        {key: w for key, w in weights.items() if not key.startswith("stem_")},
        input_shapes=context.input_shapes,
        stems=_own_stems(context.stems, weights, seed),
        output_scales=context.output_scales,
        momentum=_momentum(context),
        seed=seed,
    )
    compile_model(model, context.settings, eager=eager)
    return model


def _momentum(context: TrainingContext) -> float:
    """Of running statistics, in a training on the rows of the context."""
    settings, n_rows = context.settings, len(context.split.train)
    n_batches = n_rows // settings.batch_rows(n_rows)
    return settings.statistics(settings.epochs * n_batches).momentum


def collect_weights(
    model: keras.Model, plan: NetworkPlan, context: TrainingContext
) -> Weights:
    """The plan's weights, and under `stem_<input>/…` those of trainable stems."""
    weights = read_weights(model, plan)
    for i, stem in enumerate(context.stems or ()):
        if _is_trainable(stem):
            arrays = arrays_of(model.get_layer(stem.name))
            weights |= {
                f"stem_{i}/{j:05d}": np.asarray(w) for j, w in enumerate(arrays)
            }
    return weights


@in_own_settings
def evaluate_model(
    model: keras.Model, context: TrainingContext, rows: Rows
) -> dict[str, float]:
    """The loss and every metric of a compiled model on some rows."""
    x, y = context.data.rows(rows)
    weights = context.data.weights
    logs = model.evaluate(
        one_or_many(x),
        one_or_many(y),
        sample_weight=None if weights is None else weights[rows],
        batch_size=len(rows),
        verbose=0,
        return_dict=True,
    )
    return {name: float(value) for name, value in logs.items()}


def one_or_many(arrays: Sequence[Any]) -> Any:
    """What a Keras model takes for these inputs or targets."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def _is_trainable(stem: Any) -> bool:
    return stem is not None and bool(stem.trainable_weights)


def _own_stems(
    stems: Sequence[Any] | None, weights: Weights, seed: int
) -> list[Any] | None:
    if stems is None:
        return None
    own = [_own_stem(stem, f"stem_{i}/", weights) for i, stem in enumerate(stems)]
    for i, stem in enumerate(own):
        _seed_dropout(stem, [seed, i])
    return own


def _own_stem(stem: Any, prefix: str, weights: Weights) -> Any:
    """A copy of a stem that training would change; a frozen one is shared."""
    if not _is_trainable(stem):
        return stem
    stored = [w for key, w in sorted(weights.items()) if key.startswith(prefix)]
    copy = copy_of(stem)
    if stored:
        copy.set_weights(stored)
    return copy


def _seed_dropout(stem: Any, entropy: list[int]) -> None:
    """Make what a stem draws at random follow from the trial's numbers alone."""
    variables = [] if stem is None else stem.variables
    states = [v for v in variables if v.name == "seed_generator_state"]
    seeds = np.random.SeedSequence(entropy).generate_state(len(states))
    for state, value in zip(states, seeds, strict=True):
        state.assign(np.array([value, 0], np.uint32))


def use_own_rates(model: keras.Model, context: TrainingContext) -> None:
    """Train the stems of a compiled model with their own learning rate, if any."""
    rate = context.settings.stem_learning_rate
    trained = [stem for stem in context.stems or () if _is_trainable(stem)]
    if rate is None or not trained:
        return
    variables = [
        v for stem in trained for v in model.get_layer(stem.name).trainable_variables
    ]
    slow = _optimizer(context.settings)
    if isinstance(context.settings.optimizer, str):
        slow.learning_rate = rate
    model.optimizer = TwoRates(_optimizer(context.settings), slow, variables)
    model.optimizer.build(model.trainable_variables)


def _optimizer(settings: TrainingSettings) -> Any:
    """A fresh copy of the settings' optimizer."""
    optimizer = keras.optimizers.get(fresh(settings.optimizer))
    if isinstance(settings.optimizer, str):
        optimizer.learning_rate = settings.learning_rate
    if settings.weight_decay is not None:
        optimizer.weight_decay = settings.weight_decay
    return optimizer


def compile_model(
    model: keras.Model, settings: TrainingSettings, *, eager: bool = False
) -> None:
    """Compile with fresh copies of the settings' optimizer, loss and metrics."""
    n_outputs = len(model.outputs)
    losses = [fresh(settings.loss or "mse") for _ in range(n_outputs)]
    metrics = [[fresh(m) for m in settings.metrics or ()] for _ in range(n_outputs)]
    model.compile(
        optimizer=_optimizer(settings),
        loss=losses if n_outputs > 1 else losses[0],
        metrics=metrics if n_outputs > 1 else metrics[0],
        run_eagerly=eager,
    )
    if not eager:
        # So that a file saved before any training loads without complaint.
        model.optimizer.build(model.trainable_variables)
