"""Training trials, each on all folds, on all cores, until the time is up."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import SearchError
from cerebros.estimators._fold_tables import FoldTable, TablesOfFolds, Transforms
from cerebros.estimators._networks import stacked
from cerebros.estimators._recipe import Drawn, Recipe, draw_trial
from cerebros.estimators._trial_files import NOTHING_KEPT, TrialFiles
from cerebros.estimators._validation import Fold
from cerebros.lowering import Weights
from cerebros.lowering.levels import ranks_of, unpack_weights
from cerebros.training.levels import (
    Checkpoint,
    Chunk,
    Member,
    Rows,
    State,
    train_chunk,
)
from cerebros.training.population import worker_devices

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trial that was trained on all folds.

    Attributes:
        drawn: what it is.
        transform: number of the target transform.
        answers: for rows of the judging folds, `(checkpoint, row, output)`, in units
            of the target or as probabilities; rows that no fold judges are NaN.
        epochs: done at each checkpoint.
        seconds: that its training took, compiling included.
        seconds_of_compiling: part of them.
        is_complete: False if the time was up before its last checkpoint.
    """

    drawn: Drawn
    transform: int
    answers: Array
    epochs: tuple[int, ...]
    seconds: float
    seconds_of_compiling: float = 0.0
    is_complete: bool = True


