"""From a table and a target to a predictor, its scores, and how it came about."""

from __future__ import annotations

import hashlib
import logging
import math
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros import __version__
from cerebros.errors import DataError
from cerebros.estimators._baselines import Baseline, baselines
from cerebros.estimators._committee import Committee
from cerebros.estimators._conclusion import Fit, concluded
from cerebros.estimators._judging import Judging
from cerebros.estimators._progress import Progress
from cerebros.estimators._recipe import Recipe, plan_recipe
from cerebros.estimators._request import FitSettings, Target
from cerebros.estimators._targets import TargetTransform, candidate_transforms
from cerebros.estimators._trial_files import TrialFiles
from cerebros.estimators._turns import Trials, train_committee
from cerebros.estimators._validation import Fold, Folds, folds_of
from cerebros.estimators.table import (
    Columns,
    fit_encoding,
    rows_of,
)

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]

_BASELINE_SHARE = 0.12
_SECONDS_OF_CHOOSING = 1.5e-7  # for each checkpoint, row and choice


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
        trained, usual = _trained(committee, judging, settings, begun, say)
        return concluded(
            committee, trained, judging, usual, settings, columns, encoding, begun
        )


def _trained(
    committee: Committee,
    judging: Judging,
    settings: FitSettings,
    begun: float,
    say: Callable[[str], None],
) -> tuple[Trials, list[Baseline]]:
    """Train trials until the time is up, and the baselines beside them."""
    n_rows, recipe = len(committee.plain), committee.recipe
    say(
        f"{n_rows} rows, {committee.plain.shape[1]} + {committee.encoded.shape[1]} "
        f"features, {recipe.n_folds} folds, {recipe.n_epochs} epochs"
    )
    progress = Progress(judging, say)
    progress.begin()
    # While the first programs are compiled, a core is free for the baselines.
    with ThreadPoolExecutor(1) as beside:
        usual = beside.submit(
            _baselines, committee, judging.target, settings, progress.baseline
        )
        trained = train_committee(
            committee,
            n_trials=settings.n_trials or settings.population.most_trials,
            ends=_ends(committee, judging, settings, begun),
            judge=judging.losses_of,
            on_trial=progress.trial,
        )
    return trained, usual.result()


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
        digest.update(name.encode())
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
    committee: Committee,
    target: Target,
    settings: FitSettings,
    on_baseline: Callable[[Baseline], None],
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
            on_baseline=on_baseline,
        )
    except Exception as error:  # whatever it is, the networks are not lost for it
        logger.warning("there are no baselines to compare with: %r", error)
        return []
