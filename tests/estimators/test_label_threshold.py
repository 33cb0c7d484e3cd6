import numpy as np
import pytest

from cerebros.estimators._certainty import certainty_of_classes
from cerebros.estimators._metrics import metric_of
from cerebros.estimators._threshold import best_threshold

F1 = metric_of("f1", is_classification=True)
BALANCED = metric_of("balanced_accuracy", is_classification=True)


def score(own, shares, is_second, weights, threshold):
    chosen = (shares >= threshold).astype(float)
    return own(is_second.astype(int), np.c_[1 - chosen, chosen], weights)


def test_one_in_a_thousand_is_found_as_well_as_by_half():
    rng = np.random.default_rng(0)
    is_second = np.arange(5000) % 1000 == 0
    shares = np.where(is_second, 0.9, rng.uniform(0, 0.2, 5000))
    found = certainty_of_classes(
        np.c_[1 - shares, shares], is_second.astype(int), np.ones(5000), F1
    )
    assert found.threshold == 0.5
    assert score(F1, shares, is_second, np.ones(5000), found.threshold) == 1


def test_one_in_a_thousand_is_found_below_half_too():
    rng = np.random.default_rng(0)
    is_second = np.arange(20_000) % 1000 == 0
    shares = np.where(is_second, 0.3, rng.uniform(0, 0.1, 20_000))
    found = best_threshold(shares, is_second, np.ones(20_000), F1.of_counts)
    assert 0.15 < found < 0.25  # about the middle of the gap
    assert score(F1, shares, is_second, np.ones(20_000), found) == 1


@pytest.mark.parametrize("own", [F1, BALANCED], ids=["f1", "balanced_accuracy"])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_much_better_than_what_is_found(own, seed):
    """Compared with every threshold, one after the other."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=400).round(1)  # many are equal
    shares = 1 / (1 + np.exp(-(2 * x - 2)))
    is_second = rng.random(400) < shares
    weights = rng.uniform(0.1, 3, 400)
    found = best_threshold(shares, is_second, weights, own.of_counts)
    scores = [score(own, shares, is_second, weights, t) for t in np.unique(shares)[1:]]
    usual = score(own, shares, is_second, weights, 0.5)
    reached = score(own, shares, is_second, weights, found)
    best = max(*scores, usual)
    assert reached >= usual
    if found != 0.5:
        assert reached >= best - 0.1 * (best - usual) - 1e-12


@pytest.mark.parametrize(("n_wrong", "is_half"), [(0, True), (1, True), (8, False)])
def test_half_stays_where_nothing_is_better_beyond_noise(n_wrong, is_half):
    shares = np.linspace(0, 1, 300)
    is_second = shares > 0.5
    is_second[150 : 150 + n_wrong] = False  # just above 0.5
    found = best_threshold(shares, is_second, np.ones(300), BALANCED.of_counts)
    assert (found == 0.5) == is_half
    assert 0.49 < found < 0.54


def test_weights_move_the_threshold():
    rng = np.random.default_rng(1)
    shares = rng.uniform(0, 1, 3000)
    is_second = rng.random(3000) < shares
    heavy = np.where(is_second, 1.0, 20.0)
    found = best_threshold(shares, is_second, heavy, F1.of_counts)
    assert found > 0.6
    assert (
        score(F1, shares, is_second, heavy, found)
        > score(F1, shares, is_second, heavy, 0.5) + 0.05
    )


@pytest.mark.parametrize("is_second", [False, True])
def test_one_class_or_one_probability_decides_nothing(is_second):
    rows = np.full(60, is_second)
    shares = np.linspace(0, 1, 60)
    assert best_threshold(shares, rows, np.ones(60), F1.of_counts) == 0.5
    either = np.arange(60) % 2 == 0
    same = np.full(60, 0.1)
    assert best_threshold(same, either, np.ones(60), F1.of_counts) == 0.5


def test_a_threshold_between_neighbouring_numbers_keeps_them_apart():
    low = 0.2
    high = np.nextafter(low, 1)
    shares = np.where(np.arange(200) < 40, high, low)
    found = best_threshold(shares, shares == high, np.ones(200), F1.of_counts)
    assert low < found <= high
