"""What simple and usual models reach on the same folds."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from cerebros.estimators._validation import Fold

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Baseline:
    """Answers of a model for rows that it has not seen.

    Attributes:
        name: of the model.
        answers: `(row, output)` or `(row, class)`; NaN where there was no time.
        seconds: that it took.
    """

    name: str
    answers: Array
    seconds: float


def baselines(
    features: Array,
    targets: Array,
    weights: Array,
    folds: Sequence[Fold],
    *,
    n_classes: int | None,
    seconds: float,
    seed: int,
) -> list[Baseline]:
    """The constant answer, a linear model, and histogram gradient boosting.

    The linear model has a third of the time, and boosting what is left; each judges as
    many folds as it can, and is left out if one would take too long.

    Args:
        features: `(row, feature)`, numbers without missing ones.
        targets: `(row, output)`, or class numbers `(row,)`.
        weights: `(row,)`.
        folds: those of the networks.
        n_classes: None for a regression.
        seconds: for all of them, about.
        seed: of models that draw.
    """
    made: list[Baseline] = []
    models = _models(n_classes, seed)  # loads them, which is nobody's time
    end = time.monotonic() + seconds
    # One thread: the cores belong to the networks.
    with threadpool_limits(1):
        for name, make in models:
            begun = time.monotonic()
            is_last = name == "gradient boosting"
            limit = end if is_last else begun + max(0.0, end - begun) / 3
            expected = _SECONDS[name](features.shape, n_classes or targets.shape[1])
            if expected > _TOLERATED * (limit - begun) and expected > 0:
                continue
            answers = _unseen(make, features, targets, weights, folds, n_classes, limit)
            made.append(Baseline(name, answers, time.monotonic() - begun))
    return made


_TOLERATED = 2.0
"""How much longer than its time a first fold may be expected to take."""

_SECONDS: dict[str, Callable[[tuple[int, ...], int], float]] = {
    "constant": lambda shape, outputs: 0.0,
    "linear": lambda shape, outputs: 1e-7 * shape[0] * shape[1] * outputs,
    "gradient boosting": lambda shape, outputs: 1e-6 * shape[0] * shape[1] * outputs,
}
"""Of a fold, by rows and features, and outputs or classes; rough, of a usual core."""


def _models(n_classes: int | None, seed: int) -> list[tuple[str, Callable[[], Any]]]:
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )
    from sklearn.linear_model import LogisticRegression, Ridge

    if n_classes is None:
        return [
            ("constant", DummyRegressor),
            ("linear", lambda: Ridge(alpha=1.0)),
            (
                "gradient boosting",
                lambda: HistGradientBoostingRegressor(random_state=seed),
            ),
        ]
    return [
        ("constant", lambda: DummyClassifier(strategy="prior")),
        ("linear", lambda: LogisticRegression(max_iter=300)),
        (
            "gradient boosting",
            lambda: HistGradientBoostingClassifier(random_state=seed),
        ),
    ]


def _unseen(
    make: Callable[[], Any],
    features: Array,
    targets: Array,
    weights: Array,
    folds: Sequence[Fold],
    n_classes: int | None,
    limit: float,
) -> Array:
    n_outputs = targets.shape[1] if n_classes is None else n_classes
    answers = np.full((len(features), n_outputs), np.nan)
    longest = 0.0
    for i, fold in enumerate(fold for fold in folds if len(fold.valid)):
        begun = time.monotonic()
        if i and begun + longest > limit:
            break
        args = features[fold.train], weights[fold.train], features[fold.valid]
        with warnings.catch_warnings():
            # That a baseline has not converged is no concern of the user.
            warnings.simplefilter("ignore")
            if n_classes is None:
                for k in range(n_outputs):
                    answers[fold.valid, k] = _fitted(
                        make(), targets[fold.train, k], *args
                    )
            else:
                answers[fold.valid] = _shares(
                    make(), targets[fold.train], *args, n_classes=n_classes
                )
        longest = max(longest, time.monotonic() - begun)
    return answers


def _fitted(model: Any, y: Array, x: Array, w: Array, new: Array) -> Array:
    used = w > 0
    center = y[used].mean()  # of which single precision would leave nothing
    model.fit(x[used], y[used] - center, sample_weight=w[used])
    return np.asarray(model.predict(new) + center, np.float64)


def _shares(
    model: Any, y: Array, x: Array, w: Array, new: Array, *, n_classes: int
) -> Array:
    used = w > 0
    shares = np.full((len(new), n_classes), 1e-7)
    if len(np.unique(y[used])) < 2:
        shares[:, y[used][0]] = 1
        return shares
    model.fit(x[used], y[used], sample_weight=w[used])
    shares[:, model.classes_] = np.maximum(model.predict_proba(new), 1e-7)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
