"""From trained trials to a predictor and honest scores."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import SearchError
from cerebros.estimators._baselines import Baseline
from cerebros.estimators._certainty import certainty_of_classes, certainty_of_numbers
from cerebros.estimators._committee import Committee, Trained
from cerebros.estimators._judging import Judging
from cerebros.estimators._networks import Networks
from cerebros.estimators._predictor import Certainty, Predictor, calibrated, spread_of
from cerebros.estimators._recipe import Recipe
from cerebros.estimators._request import FitSettings
from cerebros.estimators._score_report import ScoreReport, Standing
from cerebros.estimators._selection import Selection, combined, select
from cerebros.estimators.guards import TableRanges
from cerebros.estimators.table import Columns

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """What a fit leaves behind.

    Attributes:
        predictor: answers for new rows.
        report: honest scores.
        recipe: what was decided.
        trials: in the order of their numbers.
        selection: of the trials.
        trial_standings: of each trial.
        losses: by which is chosen, `(trial, checkpoint)`.
        unseen: answers of the whole for rows that neither trained nor chose, `(row,
            output)`; NaN for rows that did not judge.
        is_out_of_time: whether the time ended before a trial was done.
        seconds: in all.
    """

    predictor: Predictor
    report: ScoreReport
    recipe: Recipe
    trials: Sequence[Trained]
    selection: Selection
    trial_standings: Sequence[Standing]
    losses: Array
    unseen: Array
    is_out_of_time: bool
    seconds: float


def concluded(
    committee: Committee,
    trials: list[Trained],
    judging: Judging,
    usual: list[Baseline],
    settings: FitSettings,
    columns: Columns,
    encoding: Any,
    begun: float,
) -> Fit:
    target = judging.target
    trials = _finite(trials, judging)
    n = min(len(trial.epochs) for trial in trials)
    answers = np.stack([trial.answers[:n] for trial in trials])
    flat = judging.flat(answers)
    selection = select(
        flat,
        judging.loss,
        judging.places(judging.chooses),
        is_ensemble=settings.ensemble,
    )
    numbers = [trial.drawn.number for trial in trials]
    unseen = _unseen(answers, flat, judging, is_ensemble=settings.ensemble)
    best_alone = _unseen(answers, flat, judging, is_ensemble=False)
    alone = _alone(answers, flat, judging)
    of_trials = _trial_standings(answers, alone, flat, numbers, judging)
    chosen = combined(answers, selection)
    report = ScoreReport(
        metric=judging.metric.name,
        is_better_low=judging.metric.is_better_low,
        model=judging.standing(
            "cerebros", _decided(unseen, judging), judging.score(chosen)
        ),
        best_trial=judging.standing(
            "best single trial",
            _decided(best_alone, judging),
            judging.score(combined(answers, _best_of(flat, judging))),
        ),
        baselines=tuple(judging.standing(own.name, own.answers) for own in usual),
    )
    networks = tuple(
        Networks(
            trial=trial.drawn.number,
            plan=trial.drawn.plan,
            transform=trial.transform,
            share=float(share),
            weights=committee.weights_of(trial, int(at)),
        )
        for trial, at, share in zip(
            trials, selection.checkpoints, selection.shares, strict=True
        )
        if share > 0
    )
    predictor = Predictor(
        encoding=encoding,
        networks=networks,
        transforms=committee.transforms,
        linear=committee.tables.linear,
        classes=target.classes,
        target_names=target.names,
        is_flat=target.is_flat,
        certainty=_certainty(committee, answers, selection, unseen, judging, settings),
        ranges=TableRanges.of({name: columns[name] for name in encoding.encoders}),
    )
    return Fit(
        predictor=predictor,
        report=report,
        recipe=committee.recipe,
        trials=trials,
        selection=selection,
        trial_standings=of_trials,
        losses=judging.loss(flat, np.arange(flat.shape[-1])),
        unseen=unseen,
        is_out_of_time=not trials[0].is_complete,
        seconds=time.monotonic() - begun,
    )


def _finite(trials: list[Trained], judging: Judging) -> list[Trained]:
    """Trials whose networks have all stayed finite.

    Raises:
        SearchError: if there is none.
    """
    kept = [t for t in trials if np.isfinite(t.answers[:, judging.rows]).all()]
    for trial in trials:
        if trial not in kept:
            logger.warning("trial %d diverged and is left out", trial.drawn.number)
    if not kept:
        raise SearchError(
            f"the networks of all {len(trials)} trials diverged; look for columns or "
            "targets of extreme size"
        )
    return kept


def _unseen(
    answers: Array, flat: Array, judging: Judging, *, is_ensemble: bool
) -> Array:
    """Answers of all together for each part, by what the other parts chose.

    Where there is one part, nothing is left that could judge, and all is NaN.
    """
    unseen = np.full(answers.shape[2:], np.nan, answers.dtype)
    for part, others in judging.by_others():
        selection = select(flat, judging.loss, others, is_ensemble=is_ensemble)
        unseen[part] = combined(answers[:, :, part], selection)
    return unseen


def _alone(answers: Array, flat: Array, judging: Judging) -> Array:
    """The same of each trial, `(trial, row, output)`, at its own best checkpoint."""
    alone = np.full((len(answers), *answers.shape[2:]), np.nan, answers.dtype)
    for part, others in judging.by_others():
        stops = judging.loss(flat[:, :, others], others).argmin(axis=1)
        alone[:, part] = answers[np.arange(len(answers)), stops][:, part]
    return alone


def _best_of(flat: Array, judging: Judging) -> Selection:
    places = judging.places(judging.chooses)
    return select(flat, judging.loss, places, is_ensemble=False)


def _trial_standings(
    answers: Array,
    alone: Array,
    flat: Array,
    numbers: Sequence[int],
    judging: Judging,
) -> list[Standing]:
    places = judging.places(judging.chooses)
    stops = judging.loss(flat[:, :, places], places).argmin(axis=1)
    return [
        judging.standing(
            f"trial {number}", alone[i], judging.score(answers[i, stops[i]])
        )
        for i, number in enumerate(numbers)
    ]


def _decided(unseen: Array, judging: Judging) -> Array:
    """Unseen answers as the predictor gives them: calibrated, and with its threshold.

    Of each part, temperature and threshold are those that the other parts ask for.
    """
    target, metric = judging.target, judging.metric
    if target.classes is None or len(judging.parts) < 2:
        return unseen
    decided = unseen.astype(np.float64)
    for part in judging.parts:
        others = np.setdiff1d(judging.rows, part)
        if not np.isfinite(unseen[part]).all():
            continue
        certainty = certainty_of_classes(
            unseen[others], target.values[others], target.counts[others], metric
        )
        shares = calibrated(unseen[part], certainty.temperature)
        if metric.of_labels and shares.shape[1] == 2:
            second = (shares[:, 1] >= certainty.threshold).astype(float)
            shares = np.stack([1 - second, second], axis=1)
        decided[part] = shares
    return decided


def _certainty(
    committee: Committee,
    answers: Array,
    selection: Selection,
    unseen: Array,
    judging: Judging,
    settings: FitSettings,
) -> Certainty:
    rows, target = judging.rows, judging.target
    if len(judging.parts) < 2:  # nothing judges, so what chose must do
        unseen = combined(answers, selection)
    if settings.is_classification:
        return certainty_of_classes(
            unseen[rows], target.values[rows], target.counts[rows], judging.metric
        )
    own = answers[np.arange(len(answers)), selection.checkpoints][:, rows]
    spread = spread_of([a[None] for a in own], selection.shares)
    return certainty_of_numbers(unseen[rows], spread, target.values[rows])
