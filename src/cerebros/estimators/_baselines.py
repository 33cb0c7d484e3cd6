"""What simple and usual models reach on the same folds."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from cerebros.estimators._validation import Fold
from cerebros.estimators.table import Columns, as_days

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Baseline:
    """Out-of-fold answers of a model.

    Attributes:
        name: of the model.
        answers: `(row, output)` or `(row, class)`, NaN for rows that no fold judges;
            None if it was left out.
        seconds: that it took.
        why: it was left out; empty if it was not.
    """

    name: str
    answers: Array | None
    seconds: float
    why: str = ""


@dataclass(frozen=True, eq=False)
class TreeInputs:
    """Columns as trees read them: not scaled, missing is NaN, categories are numbers.

    Attributes:
        values: `(row, column)`.
        is_category: of each column, whether its numbers have no order.
    """

    values: Array
    is_category: Array

    @classmethod
    def of(cls, columns: Columns) -> TreeInputs:
        """Of each column of text the most frequent categories, and one for the rest."""
        each = [_tree_column(values) for values in columns.values()]
        is_text = [values.dtype.kind == "O" for values in columns.values()]
        return cls(np.stack(each, axis=1), np.array(is_text))


def _tree_column(values: Array) -> Array:
    if values.dtype.kind == "M":
        return as_days(values)
    if values.dtype.kind != "O":
        return np.asarray(values, np.float64)
    counts = Counter(value for value in values if value is not None)
    frequent = [text for text, _ in counts.most_common(_MOST_CATEGORIES)]
    codes = {text: float(code) for code, text in enumerate(frequent)}
    codes[None] = np.nan
    return np.array([codes.get(v, float(len(frequent))) for v in values], np.float64)


def baselines(
    features: Callable[[int], Array],
    trees: TreeInputs,
    targets: Array,
    weights: Array,
    folds: Sequence[Fold],
    *,
    n_classes: int | None,
    seconds: float,
    seed: int,
    on_baseline: Callable[[Baseline], None] = lambda _: None,
) -> list[Baseline]:
    """The constant answer, a linear model, and histogram gradient boosting.

    The linear model has a third of the time, and boosting what is left. Each answers
    for all folds, or is left out: at once if it is expected to take far too long, or as
    soon as the folds that are done say so.

    Args:
        features: for the number of a fold, what it knows: `(row, feature)`, numbers
            without missing ones.
        trees: what boosting reads instead.
        targets: `(row, output)`, or class numbers `(row,)`.
        weights: `(row,)`.
        folds: those of the networks.
        n_classes: None for a regression.
        seconds: for all of them, about.
        seed: of models that draw.
        on_baseline: called with each when it is ready or left out.
    """
    judging = [number for number, fold in enumerate(folds) if len(fold.valid)]
    n_outputs = targets.shape[1] if n_classes is None else n_classes
    n_models = 1 if n_classes == 2 else n_outputs
    made: list[Baseline] = []
    models = _models(n_classes, trees, seed)  # loads them, which is nobody's time
    end = time.monotonic() + seconds
    # One thread: the cores belong to the networks.
    with threadpool_limits(1):
        for name, make in models:
            of_fold = (
                features if name != "gradient boosting" else lambda _: trees.values
            )
            n_rows, n_features = of_fold(0).shape
            left = max(0.0, end - time.monotonic())
            own = _out_of_fold(
                name,
                (
                    _answered(make, of_fold(k), targets, weights, folds[k], n_classes)
                    for k in judging
                ),
                n_folds=len(judging),
                shape=(n_rows, n_outputs),
                expected=len(judging) * _SECONDS[name](n_rows, n_features, n_models),
                seconds={"constant": np.inf, "linear": left / 3}.get(name, left),
            )
            made.append(own)
            on_baseline(own)
    return made


def _out_of_fold(
    name: str,
    answered: Iterator[tuple[Fold, Array]],
    *,
    n_folds: int,
    shape: tuple[int, int],
    expected: float,
    seconds: float,
) -> Baseline:
    """The answers of all folds, or none and why."""
    begun, took = time.monotonic(), 0.0
    if not expected > _TOLERATED * seconds:
        answers = np.full(shape, np.nan)
        for n_done, (fold, own) in enumerate(answered, 1):
            answers[fold.valid] = own
            took = time.monotonic() - begun
            expected = took / n_done * n_folds
            if n_done == n_folds:
                return Baseline(name, answers, took)
            if expected > _GRACE * seconds:
                break
    return Baseline(
        name,
        None,
        took,
        f"all {n_folds} folds would take about {expected:.2g} s, but it has "
        f"{seconds:.2g} s of the time",
    )


_TOLERATED = 2.0
"""How much longer than its time a model may be expected to take before it begins."""

_GRACE = 1.25
"""How much longer it may take by what its first folds took."""

_SECONDS: dict[str, Callable[[int, int, int], float]] = {
    "constant": lambda rows, features, models: 0.0,
    "linear": lambda rows, features, models: 1e-7 * rows * features * models,
    "gradient boosting": lambda rows, features, models: (
        (7e-3 + 5e-7 * rows) * features * models
    ),
}
"""Of a fold, by rows, features and models; rough, of a usual core."""


_MOST_CATEGORIES = 100  # of boosting, which knows 255 values of a column


def _models(
    n_classes: int | None, trees: TreeInputs, seed: int
) -> list[tuple[str, Callable[[], Any]]]:
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
                lambda: HistGradientBoostingRegressor(
                    categorical_features=trees.is_category, random_state=seed
                ),
            ),
        ]
    return [
        ("constant", lambda: DummyClassifier(strategy="prior")),
        ("linear", lambda: LogisticRegression(max_iter=300)),
        (
            "gradient boosting",
            lambda: HistGradientBoostingClassifier(
                categorical_features=trees.is_category, random_state=seed
            ),
        ),
    ]


def _answered(
    make: Callable[[], Any],
    features: Array,
    targets: Array,
    weights: Array,
    fold: Fold,
    n_classes: int | None,
) -> tuple[Fold, Array]:
    """A fold, and the answers for its rows."""
    args = features[fold.train], weights[fold.train], features[fold.valid]
    with warnings.catch_warnings():
        # That a baseline has not converged is no concern of the user.
        warnings.simplefilter("ignore")
        if n_classes is None:
            columns = targets[fold.train].T
            own = np.stack([_fitted(make(), y, *args) for y in columns], axis=1)
        else:
            y = targets[fold.train]
            own = _shares(make(), y, *args, n_classes=n_classes)
    return fold, own


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
