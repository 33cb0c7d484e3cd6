"""Features that know targets, in whole fits."""

import warnings

import numpy as np
import pandas as pd

from cerebros.estimators import CerebrosRegressor, PopulationSettings


def fitted(table, target):
    settings = PopulationSettings(epochs=8, folds=2)
    model = CerebrosRegressor(time_budget=None, n_trials=1, population=settings)
    with warnings.catch_warnings():  # of guards
        warnings.simplefilter("ignore")
        return model.fit(table, target)


def levels(rng, n_levels, n_rows=1500):
    codes = rng.integers(n_levels, size=n_rows)
    return codes, pd.DataFrame({"place": [f"p{code}" for code in codes]})


def test_many_categories_are_learned():
    rng = np.random.default_rng(0)
    codes, table = levels(rng, 150)
    target = rng.normal(size=150)[codes] + 0.3 * rng.normal(size=1500)
    model = fitted(table[:1000], target[:1000])
    rest = target[1000:] - model.predict(table[1000:])
    assert (rest**2).mean() < 0.4 * target.var()


def test_noise_is_not_learned():
    rng = np.random.default_rng(0)
    _, table = levels(rng, 500)
    target = rng.normal(size=1500)
    report = fitted(table, target).score_report_
    constant = next(own for own in report.baselines if own.name == "constant")
    assert report.model.score > 0.98 * constant.score
