"""From a table and a target to a predictor, its scores, and how it came about."""

from __future__ import annotations

import hashlib
import logging
import math
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros import __version__
from cerebros.errors import DataError, SearchError
from cerebros.estimators._baselines import Baseline, baselines
from cerebros.estimators._certainty import certainty_of_classes, certainty_of_numbers
from cerebros.estimators._committee import Committee, Trained, train_committee
from cerebros.estimators._judging import Judging
from cerebros.estimators._networks import Networks
from cerebros.estimators._predictor import Certainty, Predictor, calibrated, spread_of
from cerebros.estimators._recipe import Recipe, plan_recipe
from cerebros.estimators._request import FitSettings, Target
from cerebros.estimators._score_report import ScoreReport, Standing
from cerebros.estimators._selection import (
    Selection,
    combined,
    select,
)
from cerebros.estimators._targets import TargetTransform, candidate_transforms
from cerebros.estimators._trial_files import TrialFiles
from cerebros.estimators._validation import Fold, Folds, folds_of
from cerebros.estimators.guards import TableRanges
from cerebros.estimators.table import (
    Columns,
    fit_encoding,
    rows_of,
)

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]

_BASELINE_SHARE = 0.06
_SECONDS_OF_CHOOSING = 1.5e-7  # for each checkpoint, row and choice


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


def fit_table(
    columns: Columns,
    target: Target,
    settings: FitSettings,
    *,
    begun: float,
    say: Callable[[str], None],
) -> Fit:
    """Learn a table.

    Args:
        columns: without the target.
        target: what is learned.
        settings: what was asked for.
        begun: `time.monotonic()` when the time began to count.
        say: told what happens.

    Raises:
        DataError: if nothing can be learned.
        StoreError: if `out` holds another fit.
    """
    if rows_of(columns) < 2:
        raise DataError(
            "at least 2 rows are needed, some to train and some to judge, but got "
            f"n_samples = {rows_of(columns)}"
        )
    encoding = fit_encoding(columns, settings.encoding, seed=settings.seed)
    plain, encoded = encoding.transform(columns)
    recipe = _recipe(plain, encoded, target, settings)
    split = _splitting(target, settings, recipe)
    recipe = replace(recipe, n_folds=len(split(0)))
    for name, why in encoding.unused.items():
        say(f"column {name!r} is not used: {why}")
    transforms = _transforms(target, settings)
    definition = _definition(columns, target, settings, recipe, transforms, split)
    with TrialFiles.of(settings.out, definition) as files:
        committee = Committee(
            recipe=recipe,
            plain=plain,
            encoded=encoded,
            targets=_standardized(target, transforms),
            transforms=transforms,
            weights=(target.weights / target.weights.mean()).astype(np.float32),
            split=split,
            files=files,
        )
        judging = Judging.of(committee, target, settings)
        trials, usual = _trained(committee, judging, settings, begun, say)
        return _concluded(
            committee, trials, judging, usual, settings, columns, encoding, begun
        )


def _trained(
    committee: Committee,
    judging: Judging,
    settings: FitSettings,
    begun: float,
    say: Callable[[str], None],
) -> tuple[list[Trained], list[Baseline]]:
    """Train trials until the time is up, and the baselines beside them."""
    n_rows, recipe = len(committee.plain), committee.recipe
    say(
        f"{n_rows} rows, {committee.plain.shape[1]} + {committee.encoded.shape[1]} "
        f"features, {recipe.n_folds} folds, {recipe.n_epochs} epochs"
    )
    # While the first programs are compiled, a core is free for the baselines.
    with ThreadPoolExecutor(1) as beside:
        usual = beside.submit(_baselines, committee, judging.target, settings)
        trials = train_committee(
            committee,
            n_trials=settings.n_trials or settings.population.most_trials,
            ends=_ends(committee, judging, settings, begun),
            judge=judging.loss_of,
            on_trial=lambda trial: say(
                f"trial {trial.drawn.number}: {judging.loss_of(trial):.5g} after "
                f"{trial.seconds:.1f} s"
            ),
        )
    return trials, usual.result()


def _splitting(
    target: Target, settings: FitSettings, recipe: Recipe
) -> Callable[[int], Sequence[Fold]]:
    """The folds of each trial.

    Plain folds are drawn anew for each trial. So the trials' networks that answer for
    a row they have not seen have learned from different rows, as all networks have
    that answer for a new one; with the same folds for all, the score would be that of
    an ensemble that is less diverse than the one that is handed out.
    """
    validation = settings.validation or Folds()
    is_drawn = isinstance(validation, Folds)

    @cache
    def split(number: int) -> Sequence[Fold]:
        return folds_of(
            validation,
            len(target.weights),
            n_folds=recipe.n_folds,
            strata=target.values if target.classes is not None else target.values[:, 0],
            is_classification=settings.is_classification,
            groups=target.groups,
            order=target.order,
            seed=(settings.seed, number),
        )

    return split if is_drawn else lambda _: split(0)


