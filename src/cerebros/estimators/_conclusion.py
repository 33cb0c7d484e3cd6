"""From trained trials to a predictor and honest scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators._baselines import Baseline
from cerebros.estimators._certainty import certainty_of_classes, certainty_of_numbers
from cerebros.estimators._committee import Committee, Trained
from cerebros.estimators._judging import Judging
from cerebros.estimators._networks import Networks
from cerebros.estimators._predictor import Certainty, Predictor, spread_of
from cerebros.estimators._recipe import Recipe
from cerebros.estimators._request import FitSettings
from cerebros.estimators._score_report import ScoreReport, Standing
from cerebros.estimators._selection import Selection, combined, select
from cerebros.estimators._turns import LeftOut, Trials
from cerebros.estimators.guards import TableRanges
from cerebros.estimators.table import Columns

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """What a fit leaves behind.

    Attributes:
        predictor: answers for new rows.
        report: honest scores.
        recipe: what was decided.
        trials: that answer, in the order of their numbers.
        left_out: trials that were begun and do not answer.
        selection: of the trials.
        trial_standings: of each trial; that of the best one is the report's.
        best: place of the best single trial.
        losses: by which is chosen, `(trial, checkpoint)`.
        oof: out-of-fold answers of the whole, used neither for training nor for
            selection, `(row, output)`; NaN for rows that did not judge.
        is_out_of_time: whether the time ended before a trial was done.
        seconds: in all.
    """

    predictor: Predictor
    report: ScoreReport
    recipe: Recipe
    trials: Sequence[Trained]
    left_out: Sequence[LeftOut]
    selection: Selection
    trial_standings: Sequence[Standing]
    best: int
    losses: Array
    oof: Array
    is_out_of_time: bool
    seconds: float


def concluded(
    committee: Committee,
    trained: Trials,
    judging: Judging,
    usual: list[Baseline],
    settings: FitSettings,
    columns: Columns,
    encoding: Any,
    begun: float,
) -> Fit:
    """Select trials, score what was selected, and make a predictor of it.

    Args:
        committee: that was trained.
        trained: its trials.
        judging: which rows select, and which judge.
        usual: baselines.
        settings: what was asked for.
        columns: that are used.
        encoding: of them.
        begun: `time.monotonic()` when the time began to count.
    """
    target, trials = judging.target, trained.answering
    n = min(len(trial.epochs) for trial in trials)
    answers = np.stack([trial.answers[:n] for trial in trials])
    flat = judging.flat(answers)
    places = judging.places(judging.chooses)
    choose = partial(select, flat, judging.loss, eligible=_eligible(committee, trained))
    selection = choose(places, is_ensemble=settings.ensemble)
    oof = _out_of_fold(answers, judging, partial(choose, is_ensemble=settings.ensemble))
    decided = judging.decided(oof)
    alone = _out_of_fold(answers, judging, partial(choose, is_ensemble=False))
    best = int(choose(places, is_ensemble=False).shares.argmax())
    standings = _trial_standings(trials, answers, flat, judging, best, alone)
    whole = combined(answers, selection)
    report = ScoreReport(
        metric=judging.metric.name,
        is_better_low=judging.metric.is_better_low,
        model=judging.standing("cerebros", decided, judging.selection_score(whole)),
        best_trial=standings[best],
        baselines=tuple(
            judging.standing(own.name, judging.of_baseline(own.answers), model=decided)
            for own in usual
            if own.answers is not None
        ),
        left_out={own.name: own.why for own in usual if own.answers is None},
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
        certainty=_certainty(answers, selection, oof, judging),
        ranges=TableRanges.of(columns),
    )
    return Fit(
        predictor=predictor,
        report=report,
        recipe=committee.recipe,
        trials=trials,
        left_out=trained.left_out,
        selection=selection,
        trial_standings=standings,
        best=best,
        losses=judging.loss(flat[..., places], places),
        oof=oof,
        is_out_of_time=not trials[0].is_complete,
        seconds=time.monotonic() - begun,
    )


def _eligible(committee: Committee, trained: Trials) -> Array:
    """Which trials may be selected, `(trial,)`.

    All, unless a trend is carried on: where rows of training end, trials without it
    would hold the others back, and no out-of-fold row shows that.
    """
    agreed = trained.transform
    if agreed is None or committee.transforms[agreed][0].kind != "linear":
        return np.ones(len(trained.answering), bool)
    carries_on = np.array([own.transform == agreed for own in trained.answering])
    return carries_on if carries_on.any() else ~carries_on


def _out_of_fold(
    answers: Array, judging: Judging, choose: Callable[[Array], Selection]
) -> Array:
    """Answers of all together for each part, by what the other parts chose.

    Where there is one part, nothing is left that could judge, and all is NaN.
    """
    oof = np.full(answers.shape[2:], np.nan, answers.dtype)
    for part, others in judging.by_others():
        oof[part] = combined(answers[:, :, part], choose(others))
    return oof


def _each_alone(answers: Array, flat: Array, judging: Judging) -> Array:
    """The same of each trial, `(trial, row, output)`, at its own best checkpoint."""
    alone = np.full((len(answers), *answers.shape[2:]), np.nan, answers.dtype)
    for part, others in judging.by_others():
        stops = judging.loss(flat[:, :, others], others).argmin(axis=1)
        alone[:, part] = answers[np.arange(len(answers)), stops][:, part]
    return alone


def _trial_standings(
    trials: Sequence[Trained],
    answers: Array,
    flat: Array,
    judging: Judging,
    best: int,
    selected: Array,
) -> list[Standing]:
    """How each trial stands.

    The best one is selected by the same rows as the ensemble. That flatters it, so its
    score is that of such a selection: for each part, of the trial that is best without
    it.

    Args:
        trials: that answer.
        answers: of them.
        flat: see `Judging.flat`.
        judging: which rows judge.
        best: place of the best single trial.
        selected: out-of-fold answers of the selection of a single trial.
    """
    alone = _each_alone(answers, flat, judging)
    places = judging.places(judging.chooses)
    stops = judging.loss(flat[:, :, places], places).argmin(axis=1)
    standings = []
    for i, trial in enumerate(trials):
        number = trial.drawn.number
        selection_score = judging.selection_score(answers[i, stops[i]])
        if i == best:
            name, own = best_trial_name(number), judging.decided(selected)
        else:
            name = f"trial {number}"
            own = judging.decided(alone[i], by=judging.rows[judging.chooses])
        standings.append(judging.standing(name, own, selection_score))
    return standings


def best_trial_name(number: int) -> str:
    return f"best single trial ({number})"


def _certainty(
    answers: Array, selection: Selection, oof: Array, judging: Judging
) -> Certainty:
    target = judging.target
    if len(judging.parts) < 2:  # nothing judges, so what chose must do
        oof = combined(answers, selection)
    rows = judging.rows[np.isfinite(oof[judging.rows]).all(axis=1)]
    values, counts = target.values[rows], target.counts[rows]
    if target.classes is not None:
        return certainty_of_classes(oof[rows], values, counts, judging.metric)
    own = answers[np.arange(len(answers)), selection.checkpoints][:, rows]
    spread = spread_of([a[None] for a in own], selection.shares)
    return certainty_of_numbers(oof[rows], spread, values, counts)
