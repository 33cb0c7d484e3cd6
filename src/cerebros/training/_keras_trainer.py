"""Training with Keras, one network at a time."""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cerebros.lowering import Weights, initial_weights, normalizations
from cerebros.programs import check_not_forked, in_own_settings, release_memory
from cerebros.stems import arrays_of
from cerebros.training._keras_model import (
    collect_weights,
    make_model,
    one_or_many,
    use_own_rates,
)
from cerebros.training._memory import memory_shortage
from cerebros.training._outcome import Outcome, Status
from cerebros.training._row_order import epoch_batches
from cerebros.training._running_statistics import RunningStatistics
from cerebros.training._schedule import schedule_factor
from cerebros.training._split import Rows
from cerebros.training._task import TrainingContext, TrainingTask

logger = logging.getLogger(__name__)

EpochCallback = Callable[[int, dict[str, float]], None]

_VALIDATION_ROWS = 4096  # in one piece, so that most validations compile one shape


@in_own_settings
def train_with_keras(
    task: TrainingTask,
    context: TrainingContext,
    *,
    deadline: float | None = None,
    on_epoch: EpochCallback | None = None,
    start_from: Weights | None = None,
) -> Outcome:
    """Train one network and keep the weights of its best epoch.

    An error, a divergence or a lack of memory is an outcome, not an exception; only
    an interrupt from the keyboard is passed on.

    Args:
        task: plan, seed and trial number.
        context: data, split, settings and objective.
        deadline: `time.monotonic()` after which no further epoch begins.
        on_epoch: called with the epoch and its metrics.
        start_from: weights to begin with; by default they are drawn from (seed, trial
            number).
    """
    start = time.monotonic()
    check_not_forked("training with Keras")
    if shortage := memory_shortage(task.plan, context):
        return Outcome(Status.OUT_OF_MEMORY, error=shortage)
    watch = _Watch(task, context, deadline, on_epoch)
    statistics = context.settings.statistics(
        _n_steps(task, context), goes_on=start_from is not None
    )
    try:
        model = _initial_model(task, context, statistics, start_from)
        _fit(model, task, context, watch, statistics)
        return watch.outcome(model, seconds=time.monotonic() - start)
    except Exception as error:
        status = Status.OUT_OF_MEMORY if _is_out_of_memory(error) else Status.FAILED
        logger.warning("trial %d: %s %r", task.number, status.value, error)
        return Outcome(
            status,
            watch.finished_history(),
            seconds=time.monotonic() - start,
            error=f"{type(error).__name__}: {error}",
        )
    finally:
        release_memory()


def _initial_model(
    task: TrainingTask,
    context: TrainingContext,
    statistics: RunningStatistics,
    start_from: Weights | None,
) -> keras.Model:
    rng = np.random.default_rng([task.seed, task.number, 0])
    weights = initial_weights(task.plan, rng)
    model = make_model(
        task.plan, start_from or weights, context, seed=int(rng.integers(2**31))
    )
    for layer in normalizations(model, task.plan):
        layer.momentum = statistics.momentum
    use_own_rates(model, context)
    if task.learning_rate is not None:
        model.optimizer.learning_rate = task.learning_rate
    if task.weight_decay is not None:
        model.optimizer.weight_decay = task.weight_decay
    return model


def _fit(
    model: keras.Model,
    task: TrainingTask,
    context: TrainingContext,
    watch: _Watch,
    statistics: RunningStatistics,
) -> None:
    split = task.split or context.split
    x, y = context.data.rows(split.validation)
    weights = _weights_of(context, split.validation)
    n_pieces = math.ceil(len(y[0]) / _VALIDATION_ROWS)
    batches = _Batches(task, context)
    before = [_NextBatches(batches), *_rate_callbacks(task, context)]
    if statistics.is_corrected:
        layers = normalizations(model, task.plan)
        before.append(_WithoutStart(layers, statistics, len(batches)))
    model.fit(
        batches,
        epochs=context.settings.epochs,
        validation_data=(one_or_many(x), one_or_many(y), *weights),
        validation_batch_size=math.ceil(len(y[0]) / n_pieces),
        callbacks=[watch, *before],
        shuffle=False,  # the batches come in random order; Keras would ask `random`
        verbose=0,
    )


def _weights_of(context: TrainingContext, rows: Rows) -> tuple[Any, ...]:
    """Weights of some rows, to be put behind inputs and targets; empty without any."""
    weights = context.data.weights
    return () if weights is None else (weights[rows],)


def _rate_callbacks(task: TrainingTask, context: TrainingContext) -> list[Any]:
    if context.settings.schedule == "constant":
        return []
    return [_Schedule(task, context)]


