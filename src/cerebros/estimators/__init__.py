"""Estimators for tables: fit, trust the score, take the model away.

`load` and what it gives need NumPy and safetensors alone; the estimators load
scikit-learn and pandas when they are first used, and JAX when they are fitted.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cerebros.estimators._estimator import CerebrosClassifier as CerebrosClassifier
    from cerebros.estimators._estimator import CerebrosRegressor as CerebrosRegressor
    from cerebros.estimators._estimator import GuardWarning as GuardWarning
    from cerebros.estimators._file import load as load
    from cerebros.estimators._file import read_predictor as read_predictor
    from cerebros.estimators._file import write_predictor as write_predictor
    from cerebros.estimators._keras_model import keras_model as keras_model
    from cerebros.estimators._metrics import metric_of as metric_of
    from cerebros.estimators._predictor import Predictor as Predictor
    from cerebros.estimators._score_report import ScoreReport as ScoreReport
    from cerebros.estimators._settings import PopulationSettings as PopulationSettings
    from cerebros.estimators._validation import Folds as Folds
    from cerebros.estimators._validation import GroupFolds as GroupFolds
    from cerebros.estimators._validation import Holdout as Holdout
    from cerebros.estimators._validation import TimeFolds as TimeFolds
    from cerebros.estimators.table import EncodingSettings as EncodingSettings

_HOMES = {
    "CerebrosClassifier": "_estimator",
    "CerebrosRegressor": "_estimator",
    "EncodingSettings": "table",
    "Folds": "_validation",
    "GroupFolds": "_validation",
    "GuardWarning": "_estimator",
    "Holdout": "_validation",
    "PopulationSettings": "_settings",
    "Predictor": "_predictor",
    "ScoreReport": "_score_report",
    "TimeFolds": "_validation",
    "keras_model": "_keras_model",
    "load": "_file",
    "metric_of": "_metrics",
    "read_predictor": "_file",
    "write_predictor": "_file",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
