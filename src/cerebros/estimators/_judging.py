"""Which rows choose and which judge, and by what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._certainty import certainty_of_classes
from cerebros.estimators._choosing_rows import choosing_rows
from cerebros.estimators._committee import Committee
from cerebros.estimators._metrics import Metric
from cerebros.estimators._predictor import calibrated
from cerebros.estimators._request import FitSettings, Target
from cerebros.estimators._score_report import Standing
from cerebros.estimators._selection import AbsoluteError, LogLoss, Loss, SquaredError
from cerebros.estimators._threshold import best_threshold
from cerebros.estimators._validation import Folds, folds_of

Array = npt.NDArray[Any]

MOST_CHOOSING_ROWS = 4_000
_PARTS = 5


@dataclass(frozen=True, eq=False)
class Judging:
    """Which rows choose and judge, and by what.

    Attributes:
        target: of all rows.
        rows: numbers of the rows that a fold judges and whose weight is not 0.
        parts: of those rows; each is judged by what the others chose.
        loss: by which is chosen; only rows that choose count in it, each as much as
            the rows that it stands for.
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
        return cls.of_folds(judged, target, settings.metric, seed=settings.seed)

    @classmethod
    def of_folds(
        cls, judged: Sequence[Array], target: Target, metric: Metric, *, seed: int
    ) -> Judging:
        """From the rows that each fold judges."""
        counting = [own[target.counts[own] > 0] for own in judged]
        # Where none of them counts, they count alike.
        folds = [own for own in counting if len(own)] or list(judged)
        rows = np.sort(np.concatenate(folds))
        rng = np.random.default_rng([seed, 23])
        parts = tuple(folds) if len(folds) >= 3 else _parts(rows, target, rng)
        chooses, weights = choosing_rows(
            _strata(target)[rows],
            target.weights[rows],
            MOST_CHOOSING_ROWS,
            is_classification=target.classes is not None,
            rng=rng,
        )
        standing_for = np.zeros(len(rows), np.float32)
        standing_for[chooses] = weights
        loss = _loss(target, rows, standing_for, metric)
        return cls(target, rows, parts, loss, metric, chooses)

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

    def losses_of(self, answers: Array) -> Array:
        """The lowest loss of a trial over its checkpoints, by the rows that choose.

        Args:
            answers: `(checkpoint, row, output)`.

        Returns:
            `(1 + part,)`: by all, and without each part, which therefore can judge what
            follows from it. Infinite where the trial diverged.
        """
        flat = self.flat(answers)
        all_places = self.places(self.chooses)
        choosing = [all_places, *(others for _, others in self.by_others())]
        if not np.isfinite(flat).all():
            return np.full(len(choosing), np.inf)
        return np.array(
            [float(np.min(self.loss(flat[:, own], own))) for own in choosing]
        )

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

    def selection_score(self, answers: Array) -> float:
        """The metric of what these rows selected, `(row, output)`.

        With the threshold that they ask for: it flatters.
        """
        of_counts = self.metric.of_counts
        if of_counts is None or answers.shape[1] != 2:
            return self.score(answers)
        target, rows = self.target, self.rows
        second = answers[rows, 1].astype(np.float64)
        is_second, counts = target.values[rows] == 1, target.counts[rows]
        threshold = best_threshold(second, is_second, counts, of_counts)
        return self.score(_of_labels(answers, threshold))

    def selection_score_of_trial(self, answers: Array) -> float:
        """The same of a trial's best checkpoint, `(checkpoint, row, output)`."""
        places = self.places(self.chooses)
        losses = self.loss(self.flat(answers)[:, places], places)
        return self.selection_score(answers[int(np.argmin(losses))])

    def decided(self, oof: Array, by: Array | None = None) -> Array:
        """Out-of-fold answers as a predictor gives them: calibrated, with a threshold.

        Of each part, temperature and threshold are those that the other parts ask for.

        Args:
            oof: for all rows.
            by: rows that have a say in that; None for all that judge.
        """
        target, metric = self.target, self.metric
        if target.classes is None or len(self.parts) < 2:
            return oof
        deciding = self.rows if by is None else by
        deciding = deciding[np.isfinite(oof[deciding]).all(axis=1)]
        decided = oof.astype(np.float64)
        for part in self.parts:
            others = np.setdiff1d(deciding, part)
            if not np.isfinite(oof[part]).all():
                continue
            certainty = certainty_of_classes(
                oof[others], target.values[others], target.counts[others], metric
            )
            shares = calibrated(oof[part], certainty.temperature)
            if metric.of_labels and shares.shape[1] == 2:
                shares = _of_labels(shares, certainty.threshold)
            decided[part] = shares
        return decided

    def of_baseline(self, oof: Array) -> Array:
        """The answers of a usual model, with a threshold where the metric asks for one.

        It is not calibrated.
        """
        return oof if self.metric.of_counts is None else self.decided(oof)

    def standing(
        self,
        name: str,
        answers: Array,
        selection: float | None = None,
        *,
        model: Array | None = None,
    ) -> Standing:
        """How answers stand, and, if they are given, beside those of the model."""
        known = self.rows[np.isfinite(answers[self.rows]).all(axis=1)]
        each = self._score_of_parts(answers)
        lead, lead_error = float("nan"), float("nan")
        if model is not None:
            sign = -1.0 if self.metric.is_better_low else 1.0
            differences = sign * (each - self._score_of_parts(model))
            lead = sign * (self.score(answers) - self.score(model))
            lead_error = _standard_error(differences)
        return Standing(
            name=name,
            score=self.score(answers),
            error=_standard_error(each),
            selection=selection,
            n_rows=len(known),
            lead=lead,
            lead_error=lead_error,
            n_parts=int(np.isfinite(each).sum()),
        )

    def _score_of_parts(self, answers: Array) -> Array:
        return np.array([self.score(answers, part) for part in self.parts])


