"""Weights act as weights, and duplicates do no harm: whole fits on made-up tables."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from cerebros.estimators import (
    CerebrosClassifier,
    CerebrosRegressor,
    PopulationSettings,
)
from cerebros.estimators._fold_tables import entries_of
from cerebros.spaces import WideWiring

SMALL = WideWiring(levels=(1, 1), neurons=16)
QUICK = PopulationSettings(epochs=30, folds=3, checkpoints=6)


def classifier(**settings):
    given = {"time_budget": None, "n_trials": 2, "population": QUICK, "space": SMALL}
    return CerebrosClassifier(**given | settings, ignore=("duplicate-rows",))


def regressor(**settings):
    given = {"time_budget": None, "n_trials": 2, "population": QUICK, "space": SMALL}
    return CerebrosRegressor(**given | settings, ignore=("duplicate-rows",))


def test_rare_heavy_rows_count_as_much_as_they_weigh():
    rng = np.random.default_rng(0)
    n = 1500
    side = rng.integers(0, 2, n).astype(float)  # which tells nothing
    is_heavy = rng.random(n) < 0.01
    labels = np.where(is_heavy, 1, rng.random(n) < 0.2).astype(int)
    weights = np.where(is_heavy, 200.0, 1.0)
    model = classifier().fit(side[:, None], labels, sample_weight=weights)
    for value in (0.0, 1.0):
        of_side = side == value
        right = np.average(labels[of_side], weights=weights[of_side])
        found = model.predict_proba([[value]])[0, 1]
        assert found == pytest.approx(right, abs=0.06)


def test_a_weighted_mean_of_numbers_is_answered():
    rng = np.random.default_rng(1)
    side = rng.integers(0, 2, 1500).astype(float)
    is_heavy = rng.random(1500) < 0.02
    y = np.where(is_heavy, 10.0, 0.0) + side + rng.normal(0, 0.5, 1500)
    weights = np.where(is_heavy, 60.3, 1.0)
    model = regressor().fit(side[:, None], y, sample_weight=weights)
    for value in (0.0, 1.0):
        right = np.average(y[side == value], weights=weights[side == value])
        assert model.predict([[value]])[0] == pytest.approx(right, abs=0.6)


@pytest.fixture(scope="module")
def problem():
    """Rows of a rare class, new rows, and what a constant answer reaches."""
    rng = np.random.default_rng(2)

    def rows(n):
        x = np.round(rng.normal(size=(n, 4)), 3)
        logit = 2 * x[:, 0] + x[:, 1] - 3.5
        return x, (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)

    (x, y), (new_x, new_y) = rows(2500), rows(4000)
    constant = log_loss(new_y, np.full(len(new_y), y.mean()))
    return x, y, new_x, new_y, constant


@pytest.mark.parametrize("how", ["copies", "heavy row", "heavy rows", "halves"])
def test_duplicates_and_weights_give_the_losses_of_a_table_without(problem, how):
    x, y, new_x, new_y, constant = problem
    often = np.flatnonzero(y == 0)[0]
    weights = None
    rows, labels = x, y
    if how == "copies":  # one row 1,200 times
        chosen = np.concatenate([np.arange(len(x)), np.full(1200, often)])
        rows, labels = x[chosen], y[chosen]
    elif how == "heavy row":
        weights = np.where(np.arange(len(x)) == often, 1200.5, 1.0)
    elif how == "heavy rows":
        weights = np.random.default_rng(3).lognormal(0, 0.7, len(x))
    else:
        weights = np.full(len(x), 0.5)
    plain = classifier().fit(x, y)
    model = classifier().fit(rows, labels, sample_weight=weights)
    expected = log_loss(new_y, plain.predict_proba(new_x)[:, 1])
    found = log_loss(new_y, model.predict_proba(new_x)[:, 1])
    assert expected < 0.8 * constant
    assert found < expected + 0.1 * (constant - expected)
    scores = model.trials_["score"].to_numpy()
    assert (scores < 0.9 * constant).all()  # no trial was made unstable


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_only_the_proportions_of_weights_count(problem, size):
    x, y, *_ = problem
    weights = np.where(np.arange(300) % 2, 1.5, 0.5)
    one = classifier(n_trials=1).fit(x[:300], y[:300], sample_weight=weights)
    other = classifier(n_trials=1).fit(x[:300], y[:300], sample_weight=size * weights)
    np.testing.assert_allclose(
        one.predict_proba(x), other.predict_proba(x), rtol=0, atol=1e-4
    )
    assert len(other.score_report_.baselines) == 3


def test_light_rows_are_gone_through_however_heavy_another_is():
    weights = np.ones(300)
    weights[7] = 1e12
    entries = entries_of(weights, np.arange(300))
    assert set(entries) == set(range(300))
    assert (entries == 7).sum() == 150


def test_copies_on_both_sides_of_a_fold_do_not_flatter():
    rng = np.random.default_rng(4)
    x, noise = rng.normal(size=(150, 4)), rng.normal(size=150)
    model = regressor(metric="r2").fit(np.tile(x, (4, 1)), np.tile(noise, 4))
    assert model.score_report_.model.score < 0.05
