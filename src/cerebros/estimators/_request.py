"""What a fit is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from cerebros.estimators._metrics import Metric
from cerebros.estimators._settings import PopulationSettings
from cerebros.estimators.table import EncodingSettings

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class FitSettings:
    """What a user asked for; see the estimators."""

    is_classification: bool
    time_budget: float | None
    n_trials: int | None
    space: Any
    metric: Metric
    validation: Any
    ensemble: bool
    encoding: EncodingSettings
    population: PopulationSettings
    seed: int
    out: Path | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """What is to be learned.

    Attributes:
        values: numbers `(row, output)`, or class numbers `(row,)`.
        classes: labels by number; None for a regression.
        names: of the outputs of a regression.
        is_flat: whether answers of a regression are `(row,)`.
        weights: how much each row counts in training and choosing, `(row,)`.
        counts: how much it counts in scores, `(row,)`: without the weights of classes.
        groups: of each row, or None.
        order: by which rows are ordered in time, or None.
    """

    values: Array
    classes: Array | None
    names: tuple[str, ...]
    is_flat: bool
    weights: Array
    counts: Array
    groups: Array | None = None
    order: Array | None = None
