"""The scikit-learn faces: fit a table, trust the score, take the model away."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from cerebros.errors import DataError
from cerebros.estimators._frames import history_frame, leaderboard_frame, trials_frame
from cerebros.estimators._metrics import metric_of
from cerebros.estimators._predictor import Predictor
from cerebros.estimators._request import FitSettings, Target
from cerebros.estimators._settings import PopulationSettings, check_space
from cerebros.estimators._table_rows import table_rows
from cerebros.estimators._validation import Folds, GroupFolds, Holdout, TimeFolds
from cerebros.estimators.guards import (
    Finding,
    check_table,
    doubt_findings,
    unread_findings,
    without_ignored,
)
from cerebros.estimators.table import (
    Columns,
    Doubt,
    EncodingSettings,
    ReadTable,
    TableSchema,
    as_array,
    has_names,
    infer_schema,
    kinds_of,
    raw_columns,
    rows_of,
    table_array,
)
from cerebros.programs import check_not_forked

if TYPE_CHECKING:
    from cerebros.estimators._conclusion import Fit

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]


class GuardWarning(UserWarning):
    """Something about a table makes scores or answers doubtful."""


class _Cerebros(BaseEstimator):  # type: ignore[misc]
    """What both estimators have in common."""

    _is_classification: bool

    def __init__(
        self,
        *,
        time_budget: float | None = 60.0,
        n_trials: int | None = None,
        space: Any = "random_wiring",
        metric: str | None = None,
        validation: Any = None,
        ensemble: bool = True,
        encoding: EncodingSettings | None = None,
        population: PopulationSettings | None = None,
        ignore: Collection[str] = (),
        random_state: Any = None,
        out: Any = None,
        verbose: int = 0,
    ) -> None:
        self.time_budget = time_budget
        self.n_trials = n_trials
        self.space = space
        self.metric = metric
        self.validation = validation
        self.ensemble = ensemble
        self.encoding = encoding
        self.population = population
        self.ignore = ignore
        self.random_state = random_state
        self.out = out
        self.verbose = verbose

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None
    ) -> Self:
        """Learn a table.

        When it is interrupted, what `out` keeps is kept, and nothing else.

        Args:
            X: a data frame of pandas or polars, or an array `(row, column)`. Missing
                values, text, booleans and dates are read as they are.
            y: the target, `(row,)`; for a regression also `(row, target)`.
            sample_weight: how much each row counts, `(row,)`.
            groups: of each row, for `validation=GroupFolds()`.

        Raises:
            DataError: if the table cannot be learned; all problems are listed.
            ValueError: if a parameter is out of range, or y does not fit X.
            StoreError: if `out` holds another fit.
        """
        begun = time.monotonic()
        check_not_forked("fit")
        from cerebros.estimators._fit import fit_table  # loads JAX

        settings = self._settings()
        read, schema, doubts = self._columns(X, y)
        columns = read.columns
        target = self._target(y)
        weights = _weights(sample_weight, rows_of(columns))
        target_weights = weights * self._class_weights(target)
        order, columns = self._taken_out(columns)
        target = replace(
            target,
            weights=target_weights,
            counts=weights,
            groups=order.get("groups", None if groups is None else np.asarray(groups)),
            order=order.get("order"),
        )
        _check_length(rows_of(columns), target, groups)
        settings.encoding.check_names(columns)
        reading = [*unread_findings(read.unread), *doubt_findings(doubts)]
        findings = self._guarded(columns, target, settings, reading)
        settings = _without_identifiers(settings, findings)
        rows = table_rows(
            columns,
            target,
            keeps_order=isinstance(settings.validation, TimeFolds),
            keeps_all=not _is_ours(settings.validation),
            kinds=dict(kinds_of(columns, settings.encoding)),
        )
        fit = fit_table(rows, settings, begun=begun, say=self._say)
        if fit.is_out_of_time:
            warnings.warn(
                f"the time budget of {self.time_budget} s ended before one trial was "
                "trained to its end; give it more time, or fewer epochs",
                GuardWarning,
                stacklevel=2,
            )
        self._remember(fit, rows.number)
        kept = schema.without([*filter(None, [self._group_column()])])
        self.predictor_ = replace(fit.predictor, schema=kept)
        self.findings_ = findings
        names = _target_names(y)
        self.target_name_ = names[0] if len(names) == 1 else None
        return self

    def predict(self, X: Any) -> Array:
        """Numbers or labels, one for each row.

        Raises:
            DataError: if the table is not like that of training.
            NotFittedError: before `fit`.
        """
        return self._predictor().predict(self._read(X))

    def drift(self, X: Any) -> list[Finding]:
        """In what rows differ from those of training: ranges, categories, missing.

        Raises:
            NotFittedError: before `fit`.
        """
        found = self._predictor().drift(self._read(X, is_warning=False))
        return without_ignored(found, self.ignore)

    def save(self, path: str | Path, extra: Mapping[str, Any] | None = None) -> None:
        """Write what prediction needs into one file, whole or not at all.

        `cerebros.estimators.load` reads it, with NumPy alone.

        Args:
            path: of the file.
            extra: plain values that are kept in it, too.

        Raises:
            NotFittedError: before `fit`.
            StoreError: if it cannot be written.
        """
        from cerebros.estimators._file import write_predictor

        check_is_fitted(self, "predictor_")
        write_predictor(path, self.predictor_, self._extra() | dict(extra or {}))

    def to_onnx(self, path: str | Path) -> None:
        """Write an ONNX file that reads raw rows, one input for each column.

        Raises:
            NotFittedError: before `fit`.
            DataError: if the package onnx is not there.
        """
        from cerebros.estimators.onnx_export import write_onnx

        check_is_fitted(self, "predictor_")
        write_onnx(path, self.predictor_)

    def to_keras(self) -> Any:
        """The network that counts most, of its first fold, as a Keras model.

        It reads encoded rows: `predictor_.encoding.transform`.

        Raises:
            NotFittedError: before `fit`.
        """
        from cerebros.estimators._keras_model import keras_model

        check_is_fitted(self, "predictor_")
        return keras_model(self.predictor_)

    def _settings(self) -> FitSettings:
        check_space(self.space)
        if self.time_budget is not None and not self.time_budget > 0:
            raise ValueError(
                f"time_budget must be positive, or None, but got {self.time_budget!r}"
            )
        if self.time_budget is None and self.n_trials is None:
            raise ValueError("time_budget and n_trials cannot both be None")
        n_trials = self.n_trials
        if n_trials is not None and not (
            isinstance(n_trials, (int, np.integer)) and n_trials >= 1
        ):
            raise ValueError(
                f"n_trials must be a whole number of at least 1, but got {n_trials!r}"
            )
        return FitSettings(
            is_classification=self._is_classification,
            time_budget=self.time_budget,
            n_trials=self.n_trials,
            space=self.space,
            metric=metric_of(self.metric, is_classification=self._is_classification),
            validation=_validation(self.validation),
            ensemble=self.ensemble,
            encoding=self.encoding or EncodingSettings(),
            population=self.population or PopulationSettings(),
            seed=_seed(self.random_state),
            out=None if self.out is None else Path(self.out),
        )

    def _columns(self, X: Any, y: Any) -> tuple[ReadTable, TableSchema, list[Doubt]]:
        """The columns, how they were read, and what could be read in two ways."""
        table = _checked(X)
        texts = (self.encoding or EncodingSettings()).texts
        # What is wrong with X and y is said by scikit-learn first.
        validate_data(self, table, y, skip_check_array=True)
        schema, doubts = infer_schema(table, texts=texts)
        name = self._group_column()
        if name is not None and name in schema.columns:
            self._place_of_groups = list(schema.columns).index(name)
            rest = _without_column(table, name, self._place_of_groups)
            validate_data(self, rest, skip_check_array=True)
        return schema.read(table), schema, doubts

    def _group_column(self) -> str | None:
        """The column that says which rows belong together; it is not learned from."""
        validation = self.validation
        return validation.column if isinstance(validation, GroupFolds) else None

    def _taken_out(self, columns: Columns) -> tuple[dict[str, Array], Columns]:
        """Columns that say how rows are split; groups are not learned from."""
        validation = self.validation
        name = getattr(validation, "column", None)
        if name is None or not isinstance(validation, (GroupFolds, TimeFolds)):
            return {}, columns
        if name not in columns:
            raise DataError(
                f"validation names the column {name!r}, but the table has "
                f"{', '.join(map(repr, list(columns)[:10]))}"
            )
        if isinstance(validation, TimeFolds):
            return {"order": columns[name]}, columns
        rest = {key: values for key, values in columns.items() if key != name}
        return {"groups": columns[name]}, rest

    def _guarded(
        self,
        columns: Columns,
        target: Target,
        settings: FitSettings,
        reading: Sequence[Finding],
    ) -> list[Finding]:
        counts = target.weights > 0
        values = target.values[counts]
        found = check_table(
            {name: own[counts] for name, own in columns.items()},
            values if values.ndim == 1 else _one_or_two(values),
            is_classification=self._is_classification,
            n_folds=5,
            is_random_split=settings.validation is None
            or isinstance(settings.validation, (Folds, Holdout)),
            groups=None if target.groups is None else target.groups[counts],
            order=getattr(self.validation, "column", None),
            ignore=self.ignore,
            seed=settings.seed,
        )
        found += without_ignored(reading, self.ignore)
        for finding in found:
            if finding.is_grave:
                warnings.warn(str(finding), GuardWarning, stacklevel=3)
            self._say(str(finding))
        return found

    def _say(self, text: str) -> None:
        logger.info("%s", text)
        if self.verbose:
            print(text)

    def _remember(self, fit: Fit, row_numbers: Array) -> None:
        self.predictor_ = fit.predictor
        self.score_report_ = fit.report
        self.leaderboard_ = leaderboard_frame(fit)
        self.trials_ = trials_frame(fit)
        self.history_ = history_frame(fit)
        self.best_plan_ = max(fit.predictor.networks, key=lambda own: own.share).plan
        self.recipe_ = fit.recipe
        oof = np.where((row_numbers >= 0)[:, None], fit.oof[row_numbers], np.nan)
        self.oof_predictions_ = oof
        self.fit_seconds_ = fit.seconds
        if fit.predictor.classes is not None:
            self.classes_ = fit.predictor.classes

    def _predictor(self) -> Predictor:
        check_is_fitted(self, "predictor_")
        return self.predictor_

    def _read(self, X: Any, *, is_warning: bool = True) -> ReadTable:
        """Rows as the predictor takes them; names are checked by scikit-learn."""
        predictor = self._predictor()
        table = _checked(X)
        name = self._group_column()
        if name is not None:
            table = self._without_groups(table, name)
        validate_data(self, table, reset=False, skip_check_array=True)
        named, _ = predictor.schema.renamed(*raw_columns(table))
        with warnings.catch_warnings():
            if not is_warning:
                warnings.simplefilter("ignore", UserWarning)
            return predictor.read(named)

    def _without_groups(self, table: Any, name: str) -> Any:
        """Rows without the column that said which rows belong together, if there."""
        place = getattr(self, "_place_of_groups", None)
        has_names = hasattr(table, "columns")
        is_there = has_names and name in map(str, table.columns)
        is_wider = not has_names and table.shape[1] == self.n_features_in_ + 1
        if place is None or not (is_there or is_wider):
            return table
        return _without_column(table, name, place)

    def _extra(self) -> dict[str, Any]:
        return {
            "report": [_plain(row) for row in self.score_report_.rows()],
            "metric": self.score_report_.metric,
            "is_better_low": self.score_report_.is_better_low,
            "n_features": int(self.n_features_in_),
            "target": self.target_name_,
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _target(self, y: Any) -> Target:
        raise NotImplementedError

    def _class_weights(self, target: Target) -> Array | float:
        return 1.0


class CerebrosRegressor(RegressorMixin, _Cerebros):  # type: ignore[misc]
    """Predict numbers from a table by an ensemble of differently wired networks.

    Args:
        time_budget: seconds for everything that `fit` does; None for no limit.
        n_trials: networks that are drawn, each trained once for every fold; None for
            as many as fit the time.
        space: `"random_wiring"`, `"residual_mlp"`, `"mlp"`, `"mixed"`, or a
            `WideWiring` or `WideMLP`.
        metric: `"rmse"`, `"mse"`, `"mae"` or `"r2"`; by `"mae"` the ensemble is chosen
            by absolute errors, by the others by squared ones.
        validation: None, a number of folds, `Folds`, `Holdout`, `GroupFolds`,
            `TimeFolds`, or a splitter of scikit-learn.
        ensemble: False to answer with the best single trial.
        encoding: how the table becomes arrays; None for what is usual.
        population: how networks are trained; None for what is usual.
        ignore: rules of the guards that are not looked at, `"rule"` or
            `"rule:column"`.
        random_state: a number decides everything that is drawn; None is 0.
        out: folder where trials are kept, so that a fit that was killed goes on.
        verbose: 1 to print what happens.

    Attributes:
        leaderboard_: a data frame: the whole, its trials, and baselines.
        trials_: a data frame: every trial that was begun, with its status.
        history_: a data frame: every checkpoint of every trial.
        best_plan_: the network that counts most.
        score_report_: what to expect of new rows.
        findings_: what the guards found.
        oof_predictions_: out-of-fold: for each row of training the answer of networks
            for which it was used neither for training nor for selection, `(row,
            output)` or `(row, class)`; NaN where there is none.
        predictor_: what `save` writes.
        target_name_: of the column that is predicted, if it has a name.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> model = CerebrosRegressor(time_budget=None, n_trials=2,
        ...     population=PopulationSettings(epochs=8, folds=2))
        >>> model.fit(X, y).predict(X[:3]).shape
        (3,)
    """

    _is_classification = False

    def predict_interval(self, X: Any, alpha: float = 0.1) -> Array:
        """Where the target lies with probability `1 - alpha`; see `Predictor`.

        Returns:
            `(row, 2)`, low and high; `(row, 2, target)` for several targets.
        """
        return self._predictor().predict_interval(self._read(X), alpha)

    def _target(self, y: Any) -> Target:
        names = _target_names(y)
        values = check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )
        is_flat = values.ndim == 1
        table = values[:, None] if is_flat else values
        return Target(
            values=table,
            classes=None,
            names=names or tuple(f"y{i}" for i in range(table.shape[1])),
            is_flat=is_flat,
            weights=np.ones(len(table)),
            counts=np.ones(len(table)),
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class CerebrosClassifier(ClassifierMixin, _Cerebros):  # type: ignore[misc]
    """Tell classes of a table apart by an ensemble of differently wired networks.

    Args:
        time_budget: seconds for everything that `fit` does; None for no limit.
        n_trials: networks that are drawn, each trained once for every fold; None for
            as many as fit the time.
        space: `"random_wiring"`, `"residual_mlp"`, `"mlp"`, `"mixed"`, or a
            `WideWiring` or `WideMLP`.
        metric: `"log_loss"`, `"brier"`, `"accuracy"`, `"balanced_accuracy"`, `"f1"` or
            `"roc_auc"`. The ensemble is always chosen by the log loss; for
            `"balanced_accuracy"` and `"f1"` of two classes the threshold is, too.
        class_weight: `"balanced"`, a dictionary, or None; how much rows of a class
            count.
        validation: None, a number of folds, `Folds`, `Holdout`, `GroupFolds`,
            `TimeFolds`, or a splitter of scikit-learn.
        ensemble: False to answer with the best single trial.
        encoding: how the table becomes arrays; None for what is usual.
        population: how networks are trained; None for what is usual.
        ignore: rules of the guards that are not looked at, `"rule"` or
            `"rule:column"`.
        random_state: a number decides everything that is drawn; None is 0.
        out: folder where trials are kept, so that a fit that was killed goes on.
        verbose: 1 to print what happens.

    Attributes:
        classes_: the labels, in the order of probabilities.
        leaderboard_: a data frame: the whole, its trials, and baselines.
        trials_: a data frame: every trial that was begun, with its status.
        history_: a data frame: every checkpoint of every trial.
        best_plan_: the network that counts most.
        score_report_: what to expect of new rows.
        findings_: what the guards found.
        oof_predictions_: out-of-fold: for each row of training the answer of networks
            for which it was used neither for training nor for selection, `(row,
            output)` or `(row, class)`; NaN where there is none.
        predictor_: what `save` writes.
        target_name_: of the column that is predicted, if it has a name.
    """

    _is_classification = True

    def __init__(
        self,
        *,
        time_budget: float | None = 60.0,
        n_trials: int | None = None,
        space: Any = "random_wiring",
        metric: str | None = None,
        class_weight: Any = None,
        validation: Any = None,
        ensemble: bool = True,
        encoding: EncodingSettings | None = None,
        population: PopulationSettings | None = None,
        ignore: Collection[str] = (),
        random_state: Any = None,
        out: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            time_budget=time_budget,
            n_trials=n_trials,
            space=space,
            metric=metric,
            validation=validation,
            ensemble=ensemble,
            encoding=encoding,
            population=population,
            ignore=ignore,
            random_state=random_state,
            out=out,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def predict_proba(self, X: Any) -> Array:
        """Probabilities, `(row, class)`, in the order of `classes_`."""
        return self._predictor().predict_proba(self._read(X))

    def _target(self, y: Any) -> Target:
        labels = column_or_1d(y, warn=True)
        _check_labels(labels)
        if labels.dtype.kind in "mM":
            raise DataError("y holds dates; labels are text, numbers or booleans")
        labels = _of_one_type(labels)
        check_classification_targets(labels)
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise DataError(
                f"y has one class only ({classes[0]!r}), but at least two classes are "
                "needed"
            )
        return Target(
            values=numbers.astype(np.int64),
            classes=classes,
            names=(),
            is_flat=True,
            weights=np.ones(len(numbers)),
            counts=np.ones(len(numbers)),
        )

    def _class_weights(self, target: Target) -> Array | float:
        from sklearn.utils.class_weight import compute_class_weight

        if self.class_weight is None:
            return 1.0
        assert target.classes is not None
        each = compute_class_weight(
            self.class_weight, classes=target.classes, y=target.classes[target.values]
        )
        return np.asarray(each[target.values])


def _checked(X: Any) -> Any:
    """Arrays as they may be; data frames as they are, and other named tables as one."""
    if has_names(X):
        return _checked(_framed(X))
    if hasattr(X, "columns"):
        if X.shape[1] == 0 or X.shape[0] == 0:
            what, n = ("feature", 0) if X.shape[1] == 0 else ("sample", 0)
            raise DataError(
                f"Found array with {n} {what}(s) (shape={tuple(X.shape)}) while a "
                "minimum of 1 is required."
            )
        return X
    rows = table_array(X) if isinstance(X, (list, tuple)) else X
    checked = check_array(rows, dtype=None, ensure_all_finite=False)
    if checked.dtype.kind in "fc" and np.isinf(checked).any():
        raise DataError(
            f"Input X contains infinity: {int(np.isinf(checked).sum())} values are "
            "infinite; replace them, or mark them as missing (NaN)"
        )
    return checked


def _framed(X: Any) -> pd.DataFrame:
    """Dictionaries, tables of Arrow and lazy frames as a data frame."""
    raw, _ = raw_columns(X)
    return pd.DataFrame(
        {
            name: values
            if isinstance(values, pd.api.extensions.ExtensionArray)
            else as_array(values)
            for name, values in raw.items()
        }
    )


def _without_column(table: Any, name: str, place: int) -> Any:
    if hasattr(table, "iloc"):
        return table.loc[:, [str(column) != name for column in table.columns]]
    if hasattr(table, "columns"):
        return table.drop(name)
    return np.delete(table, place, axis=1)


def _without_identifiers(
    settings: FitSettings, findings: Sequence[Finding]
) -> FitSettings:
    """Settings by which columns that name the rows are left out."""
    names = [f.column for f in findings if f.is_left_out and f.column is not None]
    identifiers = tuple(dict.fromkeys([*settings.encoding.identifiers, *names]))
    encoding = replace(settings.encoding, identifiers=identifiers)
    return replace(settings, encoding=encoding)


def _check_labels(labels: Array) -> None:
    missing = pd.isna(labels)
    if missing.any():
        raise DataError(
            f"Input y contains NaN: {int(missing.sum())} of {len(labels)} labels are "
            "missing; leave these rows out"
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise DataError("Input y contains infinity")


def _of_one_type(labels: Array) -> Array:
    """Objects that are all numbers or all booleans in an array of these."""
    if labels.dtype != object or any(isinstance(label, str) for label in labels):
        return labels
    made = np.array(labels.tolist())
    return made if made.dtype.kind in "biuf" and made.ndim == 1 else labels


def _check_length(n_rows: int, target: Target, groups: Any) -> None:
    if len(target.values) != n_rows:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{n_rows} rows, and y has {len(target.values)}"
        )
    if groups is not None and len(groups) != n_rows:
        raise ValueError(f"groups has {len(groups)} entries, but X has {n_rows} rows")


def _weights(sample_weight: Any, n_rows: int) -> Array:
    if sample_weight is None:
        return np.ones(n_rows)
    weights = _check_sample_weight(
        sample_weight, np.zeros((n_rows, 1)), ensure_non_negative=True
    )
    weights = np.asarray(weights, np.float64)
    most = weights.max(initial=0)
    if not most > 0:
        raise DataError("all rows have the weight 0; at least one must count")
    # Sums and squares of others would overflow, or vanish.
    return weights if _LIGHT < most < 1 / _LIGHT else weights / most


_LIGHT = 1e-30


def _is_ours(validation: Any) -> bool:
    """Whether it splits rows by what they hold; splitters do it by their numbers."""
    ours = Folds, Holdout, GroupFolds, TimeFolds
    return validation is None or isinstance(validation, ours)


def _one_or_two(values: Array) -> Array:
    return values[:, 0] if values.shape[1] == 1 else values


def _validation(validation: Any) -> Any:
    if validation is None:
        return None
    if isinstance(validation, bool):
        raise ValueError(f"validation cannot be {validation!r}")
    if isinstance(validation, (int, np.integer)):
        return Folds(n=int(validation))
    return validation


def _seed(random_state: Any) -> int:
    if random_state is None:
        return 0
    if isinstance(random_state, (int, np.integer)):
        return int(random_state) % 2**31
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    return int(check_random_state(random_state).randint(2**31 - 1))


def _target_names(y: Any) -> tuple[str, ...]:
    if hasattr(y, "columns"):
        return tuple(map(str, y.columns))
    name = getattr(y, "name", None)
    return (str(name),) if name is not None else ()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Numbers that JSON knows."""
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in row.items()
    }