class _Schedule(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate before each batch."""

    def __init__(self, task: TrainingTask, context: TrainingContext) -> None:
        super().__init__()
        self._name, self._n_steps = context.settings.schedule, _n_steps(task, context)
        self._rate: float | None = None
        self._step = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        if self._rate is None:
            self._rate = float(optimizer.learning_rate)
        progress = self._step / self._n_steps
        factor = float(schedule_factor(self._name, progress))
        optimizer.learning_rate = self._rate * factor
        self._step += 1


class _WithoutStart(keras.callbacks.Callback):  # type: ignore[misc]
    """Takes out of running statistics what their first values weigh.

    From the validation of an epoch to the beginning of the next; in between Keras
    updates what it knows.
    """

    def __init__(
        self, layers: list[Any], statistics: RunningStatistics, n_batches: int
    ) -> None:
        super().__init__()
        self._layers, self._statistics = layers, statistics
        self._n_batches, self._n_steps = n_batches, 0
        self._kept: list[tuple[Any, Any]] = []

    def on_test_begin(self, logs: Any = None) -> None:
        self._n_steps += self._n_batches
        for layer in self._layers:
            self._replace(layer.moving_mean, self._statistics.mean)
            self._replace(layer.moving_variance, self._statistics.variance)

    def _replace(self, variable: Any, corrected: Callable[..., Any]) -> None:
        running = np.asarray(keras.ops.convert_to_numpy(variable.value))
        self._kept.append((variable, running))
        variable.assign(corrected(running, self._n_steps))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        while self._kept:
            variable, running = self._kept.pop()
            variable.assign(running)


def _n_steps(task: TrainingTask, context: TrainingContext) -> int:
    """Steps of the whole training."""
    split = task.split or context.split
    n_batches = len(split.train) // _batch_rows(task, context)
    return context.settings.epochs * n_batches


def _batch_rows(task: TrainingTask, context: TrainingContext) -> int:
    """Rows of a batch: as the context has it, if the task has so many."""
    split = task.split or context.split
    n = context.settings.batch_rows(len(context.split.train))
    return min(n, len(split.train))


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """The training rows in the order that the trial's numbers decide."""

    def __init__(self, task: TrainingTask, context: TrainingContext) -> None:
        super().__init__()
        self._task, self._data = task, context.data
        self._context = context
        self._rows = (task.split or context.split).train
        self._batch_size = _batch_rows(task, context)
        self.begin(0)

    def _of_epoch(self) -> list[Any]:
        return epoch_batches(
            self._rows,
            batch_size=self._batch_size,
            seed=self._task.seed,
            epoch=self._epoch,
        )

    def begin(self, epoch: int) -> None:
        """Go over to the batches of an epoch."""
        self._epoch = epoch
        self._batches = self._of_epoch()

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        x, y = self._data.rows(self._batches[i])
        weights = _weights_of(self._context, self._batches[i])
        return (one_or_many(x), one_or_many(y), *weights)

    def on_epoch_end(self) -> None:
        pass  # Keras also calls this before the first epoch; see `begin`


class _NextBatches(keras.callbacks.Callback):  # type: ignore[misc]
    """Gives each epoch its own batches."""

    def __init__(self, batches: _Batches) -> None:
        super().__init__()
        self._own = batches

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._own.begin(epoch)


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the history and the best weights, and stops when it must."""

    def __init__(
        self,
        task: TrainingTask,
        context: TrainingContext,
        deadline: float | None,
        on_epoch: EpochCallback | None,
    ) -> None:
        super().__init__()
        self._task, self._context = task, context
        self._deadline, self._on_epoch = deadline, on_epoch
        self._history: dict[str, list[float]] = defaultdict(list)
        self._status = Status.FINISHED
        self._score: float | None = None
        self._best_epoch: int | None = None
        self._best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        for name, value in values.items():
            self._history[name].append(value)
        self._keep_if_best(epoch, values)
        if self._on_epoch is not None:
            self._on_epoch(epoch, values)
        if reason := self._reason_to_stop(epoch, values):
            self._status = reason
            self.model.stop_training = True

    def _keep_if_best(self, epoch: int, values: dict[str, float]) -> None:
        objective = self._context.objective
        if objective.metric not in values:
            raise KeyError(
                f"the history has no column {objective.metric!r}; "
                f"known are {', '.join(sorted(values))}"
            )
        value = values[objective.metric]
        if math.isfinite(values["loss"]) and objective.is_better(value, self._score):
            self._score, self._best_epoch = value, epoch
            self._best_weights = arrays_of(self.model)

    def _reason_to_stop(self, epoch: int, values: dict[str, float]) -> Status | None:
        if not math.isfinite(values["loss"]):
            return Status.DIVERGED
        if epoch + 1 == self._context.settings.epochs:
            return None
        patience = self._context.settings.patience
        best_epoch = -1 if self._best_epoch is None else self._best_epoch
        if patience is not None and epoch - best_epoch >= patience:
            return Status.STOPPED_EARLY
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return Status.INTERRUPTED
        return None

    def finished_history(self) -> dict[str, tuple[float, ...]]:
        return {name: tuple(values) for name, values in self._history.items()}

    def outcome(self, model: keras.Model, *, seconds: float) -> Outcome:
        """What came of the training, with the weights of the best epoch."""
        weights = None
        if self._best_weights is not None:
            model.set_weights(self._best_weights)
            weights = collect_weights(model, self._task.plan, self._context)
        error = None
        if self._status is Status.DIVERGED:
            error = f"the loss was {self._history['loss'][-1]} in epoch " + str(
                len(self._history["loss"]) - 1
            )
        return Outcome(
            self._status,
            self.finished_history(),
            score=self._score,
            best_epoch=self._best_epoch,
            weights=weights,
            seconds=seconds,
            error=error,
        )


def _is_out_of_memory(error: Exception) -> bool:
    words = ("RESOURCE_EXHAUSTED", "out of memory", "OOM when allocating")
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)