def _of_labels(shares: Array, threshold: float) -> Array:
    """1 for the class that is answered, and 0 for the other one."""
    second = (shares[:, 1] >= threshold).astype(float)
    return np.stack([1 - second, second], axis=1)


def _standard_error(scores: Array) -> float:
    """Of the mean of parts; NaN if there is one part only."""
    finite = scores[np.isfinite(scores)]
    if len(finite) < 2:
        return float("nan")
    return float(finite.std(ddof=1) / np.sqrt(len(finite)))


def _loss(target: Target, rows: Array, weights: Array, metric: Metric) -> Loss:
    if target.classes is not None:
        return LogLoss(weights)
    # Outputs of several targets stand behind one another, in units alike.
    values = (target.values[rows] - _centers(target)) / _scales(target)
    flat = values.T.ravel().astype(np.float32)
    repeated = np.tile(weights, target.values.shape[1])
    kind = AbsoluteError if metric.name == "mae" else SquaredError
    return kind(flat, repeated)


def _parts(rows: Array, target: Target, rng: np.random.Generator) -> tuple[Array, ...]:
    """Some parts of the judged rows, which hold target values in proportion.

    A group is in one of them, and so is a time.
    """
    n = min(_PARTS, len(rows))
    if target.groups is None and target.order is not None:
        ordered = rows[np.argsort(target.order[rows], kind="stable")]
        return tuple(np.array_split(ordered, n))
    strata, member = _strata(target)[rows], np.arange(len(rows))
    is_classification = target.classes is not None
    if target.groups is not None:
        texts = np.array([str(group) for group in target.groups[rows]])
        _, member = np.unique(texts, return_inverse=True)
        strata = np.bincount(member, strata) / np.bincount(member)
        is_classification = False
    if len(strata) < 2:
        return (rows,)
    folds = folds_of(
        Folds(),
        len(strata),
        n_folds=n,
        strata=strata,
        is_classification=is_classification,
        seed=int(rng.integers(2**31)),
    )
    return tuple(rows[np.isin(member, fold.valid)] for fold in folds)


def _strata(target: Target) -> Array:
    """By what rows are spread evenly: class numbers, or values of the first output."""
    return target.values if target.classes is not None else target.values[:, 0]


def _centers(target: Target) -> Array:
    return np.asarray(_counting(target).mean(axis=0))


def _scales(target: Target) -> Array:
    scales = _counting(target).std(axis=0)
    return np.where(scales > 0, scales, 1.0)


def _counting(target: Target) -> Array:
    return target.values[target.counts > 0] if target.counts.any() else target.values
