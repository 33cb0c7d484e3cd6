from dataclasses import asdict

import numpy as np
import pytest

from cerebros.estimators._certainty import certainty_of_classes, certainty_of_numbers
from cerebros.estimators._metrics import metric_of
from cerebros.estimators._predictor import Certainty, calibrated


def metric(name=None):
    return metric_of(name, is_classification=True)


def is_usual(certainty):
    return asdict(certainty) == asdict(Certainty())


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture(params=[2, 3])
def calibrated_rows(request, rng):
    shares = rng.dirichlet(np.ones(request.param), 2000)
    targets = (shares.cumsum(axis=1) > rng.random((2000, 1))).argmax(axis=1)
    return shares, targets


def test_calibrated_probabilities_are_left_alone(calibrated_rows):
    shares, targets = calibrated_rows
    found = certainty_of_classes(shares, targets, np.ones(2000), metric())
    assert is_usual(found)


@pytest.mark.parametrize("sharper", [1.6, 0.7])
def test_probabilities_that_are_too_sure_or_not_sure_enough(calibrated_rows, sharper):
    shares, targets = calibrated_rows
    powers = shares**sharper
    wrong = powers / powers.sum(axis=1, keepdims=True)
    found = certainty_of_classes(wrong, targets, np.ones(2000), metric()).temperature
    assert found == pytest.approx(sharper, rel=0.15)
    loss = metric()
    before = loss(targets, wrong, np.ones(2000))
    assert loss(targets, calibrated(wrong, found), np.ones(2000)) < before


def test_rows_that_weigh_nothing_do_not_calibrate(calibrated_rows):
    shares, targets = calibrated_rows
    weights = np.ones(2000)
    weights[:500] = 0
    upset = np.where(np.arange(2000) < 500, (targets + 1) % shares.shape[1], targets)
    assert certainty_of_classes(shares, upset, weights, metric()).temperature == 1
    assert is_usual(certainty_of_classes(shares, upset, np.zeros(2000), metric()))