def _recipe(
    plain: Array, encoded: Array, target: Target, settings: FitSettings
) -> Recipe:
    n_folds = getattr(settings.validation, "n", None) or settings.population.folds
    recipe = plan_recipe(
        n_rows=len(plain),
        n_plain=plain.shape[1],
        n_encoded=encoded.shape[1],
        n_outputs=_n_outputs(target),
        is_classification=settings.is_classification,
        n_folds=n_folds,
        time_budget=settings.time_budget,
        space=settings.space,
        seed=settings.seed,
    )
    epochs = settings.population.epochs or recipe.n_epochs
    checkpoints = settings.population.checkpoints
    return replace(recipe, n_epochs=epochs, n_checkpoints=checkpoints)


def _n_outputs(target: Target) -> int:
    if target.classes is not None:
        return len(target.classes)
    return int(target.values.shape[1])


def _transforms(
    target: Target, settings: FitSettings
) -> tuple[tuple[TargetTransform, ...], ...]:
    """The candidates; several only for one output and where more trials follow."""
    if target.classes is not None:
        return ()
    columns = target.values.T
    kinds = ["identity"]
    if len(columns) == 1 and (settings.n_trials is None or settings.n_trials >= 4):
        kinds = candidate_transforms(columns[0])
    return tuple(
        tuple(TargetTransform.fit(kind, column) for column in columns) for kind in kinds
    )


def _standardized(
    target: Target, transforms: tuple[tuple[TargetTransform, ...], ...]
) -> tuple[Array, ...]:
    if target.classes is not None:
        return (np.eye(len(target.classes), dtype=np.float32)[target.values],)
    return tuple(
        np.stack(
            [t.forward(target.values[:, i]) for i, t in enumerate(of)], axis=1
        ).astype(np.float32)
        for of in transforms
    )


def _definition(
    columns: Columns,
    target: Target,
    settings: FitSettings,
    recipe: Recipe,
    transforms: tuple[tuple[TargetTransform, ...], ...],
    split: Callable[[int], Sequence[Fold]],
) -> dict[str, Any]:
    """All that decides what comes of a trial, as plain data."""
    digest = hashlib.sha256()
    for name, values in columns.items():
        digest.update(repr(name).encode())
        digest.update(
            "\0".join(map(repr, values)).encode()
            if values.dtype == object
            else np.ascontiguousarray(values).tobytes()
        )
    for array in (target.values, target.weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    for of_rows in (target.groups, target.order):
        digest.update(repr(None if of_rows is None else of_rows.tolist()).encode())
    for fold in split(0):
        digest.update(fold.train.tobytes() + b"|" + fold.valid.tobytes())
    return {
        "format": 1,
        "cerebros": __version__,
        "jax": version("jax"),
        "machine": platform.machine(),
        "data": digest.hexdigest(),
        "recipe": repr(recipe),
        "metric": settings.metric.name,
        "encoding": repr(settings.encoding),
        "transforms": [[one.kind for one in of] for of in transforms],
    }


def _ends(
    committee: Committee, judging: Judging, settings: FitSettings, begun: float
) -> Callable[[int], float] | None:
    """When training must end, so that choosing among so many trials fits the time."""
    budget = settings.time_budget
    if budget is None or budget == math.inf:
        return None
    n_places = len(judging.places(judging.chooses))
    n_choices = 1 + len(judging.parts)
    of_trial = (
        _SECONDS_OF_CHOOSING * committee.recipe.n_checkpoints * n_places * n_choices
    )
    last = begun + budget - 0.3 - 0.02 * budget
    return lambda n_trials: last - of_trial * n_trials


def _baselines(
    committee: Committee, target: Target, settings: FitSettings
) -> list[Baseline]:
    budget = settings.time_budget
    try:
        return baselines(
            committee.plain,
            target.values,
            target.weights,
            committee.split(0),
            n_classes=None if target.classes is None else len(target.classes),
            seconds=np.inf if budget is None else _BASELINE_SHARE * budget,
            seed=settings.seed,
        )
    except Exception as error:  # whatever it is, the networks are not lost for it
        logger.warning("there are no baselines to compare with: %r", error)
        return []


def _concluded(
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
