"""Which rows choose and which judge, and by what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._committee import Committee, Trained
from cerebros.estimators._metrics import Metric
from cerebros.estimators._request import FitSettings, Target
from cerebros.estimators._score_report import Standing
from cerebros.estimators._selection import AbsoluteError, LogLoss, Loss, SquaredError

Array = npt.NDArray[Any]

MOST_CHOOSING_ROWS = 4_000
_PARTS = 5


@dataclass(frozen=True, eq=False)
class Judging:
    """Which rows choose and judge, and by what.

    Attributes:
        target: of all rows.
        rows: numbers of the rows that a fold judges.
        parts: of those rows; each is judged by what the others chose.
        loss: by which is chosen.
        metric: that is reported.
        chooses: of the judged rows, those that choose: not too many.
    """

    target: Target
    rows: Array
    parts: tuple[Array, ...]
    loss: Loss
    metric: Metric
    chooses: Array

    @classmethod
    def of(cls, committee: Committee, target: Target, settings: FitSettings) -> Judging:
        judged = [fold.valid for fold in committee.split(0) if len(fold.valid)]
        rows = np.sort(np.concatenate(judged))
        rng = np.random.default_rng([settings.seed, 23])
        parts = tuple(judged) if len(judged) >= 3 else _parts(rows, target, rng)
        weights = target.weights[rows].astype(np.float32)
        loss: Loss
        if target.classes is not None:
            loss = LogLoss(weights)
        else:
            # Outputs of several targets stand behind one another, in units alike.
            values = (target.values[rows] - _centers(target)) / _scales(target)
            flat = values.T.ravel().astype(np.float32)
            repeated = np.tile(weights, target.values.shape[1])
            kind = AbsoluteError if settings.metric.name == "mae" else SquaredError
            loss = kind(flat, repeated)
        chooses = np.arange(len(rows))
        if len(rows) > MOST_CHOOSING_ROWS:
            chooses = np.sort(rng.permutation(len(rows))[:MOST_CHOOSING_ROWS])
        return cls(target, rows, parts, loss, settings.metric, chooses)

    def flat(self, answers: Array) -> Array:
        """Answers as the loss takes them, `(…, place)`, from `(…, row, output)`."""
        judged = answers[..., self.rows, :]
        if self.target.classes is not None:
            true = self.target.values[self.rows]
            return np.asarray(judged[..., np.arange(len(true)), true])
        scaled = (judged - _centers(self.target)) / _scales(self.target)
        scaled = np.swapaxes(scaled, -1, -2)
        return np.asarray(scaled.reshape(*scaled.shape[:-2], -1), np.float32)

    def places(self, rows: Array) -> Array:
        """Where in `flat` the given judged rows stand."""
        n = len(self.rows)
        n_outputs = (
            1 if self.target.classes is not None else self.target.values.shape[1]
        )
        return np.concatenate([rows + k * n for k in range(n_outputs)])

    def by_others(self) -> Iterator[tuple[Array, Array]]:
        """Each part, and the places of those that choose for it: rows of the others."""
        chooses = self.rows[self.chooses]
        for part in self.parts:
            others = self.places(self.chooses[~np.isin(chooses, part)])
            if len(others):
                yield part, others

    def loss_of(self, trial: Trained) -> float:
        """The lowest loss of a trial over its checkpoints."""
        places = self.places(self.chooses)
        losses = self.loss(self.flat(trial.answers)[:, places], places)
        return float(np.min(losses)) if np.isfinite(losses).all() else float("inf")

    def score(self, answers: Array, rows: Array | None = None) -> float:
        """The metric for given rows of all, those judged unless said otherwise."""
        at = self.rows if rows is None else rows
        known = at[np.isfinite(answers[at]).all(axis=1)]
        if not len(known):
            return float("nan")
        weights = self.target.counts[known]
        if not weights.sum() > 0:
            weights = np.ones(len(known))
        return self.metric(self.target.values[known], answers[known], weights)

    def standing(
        self, name: str, answers: Array, selection: float | None = None
    ) -> Standing:
        known = self.rows[np.isfinite(answers[self.rows]).all(axis=1)]
        each = [self.score(answers, part) for part in self.parts]
        finite = np.array([score for score in each if np.isfinite(score)])
        error = (
            float(finite.std(ddof=1) / np.sqrt(len(finite)))
            if len(finite) > 1
            else float("nan")
        )
        return Standing(name, self.score(answers), error, selection, len(known))


def _parts(rows: Array, target: Target, rng: np.random.Generator) -> tuple[Array, ...]:
    """Some parts of the judged rows; a group is in one of them, and so is a time."""
    n = min(_PARTS, len(rows))
    if target.groups is not None:
        texts = [str(group) for group in target.groups[rows]]
        places = {text: i for i, text in enumerate(rng.permutation(sorted(set(texts))))}
        number = np.array([places[text] % n for text in texts])
        parts = [rows[number == k] for k in range(n)]
        return tuple(part for part in parts if len(part))
    if target.order is not None:
        ordered = rows[np.argsort(target.order[rows], kind="stable")]
        return tuple(np.array_split(ordered, n))
    return tuple(np.array_split(rng.permutation(rows), n))


def _centers(target: Target) -> Array:
    return np.asarray(target.values.mean(axis=0))


def _scales(target: Target) -> Array:
    scales = target.values.std(axis=0)
    return np.where(scales > 0, scales, 1.0)