def test_heavy_rows_decide_the_temperature(rng):
    shares = rng.dirichlet(np.ones(2), 4000)
    targets = (shares.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    is_heavy = np.arange(4000) < 2000
    powers = shares ** np.where(is_heavy, 1.6, 1.0)[:, None]
    wrong = powers / powers.sum(axis=1, keepdims=True)
    weights = np.where(is_heavy, 50.0, 1.0)
    found = certainty_of_classes(wrong, targets, weights, metric()).temperature
    assert found == pytest.approx(1.6, rel=0.15)


def test_few_rows_decide_nothing(rng):
    shares = np.tile([0.999, 0.001], (49, 1))
    found = certainty_of_classes(shares, np.ones(49, int), np.ones(49), metric("f1"))
    assert is_usual(found)


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy"])
def test_a_threshold_improves_the_metric_on_rows_not_seen(name, rng):
    x = rng.normal(size=4000)
    chance = 1 / (1 + np.exp(-(1.5 * x - 2.5)))
    targets = (rng.random(4000) < chance).astype(int)
    shares = np.c_[1 - chance, chance]
    own, half = metric(name), np.ones(2000)
    found = certainty_of_classes(shares[:2000], targets[:2000], half, own).threshold
    assert found < 0.45

    def score(threshold):
        chosen = (chance[2000:] >= threshold).astype(float)
        return own(targets[2000:], np.c_[1 - chosen, chosen], half)

    assert score(found) > score(0.5) + 0.02


@pytest.mark.parametrize("name", ["log_loss", "brier", "accuracy", "roc_auc"])
def test_other_metrics_keep_the_threshold(name, rng):
    targets = (rng.random(500) < 0.1).astype(int)
    shares = np.tile([0.9, 0.1], (500, 1))
    found = certainty_of_classes(shares, targets, np.ones(500), metric(name))
    assert found.threshold == 0.5


def limits(certainty, alpha):
    """The quantile that `Predictor.predict_interval` takes."""
    n = len(certainty.scores)
    place = min(int(np.ceil((1 - alpha) * (n + 1))), n) - 1
    return certainty.scores[place]


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("n_rows", [400, 5000])
def test_intervals_cover_their_share_of_new_rows(alpha, n_rows, rng):
    n = n_rows + 5000
    spread = rng.uniform(0.1, 2, (n, 2))
    answers = rng.normal(size=(n, 2))
    targets = answers + spread * rng.standard_t(4, (n, 2)) * [1, 100]
    known = slice(n_rows)
    found = certainty_of_numbers(
        answers[known], spread[known], targets[known], np.ones(n_rows)
    )
    assert len(found.scores) <= 2000
    assert (np.diff(found.scores, axis=0) >= 0).all()
    reach = limits(found, alpha) * (spread + found.floor)
    covered = (np.abs(targets - answers) <= reach)[n_rows:].mean(axis=0)
    np.testing.assert_allclose(covered, 1 - alpha, atol=0.02 + 1 / n_rows**0.5)


def test_intervals_cover_their_share_of_the_weight():
    """Heavy rows are three times as noisy as the many light ones."""

    def drawn(seed):
        rng = np.random.default_rng(seed)
        is_heavy = rng.random(5000) < 0.1
        noise = rng.normal(size=(5000, 1)) * np.where(is_heavy, 3.0, 1.0)[:, None]
        return noise, np.where(is_heavy, 20.0, 1.0)

    targets, weights = drawn(0)
    answers, spread = np.zeros((5000, 1)), np.ones((5000, 1))
    found = certainty_of_numbers(answers, spread, targets, weights)
    new, of_new = drawn(1)
    for reach in (limits(found, 0.1) * (1 + found.floor), found.distances):
        at = reach if len(reach) == 1 else reach[int(np.ceil(0.9 * len(reach))) - 1]
        is_inside = (np.abs(new) <= at)[:, 0]
        assert np.average(is_inside, weights=of_new) == pytest.approx(0.9, abs=0.02)


def test_equal_weights_keep_every_score(rng):
    off = rng.normal(size=(300, 2))
    zeros = np.zeros((300, 2))
    found = certainty_of_numbers(zeros, zeros, off, np.full(300, 7.0))
    np.testing.assert_allclose(found.distances, np.sort(np.abs(off), axis=0))


def test_a_weight_of_two_is_a_row_that_occurs_twice(rng):
    off, weights = rng.normal(size=(5000, 1)), rng.integers(0, 3, 5000)
    zeros = np.zeros((5000, 1))
    one = certainty_of_numbers(zeros, zeros, off, weights.astype(float))
    twice = np.repeat(off, weights, axis=0)
    none = np.zeros_like(twice)
    other = certainty_of_numbers(none, none, twice, np.ones(len(twice)))
    np.testing.assert_array_equal(one.distances, other.distances)
    np.testing.assert_array_equal(one.floor, other.floor)


def test_rows_that_weigh_nothing_widen_no_interval(rng):
    off = rng.normal(size=(200, 1))
    weights = np.where(np.arange(200) < 100, 1.0, 0.0)
    spoilt = np.where(weights[:, None] > 0, off, 1e6)
    zeros = np.zeros((200, 1))
    found = certainty_of_numbers(zeros, zeros, spoilt, weights)
    assert found.distances.max() == np.abs(off[:100]).max()
    assert len(found.distances) == 100


def test_trials_that_agree_leave_a_finite_interval(rng):
    answers, targets = np.zeros((100, 1)), rng.normal(size=(100, 1))
    found = certainty_of_numbers(answers, np.zeros((100, 1)), targets, np.ones(100))
    reach = limits(found, 0.1) * found.floor
    assert np.isfinite(reach).all()
    assert (np.abs(targets) <= reach).mean() == pytest.approx(0.9, abs=0.02)


def test_answers_without_a_fault_leave_an_interval_of_no_width():
    zeros = np.zeros((60, 1))
    found = certainty_of_numbers(zeros, zeros, zeros, np.ones(60))
    np.testing.assert_array_equal(found.scores, 0)
