"""Training trials, each on all folds, on all cores, until the time is up."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import SearchError
from cerebros.estimators._networks import stacked
from cerebros.estimators._recipe import Drawn, Recipe, draw_trial
from cerebros.estimators._targets import TargetTransform
from cerebros.estimators._trial_files import TrialFiles
from cerebros.estimators._validation import Fold
from cerebros.lowering import Weights
from cerebros.lowering.levels import ranks_of, unpack_weights
from cerebros.training.levels import (
    Checkpoint,
    Chunk,
    Member,
    Rows,
    checkpoint_epochs,
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
        plain: plain features, `(row, feature)`.
        encoded: encoded ones.
        targets: for each candidate transform the standardized targets, or classes
            one-hot, `(row, output)`.
        transforms: the candidates, one for each output; empty for classes.
        weights: how much each row counts, `(row,)`.
        split: the folds of a trial, by its number.
        files: where trials are kept.
    """

    recipe: Recipe
    plain: Floats
    encoded: Floats
    targets: tuple[Floats, ...]
    transforms: tuple[tuple[TargetTransform, ...], ...]
    weights: Floats
    split: Callable[[int], Sequence[Fold]]
    files: TrialFiles

    def draw(self, number: int) -> Drawn:
        return draw_trial(
            number,
            self.recipe,
            n_plain=self.plain.shape[1],
            n_encoded=self.encoded.shape[1],
            n_outputs=self.targets[0].shape[1],
        )

    def work(self, number: int) -> float:
        """How much there is to do in a trial, in products a row."""
        n_plain = self.plain.shape[1]
        n_features = n_plain + self.encoded.shape[1]
        width, n_ranks = _width(self.recipe), len(ranks_of(self.draw(number).plan))
        hidden = width * n_ranks * (n_ranks - 1) / 2
        return float(width * (n_features + (n_ranks - 1) * n_plain + hidden))

    def rows(self, number: int, transform: int) -> Rows:
        """The table as the training program of a trial reads it."""
        recipe = self.recipe
        return Rows(
            plain=self.plain,
            encoded=self.encoded,
            targets=self.targets[transform],
            is_classification=recipe.is_classification,
            n_valid=max(len(fold.valid) for fold in self.split(number)),
            batch_rows=recipe.batch_rows,
            n_epochs=recipe.n_epochs,
            n_checkpoints=recipe.n_checkpoints,
            seed=recipe.seed,
            activation=_activation(recipe),
        )

    def chunk(self, drawn: Drawn) -> Chunk:
        """The networks of a trial: one plan, one first state, other rows each."""
        members = []
        for fold in self.split(drawn.number):
            weights = np.zeros(len(self.plain), np.float32)
            weights[fold.train] = self.weights[fold.train]
            seed = (self.recipe.seed, drawn.number)
            members.append(
                Member(
                    plan=drawn.plan,
                    training=drawn.training,
                    seed=seed,
                    weights=weights,
                    valid=fold.valid,
                )
            )
        return Chunk(tuple(members), _width(self.recipe))

    def answers(self, number: int, checkpoint: Checkpoint, transform: int) -> Array:
        """Answers for rows that were not seen, `(row, output)`."""
        n_outputs = self.targets[0].shape[1]
        answers = np.full((len(self.plain), n_outputs), np.nan)
        targets = self.targets[transform]
        for member, fold in enumerate(self.split(number)):
            own = checkpoint.answers[member, : len(fold.valid)]
            if self.transforms:  # no fold knows more than the range of its own rows
                seen = targets[fold.train]
                own = np.clip(own, seen.min(axis=0), seen.max(axis=0))
            answers[fold.valid] = own
        if not self.transforms:
            return answers.astype(np.float32)
        back = [t.back(answers[:, i]) for i, t in enumerate(self.transforms[transform])]
        return np.stack(back, axis=1)

    def trained(
        self, number: int, transform: int, device: Any, stop: threading.Event
    ) -> Trained:
        """Train a trial, or go on with it, or read it where it was kept.

        When it is stopped, there is at least one checkpoint.
        """
        drawn = self.draw(number)
        begun = time.monotonic()
        kept = self.files.read(number)
        answers, state = [], None
        earlier = compiling = 0.0
        ends = checkpoint_epochs(self.recipe.n_epochs, self.recipe.n_checkpoints)
        is_whole = kept is not None and len(kept.answers) == len(ends)
        if kept is not None and (is_whole or kept.state is not None):
            answers, state, earlier = list(kept.answers), kept.state, kept.seconds
        if not is_whole:
            folds = self.split(number)
            keeps = [i for i, fold in enumerate(folds) if fold.answers]
            chunk, rows = self.chunk(drawn), self.rows(number, transform)
            for checkpoint in train_chunk(chunk, rows, state, device=device, stop=stop):
                compiling += checkpoint.seconds_of_compiling
                answers.append(self.answers(number, checkpoint, transform))
                own = checkpoint.state.matrices
                self.files.write(
                    number,
                    checkpoint.number,
                    answers[-1],
                    {key: value[keeps] for key, value in own.items()},
                    None if len(answers) == len(ends) else checkpoint.state,
                    earlier + time.monotonic() - begun,
                )
        return Trained(
            drawn=drawn,
            transform=transform,
            answers=np.stack(answers),
            epochs=tuple(ends[: len(answers)]),
            seconds=earlier + time.monotonic() - begun,
            seconds_of_compiling=compiling,
            is_complete=len(answers) == len(ends),
        )

    def weights_of(self, trial: Trained, checkpoint: int) -> Weights:
        """Weights by name at a checkpoint, with the fold as first axis."""
        layout = self.chunk(trial.drawn).layout(
            self.rows(trial.drawn.number, trial.transform)
        )
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
