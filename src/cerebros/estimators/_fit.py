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
from cerebros.estimators._baselines import Baseline, TreeInputs, baselines
from cerebros.estimators._committee import Committee
from cerebros.estimators._conclusion import Fit, concluded
from cerebros.estimators._fold_tables import encoding_targets, tables_of_folds
from cerebros.estimators._judging import Judging
from cerebros.estimators._linear_part import LinearPart
from cerebros.estimators._progress import Progress
from cerebros.estimators._recipe import Recipe, plan_recipe
from cerebros.estimators._request import FitSettings, Target
from cerebros.estimators._table_rows import TableRows
from cerebros.estimators._targets import candidate_transforms
from cerebros.estimators._trial_files import TrialFiles
from cerebros.estimators._turns import Trials, train_committee
from cerebros.estimators._validation import Fold, Folds, TimeFolds, folds_of
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
    rows: TableRows,
    settings: FitSettings,
    *,
    begun: float,
    say: Callable[[str], None],
) -> Fit:
    """Learn a table.

    Args:
        rows: columns without the target, and the target.
        settings: what was asked for.
        begun: `time.monotonic()` when the time began to count.
        say: told what happens.

    Raises:
        DataError: if nothing can be learned.
        StoreError: if `out` holds another fit.
    """
    columns, target = rows.columns, rows.target
    everything = np.arange(rows_of(columns))
    if len(everything) < 2:
        raise DataError(
            "at least 2 rows are needed, some to train and some to validate, but got "
            f"n_samples = {len(everything)}"
        )
    encoding = fit_encoding(
        columns,
        settings.encoding,
        seed=settings.seed,
        targets=encoding_targets(target, everything),
        weights=target.weights,
    )
    columns = {name: columns[name] for name in encoding.encoders}
    recipe = _recipe(encoding.n_features, target, settings)
    split = _splitting(rows, settings, recipe)
    if not all(target.weights[fold.train].any() for fold in split(0)):
        raise DataError(
            "there is a fold whose training rows all have the weight 0; leave such "
            "rows out, or name another validation"
        )
    recipe = replace(recipe, n_folds=len(split(0)))
    for name, why in encoding.unused.items():
        say(f"column {name!r} is not used: {why}")
    linear = None
    if target.classes is None:
        linear = LinearPart.fit(columns, target.values, target.weights)
    kinds = _kinds(target, linear, settings)
    definition = _definition(columns, target, settings, recipe, kinds, split)
    with TrialFiles.of(settings.out, definition) as files:
        committee = Committee(
            recipe=recipe,
            tables=tables_of_folds(
                columns,
                target,
                encoding,
                split(0),
                kinds,
                linear,
                unit=rows.unit,
                is_bounded=not isinstance(settings.validation, TimeFolds),
                seed=settings.seed,
            ),
            weights=(target.weights / target.weights.mean()).astype(np.float32),
            split=split,
            files=files,
        )
        judging = Judging.of(committee, target, settings)
        trained, usual = _trained(committee, columns, judging, settings, begun, say)
        return concluded(
            committee, trained, judging, usual, settings, columns, encoding, begun
        )


def _trained(
    committee: Committee,
    columns: Columns,
    judging: Judging,
    settings: FitSettings,
    begun: float,
    say: Callable[[str], None],
) -> tuple[Trials, list[Baseline]]:
    """Train trials until the time is up, and the baselines beside them."""
    recipe = committee.recipe
    n_plain, n_encoded = committee.n_features
    say(
        f"{committee.n_rows} rows, {n_plain} + {n_encoded} features, "
        f"{recipe.n_folds} folds, {recipe.n_epochs} epochs"
    )
    progress = Progress(judging, say)
    progress.begin()
    # While the first programs are compiled, a core is free for the baselines.
    with ThreadPoolExecutor(1) as beside:
        usual = beside.submit(
            _baselines,
            *(committee, columns, judging.target, settings, progress.baseline),
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
    rows: TableRows, settings: FitSettings, recipe: Recipe
) -> Callable[[int], Sequence[Fold]]:
    """The folds of each trial.

    Plain folds are drawn anew for each trial. So the trials' networks that answer for
    a row they have not seen have learned from different rows, as all networks have
    that answer for a new one; with the same folds for all, the score would be that of
    an ensemble that is less diverse than the one that is handed out.
    """
    target = rows.target
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
            unit=rows.unit,
            seed=(settings.seed, number),
        )

    return split if is_drawn else lambda _: split(0)


def _recipe(
    n_features: tuple[int, int], target: Target, settings: FitSettings
) -> Recipe:
    n_folds = getattr(settings.validation, "n", None) or settings.population.folds
    recipe = plan_recipe(
        n_rows=len(target.weights),
        n_plain=n_features[0],
        n_encoded=n_features[1],
        n_outputs=_n_outputs(target),
        is_classification=settings.is_classification,
        n_folds=n_folds,
        time_budget=settings.time_budget,
        space=settings.space,
        seed=settings.seed,
    )
    if settings.population.epochs is not None:
        epochs = settings.population.epochs
        recipe = replace(recipe, n_epochs=epochs, most_batches=None)
    return replace(recipe, n_checkpoints=settings.population.checkpoints)


def _n_outputs(target: Target) -> int:
    if target.classes is not None:
        return len(target.classes)
    return int(target.values.shape[1])


def _kinds(
    target: Target, linear: LinearPart | None, settings: FitSettings
) -> tuple[str, ...]:
    """Candidate target transforms; several only where trials are left to compare them.

    With few trials, rows that follow in time still get the linear part, because a
    trend is what they most often have.
    """
    if linear is None:
        return ()
    n_trials = math.inf if settings.n_trials is None else settings.n_trials
    least = 2 if isinstance(settings.validation, TimeFolds) else 4
    if n_trials < least:
        return ("identity",)
    kinds = ["identity", *(["linear"] if linear.names else [])]
    if target.values.shape[1] == 1 and n_trials > len(kinds):
        counting = target.values[target.weights > 0, 0]
        kinds += candidate_transforms(counting)[1:]
    return tuple(kinds)


def _definition(
    columns: Columns,
    target: Target,
    settings: FitSettings,
    recipe: Recipe,
    kinds: Sequence[str],
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
        "format": 2,
        "cerebros": __version__,
        "jax": version("jax"),
        "machine": platform.machine(),
        "data": digest.hexdigest(),
        "recipe": repr(recipe),
        "metric": settings.metric.name,
        "encoding": repr(settings.encoding),
        "transforms": list(kinds),
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
    columns: Columns,
    target: Target,
    settings: FitSettings,
    on_baseline: Callable[[Baseline], None],
) -> list[Baseline]:
    budget = settings.time_budget
    try:
        return baselines(
            lambda fold: committee.tables.of_fold(fold).plain,
            TreeInputs.of(columns),
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
