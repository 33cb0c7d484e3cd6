"""One chunk, from initial weights to outcomes, segment by segment."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from cerebros.lowering import Weights, initial_weights
from cerebros.lowering.population import Chunk, PackedWeights, RowMoments
from cerebros.training._checkpoints import Checkpoints
from cerebros.training._outcome import Outcome, Status
from cerebros.training._row_order import epoch_batches
from cerebros.training._split import Rows
from cerebros.training._task import TrainingTask
from cerebros.training.population._compiling import compiled
from cerebros.training.population._report import PopulationReport
from cerebros.training.population._segment import (
    Data,
    Rates,
    Recipe,
    Snapshot,
    State,
)

SEGMENT_SECONDS = 1.0
"""About how long a call of a program should take."""

EpochReport = Callable[[int, int, dict[str, float]], None]


@dataclass(slots=True)
class ChunkRun:
    """A chunk in training.

    Attributes:
        chunk: the networks.
        tasks: of its members.
        recipe: what its program is compiled for.
        data: rows on the device.
        rates: hyper-parameters of the members.
        rows: numbers of the training rows.
        wanted: numbers of the trials that are asked for.
        report: told of every epoch.
        checkpoints: where states are kept between segments.
        figures: of the whole population, which the chunk adds to.
    """

    chunk: Chunk
    tasks: tuple[TrainingTask, ...]
    recipe: Recipe
    data: Data
    rates: Rates
    rows: Rows
    wanted: frozenset[int]
    report: EpochReport
    checkpoints: Checkpoints
    figures: PopulationReport
    history: dict[str, list[list[float]]] = field(default_factory=dict)
    epoch: int = 0
    train_seconds: float = 0.0

    def outcomes(
        self, deadline: float | None, *, device: Any, stop: threading.Event
    ) -> list[tuple[TrainingTask, Outcome]]:
        """Train to the end, or until the time is up.

        After an interrupt nothing comes of it but the checkpoint of the last segment.

        Args:
            deadline: `time.monotonic()` at which training stops.
            device: that computes.
            stop: set when training is interrupted.
        """
        start = time.monotonic()
        with jax.default_device(device):
            state: State = jax.device_put(self._begin())
            seeds = [_dropout_seed(task) for task in self.tasks]
            tables = jax.device_put(self.chunk.tables(seeds))
            orders = jax.device_put(self._orders(0))
            arguments = (
                state, tables, self.data, self.rates, orders, np.int32(0)
            )  # fmt: skip
            program, compile_seconds = compiled(self.recipe, arguments)
            first_epoch = self.epoch
            per_epoch = None
            while self.epoch < self.recipe.n_epochs and self._is_training(state):
                n_epochs = self._next_epochs(per_epoch, deadline)
                if n_epochs == 0:
                    break
                if stop.is_set():
                    return []
                begun = time.monotonic()
                orders = jax.device_put(self._orders(n_epochs))
                state, columns = program(
                    state, tables, self.data, self.rates, orders, np.int32(n_epochs)
                )
                self._record(jax.device_get(columns), n_epochs)
                seconds = time.monotonic() - begun
                per_epoch = seconds / n_epochs
                self.train_seconds += seconds
                if self.epoch < self.recipe.n_epochs and self._is_training(state):
                    self._keep(state)
                    tables = tables | self._extents(state)
            self._add_figures(self.epoch - first_epoch, compile_seconds)
            return self._finished(state, time.monotonic() - start)

    def _add_figures(self, n_epochs: int, compile_seconds: float) -> None:
        recipe = self.recipe
        n_validated = self.data.valid_inputs.shape[0] * self.data.valid_inputs.shape[2]
        self.figures.add(
            self.chunk,
            sum(task.number in self.wanted for task in self.tasks),
            n_trained=n_epochs * recipe.n_batches * recipe.batch_columns,
            n_validated=n_epochs * n_validated,
            seconds=self.train_seconds,
            compile_seconds=compile_seconds,
        )

    # --- Beginning and going on -----------------------------------------------------

    @property
    def key(self) -> str:
        """Name of the checkpoint: it belongs to these trials in this arrangement.

        Also to those that are wanted: the others idle, and have no best epoch.
        """
        numbers = [task.number for task in self.tasks]
        wanted = sorted(self.wanted.intersection(numbers))
        text = repr((numbers, wanted, self.recipe.layout, self.recipe.n_epochs))
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"population_{min(numbers):05d}_{digest}"

    def _begin(self) -> Any:
        """The state of a checkpoint, or that of untrained networks."""
        stored = self.checkpoints.read(self.key)
        fresh = self._untrained()
        if stored is None:
            return fresh
        leaves, structure = jax.tree.flatten(fresh)
        found = [stored.get(f"state_{i:04d}") for i in range(len(leaves))]
        fits = all(
            new is not None and new.shape == old.shape and new.dtype == old.dtype
            for new, old in zip(found, leaves, strict=True)
        )
        if not fits or "epoch" not in stored:
            return fresh
        self.epoch = int(stored["epoch"])
        names = [n.removeprefix("column_") for n in stored if n.startswith("column_")]
        self.history = {n: stored[f"column_{n}"].tolist() for n in names}
        return jax.tree.unflatten(structure, found)

    def _untrained(self) -> Any:
        """The first state, as NumPy has it: nothing need be compiled for it."""
        weights = [_first_weights(task) for task in self.tasks]
        packed = self.chunk.pack(weights)
        layout, optimizer = self.recipe.layout, self.recipe.optimizer
        members = layout.n_members
        n_features = len(packed.input_mean)
        now: dict[str, Any] = {
            "parameters": packed.parameters,
            "rows": RowMoments(*_numbers(packed.mean, packed.variance)),
            "input_mean": packed.input_mean,
            "input_variance": packed.input_variance,
        }
        best = jax.tree.map(np.copy, now) | {
            "input_mean": np.zeros((members, n_features), np.float32),
            "input_variance": np.ones((members, n_features), np.float32),
        }
        slots = {k: optimizer.new_slots(a) for k, a in packed.parameters.items()}
        worst = math.inf if self.recipe.is_minimized else -math.inf
        is_member = np.arange(members) < len(self.tasks)
        is_wanted = [task.number in self.wanted for task in self.tasks]
        is_member[: len(is_wanted)] = is_wanted
        rest: dict[str, Any] = {
            "score": np.full(members, worst, np.float32),
            "waited": np.zeros(members, np.int32),
            "is_active": is_member,
            "step": np.int32(0),
        }
        return State(
            now=Snapshot(**now),
            slots=tuple(
                {k: own[i] for k, own in slots.items()}
                for i in range(optimizer.n_slots)
            ),
            best=Snapshot(**best),
            **rest,
        )

    def _keep(self, state: State) -> None:
        leaves = jax.device_get(jax.tree.leaves(state))
        arrays = {f"state_{i:04d}": np.asarray(a) for i, a in enumerate(leaves)}
        arrays |= {f"column_{n}": np.asarray(v) for n, v in self.history.items()}
        self.checkpoints.write(self.key, arrays | {"epoch": np.array(self.epoch)})

    # --- Between segments -----------------------------------------------------------

    def _is_training(self, state: State) -> bool:
        return bool(np.asarray(state.is_active).any())

    def _extents(self, state: State) -> Any:
        """How far the loops must go for the members that still train."""
        active = np.flatnonzero(np.asarray(state.is_active))
        return jax.device_put(self.chunk.extents([int(i) for i in active]))

    def _next_epochs(self, per_epoch: float | None, deadline: float | None) -> int:
        """Epochs of the next segment; how many changes no result."""
        left = self.recipe.n_epochs - self.epoch
        most = min(left, self.recipe.segment_epochs)
        if per_epoch is None:  # one epoch tells how long they take
            is_late = deadline is not None and time.monotonic() >= deadline
            return 0 if is_late else 1
        n = max(1, min(most, round(SEGMENT_SECONDS / max(per_epoch, 1e-6))))
        if deadline is None:
            return n
        fitting = int((deadline - time.monotonic()) / per_epoch)
        return max(0, min(n, fitting))

    def _orders(self, n_epochs: int) -> Any:
        """Rows of every batch of the next epochs, `(epoch, batch, row)`."""
        recipe = self.recipe
        shape = (recipe.segment_epochs, recipe.n_batches, recipe.batch_rows)
        orders = np.zeros(shape, np.int32)
        for i in range(n_epochs):
            batches = epoch_batches(
                self.rows,
                batch_size=recipe.batch_rows,
                seed=self.tasks[0].seed,
                epoch=self.epoch + i,
            )
            orders[i] = np.stack(batches[: recipe.n_batches])
        return orders

    def _record(self, columns: dict[str, Any], n_epochs: int) -> None:
        """Add the epochs of a segment to the history, and tell of them."""
        for name, values in columns.items():
            own = self.history.setdefault(name, [])
            own.extend(values[:n_epochs].tolist())
        for member, task in enumerate(self.tasks):
            if task.number not in self.wanted:
                continue
            for i in range(self.epoch, self.epoch + n_epochs):
                if i < self._n_epochs_of(member):
                    values = {k: v[i][member] for k, v in self.history.items()}
                    self.report(task.number, i, values)
        self.epoch += n_epochs

    # --- The end --------------------------------------------------------------------

    def _finished(
        self, state: State, seconds: float
    ) -> list[tuple[TrainingTask, Outcome]]:
        wanted = [i for i, t in enumerate(self.tasks) if t.number in self.wanted]
        if self.epoch == 0:
            return []
        ends = {i: self._end_of(i) for i in wanted}
        best = {i: self._best_of(i, ends[i][0]) for i in wanted}
        scored = [i for i in wanted if best[i] is not None]
        weights = dict(zip(scored, self._weights(state, scored), strict=True))
        result = []
        for i in wanted:
            n_epochs, status, error = ends[i]
            history = {
                k: tuple(row[i] for row in rows[:n_epochs])
                for k, rows in self.history.items()
            }
            epoch = best[i]
            outcome = Outcome(
                status,
                history,
                score=None if epoch is None else history[self.recipe.metric][epoch],
                best_epoch=epoch,
                weights=weights.get(i),
                seconds=seconds / len(wanted),
                error=error,
            )
            result.append((self.tasks[i], outcome))
        return result

    def _n_epochs_of(self, member: int) -> int:
        return self._end_of(member)[0]

    def _end_of(self, member: int) -> tuple[int, Status, str | None]:
        """Epochs that a member trained, how it ended, and the error."""
        losses = [row[member] for row in self.history["loss"]]
        for epoch, loss in enumerate(losses):
            if not math.isfinite(loss):
                return (
                    epoch + 1,
                    Status.DIVERGED,
                    f"the loss was {loss} in epoch {epoch}",
                )
            is_last = epoch + 1 == self.recipe.n_epochs
            if not is_last and self._has_waited(member, epoch):
                return epoch + 1, Status.STOPPED_EARLY, None
        if len(losses) == self.recipe.n_epochs:
            return len(losses), Status.FINISHED, None
        return len(losses), Status.INTERRUPTED, None

    def _has_waited(self, member: int, epoch: int) -> bool:
        if self.recipe.patience is None:
            return False
        best = self._best_of(member, epoch + 1)
        since = epoch - (-1 if best is None else best)
        return since >= self.recipe.patience

    def _best_of(self, member: int, n_epochs: int) -> int | None:
        """The first of the best epochs, or None if none has a finite value."""
        values = np.array(
            [row[member] for row in self.history[self.recipe.metric][:n_epochs]]
        )
        losses = np.array([row[member] for row in self.history["loss"][:n_epochs]])
        is_finite = np.isfinite(values) & np.isfinite(losses)
        if not is_finite.any():
            return None
        if self.recipe.is_minimized:
            return int(np.argmin(np.where(is_finite, values, np.inf)))
        return int(np.argmax(np.where(is_finite, values, -np.inf)))

    def _weights(self, state: State, members: Sequence[int]) -> list[Weights]:
        """Weights of the best epochs."""
        best = jax.device_get(state.best)
        result = []
        for i in members:
            packed = PackedWeights(
                best.parameters,
                best.rows.mean,
                best.rows.variance,
                best.input_mean[i],
                best.input_variance[i],
            )
            result += self.chunk.unpack(packed, [i])
        return result


def _numbers(*arrays: Any) -> Any:
    """Arrays of NumPy where those of JAX are expected; they become so by themselves."""
    return arrays


def _first_weights(task: TrainingTask) -> Weights:
    rng = np.random.default_rng([task.seed, task.number, 0])
    return initial_weights(task.plan, rng)


def _dropout_seed(task: TrainingTask) -> int:
    """Decides what is dropped in the training of a task."""
    return int(np.random.SeedSequence([task.seed, task.number, 4]).generate_state(1)[0])
