"""Training a trial on all folds at once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

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


def _activation(recipe: Recipe) -> str:
    return "mish" if isinstance(recipe.space, str) else recipe.space.activation


def _width(recipe: Recipe) -> int:
    return 64 if isinstance(recipe.space, str) else recipe.space.neurons
