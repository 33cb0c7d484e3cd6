"""Every check that scikit-learn has for estimators, with no expected failures."""

import warnings

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from cerebros.estimators import (
    CerebrosClassifier,
    CerebrosRegressor,
    PopulationSettings,
)

QUICK = PopulationSettings(epochs=24, folds=2, checkpoints=4)


@pytest.fixture(autouse=True)
def quiet_guards():
    with warnings.catch_warnings():
        # The checks' tables are made up, and some hold their target.
        warnings.simplefilter("ignore")
        yield


@parametrize_with_checks(
    [
        CerebrosRegressor(time_budget=None, n_trials=1, population=QUICK),
        CerebrosClassifier(time_budget=None, n_trials=1, population=QUICK),
    ]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
