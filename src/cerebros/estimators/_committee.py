"""Training a trial on all folds at once."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

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

    def answers(self, number: int, of_folds: Array, transform: int) -> Array:
        """Out-of-fold answers, `(row, output)`.

        Args:
            number: of the trial.
            of_folds: as networks give them, `(fold, valid row, output)`.
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
                    len(answers) - 1,
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


def _activation(recipe: Recipe) -> str:
    return "mish" if isinstance(recipe.space, str) else recipe.space.activation


def _width(recipe: Recipe) -> int:
    return 64 if isinstance(recipe.space, str) else recipe.space.neurons