@dataclass(frozen=True, eq=False)
class Committee:
    """What trials have in common, and how they are trained.

    Attributes:
        recipe: sizes, epochs, folds.
        tables: what the networks of each fold learn from.
        weights: how much each row counts, `(row,)`.
        split: the folds of a trial, by its number.
        files: where trials are kept.
    """

    recipe: Recipe
    tables: TablesOfFolds
    weights: Floats
    split: Callable[[int], Sequence[Fold]]
    files: TrialFiles

    @property
    def n_rows(self) -> int:
        return len(self.weights)

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features there are."""
        last = self.tables.last
        return last.plain.shape[1], last.encoded.shape[1]

    @property
    def n_outputs(self) -> int:
        return int(self.tables.last.targets[0].shape[1])

    @property
    def transforms(self) -> Transforms:
        """The candidates, as networks that answer in the end have them."""
        return self.tables.last.transforms

    def draw(self, number: int) -> Drawn:
        n_plain, n_encoded = self.n_features
        return draw_trial(
            number,
            self.recipe,
            n_plain=n_plain,
            n_encoded=n_encoded,
            n_outputs=self.n_outputs,
        )

    def work(self, number: int) -> float:
        """How much there is to do in a trial, in products a row."""
        n_plain, n_encoded = self.n_features
        width, n_ranks = _width(self.recipe), len(ranks_of(self.draw(number).plan))
        hidden = width * n_ranks * (n_ranks - 1) / 2
        read = n_plain + n_encoded + (n_ranks - 1) * n_plain
        return float(width * (read + hidden))

    def rows(self, number: int, transform: int, table: FoldTable) -> Rows:
        """A table as the training program of a trial reads it."""
        recipe = self.recipe
        return Rows(
            plain=table.plain,
            encoded=table.encoded,
            targets=table.targets[transform],
            is_classification=recipe.is_classification,
            n_valid=max(len(fold.valid) for fold in self.split(number)),
            batch_rows=recipe.batch_rows,
            n_epochs=recipe.n_epochs,
            n_checkpoints=recipe.n_checkpoints,
            seed=recipe.seed,
            activation=_activation(recipe),
            entries=table.entries,
            most_entries=max(len(own.entries) for own in self.tables.each),
            most_batches=recipe.most_batches,
        )

    def chunk(self, drawn: Drawn, table: FoldTable) -> Chunk:
        """The networks of a trial: one plan, one first state, other rows each."""
        members = []
        folds = self.split(drawn.number)
        for fold in (folds[k] for k in table.folds):
            weights = np.zeros(self.n_rows, np.float32)
            weights[fold.train] = self.weights[fold.train]
            members.append(
                Member(
                    plan=drawn.plan,
                    training=drawn.training,
                    seed=(self.recipe.seed, drawn.number),
                    weights=weights,
                    valid=fold.valid,
                )
            )
        return Chunk(tuple(members), _width(self.recipe))

    def answers(self, number: int, of_folds: Sequence[Array], transform: int) -> Array:
        """Out-of-fold answers, `(row, output)`.

        Args:
            number: of the trial.
            of_folds: of each fold, `(valid row, output)`, as networks give them.
            transform: number of the target transform.
        """
        answers = np.full((self.n_rows, self.n_outputs), np.nan)
        for k, fold in enumerate(self.split(number)):
            own = of_folds[k][: len(fold.valid)]
            if self.transforms and len(fold.valid):
                table = self.tables.of_fold(k)
                own = table.bounded(own, transform, fold)
                own = table.in_units(own, transform, fold.valid)
            answers[fold.valid] = own
        return answers if self.transforms else answers.astype(np.float32)

    def trained(
        self,
        number: int,
        transform: int,
        device: Any,
        stop: threading.Event,
        deadline: float = math.inf,
    ) -> Trained:
        """Train a trial, or go on with it, or read it where it was kept.

        When it is stopped, there is at least one checkpoint.

        Args:
            number: of the trial.
            transform: number of the target transform.
            device: to compute on.
            stop: ends it after a checkpoint.
            deadline: `time.monotonic()` by which it is to end; if its pace lets expect
                that it would not, it is shortened.
        """
        drawn = self.draw(number)
        begun = time.monotonic()
        kept = self.files.read(number) or NOTHING_KEPT
        answers, epochs = list(kept.answers), list(kept.epochs)
        is_complete, compiling = kept.is_done, 0.0

        def affordable(done: int) -> int:
            first = kept.epochs[-1] if kept.epochs else 0
            spent = time.monotonic() - begun - compiling
            pace = spent / max(1, done - first)
            return done + int((deadline - time.monotonic()) / max(pace, 1e-6))

        if not is_complete:
            keeps = [k for k, fold in enumerate(self.split(number)) if fold.answers]
            asked = None if math.isinf(deadline) else affordable
            for checkpoint in self._checkpoints(
                drawn, transform, kept.state, device, stop, asked
            ):
                compiling += checkpoint.seconds_of_compiling
                answers.append(self.answers(number, checkpoint.answers, transform))
                epochs.append(checkpoint.state.epoch)
                is_complete = checkpoint.is_last
                own = checkpoint.state.matrices
                self.files.write(
                    number,
                    checkpoint.number,
                    answers[-1],
                    {key: value[keeps] for key, value in own.items()},
                    None if is_complete else checkpoint.state,
                    epochs[-1],
                    kept.seconds + time.monotonic() - begun,
                )
        return Trained(
            drawn=drawn,
            transform=transform,
            answers=np.stack(answers),
            epochs=tuple(epochs),
            seconds=kept.seconds + time.monotonic() - begun,
            seconds_of_compiling=compiling,
            is_complete=is_complete,
        )

    def _checkpoints(
        self,
        drawn: Drawn,
        transform: int,
        state: State | None,
        device: Any,
        stop: threading.Event,
        affordable: Callable[[int], int] | None,
    ) -> Iterator[Checkpoint]:
        """Checkpoints of all folds; tables of their own are trained side by side."""
        asked = None if affordable is None else _once_for_all(affordable)
        runs = []
        for table in self.tables.each:
            rows = self.rows(drawn.number, transform, table)
            own = None if state is None else _part(state, table.folds, rows)
            chunk = self.chunk(drawn, table)
            runs.append(
                train_chunk(
                    chunk, rows, own, device=device, stop=stop, affordable=asked
                )
            )
        for of_tables in zip(*runs, strict=False):
            yield of_tables[0] if len(of_tables) == 1 else _joined(of_tables)

    def weights_of(self, trial: Trained, checkpoint: int) -> Weights:
        """Weights by name at a checkpoint, with the fold as first axis."""
        table = self.tables.last
        rows = self.rows(trial.drawn.number, trial.transform, table)
        layout = self.chunk(trial.drawn, table).layout(rows)
        of_folds = self.files.matrices(trial.drawn.number, checkpoint)
        n_folds = len(of_folds["bias"])
        return stacked(
            [
                unpack_weights(
                    trial.drawn.plan,
                    {key: value[fold] for key, value in of_folds.items()},
                    layout,
                )
                for fold in range(n_folds)
            ]
        )


def _once_for_all(affordable: Callable[[int], int]) -> Callable[[int], int]:
    """The same answer to all tables of a trial, though time passes between them."""
    return cache(affordable)


def _joined(of_tables: Sequence[Checkpoint]) -> Checkpoint:
    """Checkpoints of tables in the order of their folds, as one of all folds."""

    def side_by_side(parts: list[Any]) -> Any:
        return {
            key: np.concatenate([np.asarray(own[key]) for own in parts])
            for key in parts[0]
        }

    states = [own.state for own in of_tables]
    return Checkpoint(
        of_tables[0].number,
        np.concatenate([own.answers for own in of_tables]),
        State(
            states[0].epoch,
            states[0].n_steps,
            side_by_side([own.matrices for own in states]),
            side_by_side([own.first for own in states]),
            side_by_side([own.second for own in states]),
        ),
        of_tables[0].is_last,
        sum(own.seconds_of_compiling for own in of_tables),
    )


def _part(state: State, folds: tuple[int, ...], rows: Rows) -> State:
    """Of a state of all folds that of some."""

    def of(whole: Any) -> Any:
        return {key: np.asarray(value)[list(folds)] for key, value in whole.items()}

    return State(
        state.epoch,
        state.epoch * rows.n_batches,
        of(state.matrices),
        of(state.first),
        of(state.second),
    )


@dataclass(eq=False)
class _Turns:
    """Which trial comes next, for workers that ask at the same time.

    Attributes:
        committee: whose trials they are.
        n_trials: at most.
        ends: see `train_committee`.
        stop: set when no more trials are to be begun.
    """

    committee: Committee
    n_trials: int
    ends: Callable[[int], float] | None
    stop: threading.Event
    _n_begun: int = 0
    _losses: dict[int, float] = field(default_factory=dict)
    _paces: list[float] = field(default_factory=list)  # seconds for a unit of work
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def _n_candidates(self) -> int:
        return max(1, len(self.committee.transforms))

    def next(self) -> tuple[int, int] | None:
        """Number and transform of a trial; None if there is none, or no time for it."""
        with self._changed:
            number = self._n_begun
            if self.stop.is_set() or number >= self.n_trials:
                return None
            if number and not self._is_time_for(number):
                return None
            self._n_begun += 1
            if number < self._n_candidates:
                return number, number
            while len(self._losses) < self._n_candidates:
                if self.stop.is_set():
                    return None
                self._changed.wait(0.05)
            _, transform = min((loss, i) for i, loss in self._losses.items())
            return number, transform

    def _is_time_for(self, number: int) -> bool:
        if self.ends is None:
            return True
        expected = max(self._paces[-4:], default=0.0) * self.committee.work(number)
        return time.monotonic() + expected < self.ends(number + 1)

    def done(self, number: int, trial: Trained | None, loss: float) -> None:
        """Tell what came of a trial; None if it failed."""
        with self._changed:
            if trial is not None:
                seconds = trial.seconds - trial.seconds_of_compiling
                self._paces.append(seconds / self.committee.work(number))
            if number < self._n_candidates:
                self._losses[number] = loss
            self._changed.notify_all()


def train_committee(
    committee: Committee,
    *,
    n_trials: int,
    ends: Callable[[int], float] | None,
    judge: Callable[[Trained], float],
    on_trial: Callable[[Trained], None],
) -> list[Trained]:
    """Train trials 0, 1, …, on all cores at once.

    While there are several candidate transforms, the first trials take them in turn;
    when each has one trained trial, the others take the better one. Which that is
    depends on these trials alone. A trial that fails is logged and left out.

    Args:
        committee: what is trained.
        n_trials: at most.
        ends: from a number of trials to `time.monotonic()` at which training must end,
            so that there is time to choose among so many; None for no end. The first
            trial is always begun; another one not if those before it let expect that it
            would not be done by then. One that is not done is kept only if there is no
            other.
        judge: the loss of a trial, by which transforms are compared.
        on_trial: called in the thread of the caller, for every trial.

    Returns:
        The trials by number.

    Raises:
        SearchError: if all trials failed; the message gives the first error.
    """
    stop = threading.Event()
    turns = _Turns(committee, n_trials, ends, stop)
    results: queue.SimpleQueue[Trained | BaseException | None] = queue.SimpleQueue()

    def work(device: Any) -> None:
        try:
            while (chosen := turns.next()) is not None:
                number, transform = chosen
                trial, loss = None, math.inf
                try:
                    trial = committee.trained(number, transform, device, stop)
                    loss = judge(trial)
                except Exception as error:
                    logger.warning("trial %d failed: %r", number, error)
                    results.put(error)
                turns.done(number, trial, loss)
                if trial is not None:
                    results.put(trial)
        finally:
            results.put(None)

    workers = [
        threading.Thread(target=work, args=(device,), daemon=True)
        for device in worker_devices(n_trials)
    ]
    for worker in workers:
        worker.start()
    done: list[Trained] = []
    errors: list[BaseException] = []
    try:
        n_left = len(workers)
        while n_left:
            item = _next_result(results, ends, len(done), stop)
            if item is None:
                n_left -= 1
            elif isinstance(item, BaseException):
                errors.append(item)
            else:
                done.append(item)
                on_trial(item)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    if not done:
        raise SearchError(
            f"all {len(errors)} trials failed; the first error was: {errors[0]!r}"
        ) from errors[0]
    return _finished(done)


def _next_result(
    results: queue.SimpleQueue[Any],
    ends: Callable[[int], float] | None,
    n_done: int,
    stop: threading.Event,
) -> Any:
    """What a worker puts next; when the time is up, workers are told to stop."""
    if ends is None:
        return results.get()
    left = min(max(0.01, ends(n_done) - time.monotonic()), threading.TIMEOUT_MAX)
    try:
        return results.get(timeout=left)
    except queue.Empty:
        stop.set()
        return results.get()


def _finished(done: list[Trained]) -> list[Trained]:
    """Complete trials by number; if there is none, the one that came furthest."""
    ordered = sorted(done, key=lambda trial: trial.drawn.number)
    complete = [trial for trial in ordered if trial.is_complete]
    return complete or sorted(ordered, key=lambda trial: -len(trial.epochs))[:1]


def _activation(recipe: Recipe) -> str:
    return "mish" if isinstance(recipe.space, str) else recipe.space.activation


def _width(recipe: Recipe) -> int:
    return 64 if isinstance(recipe.space, str) else recipe.space.neurons
