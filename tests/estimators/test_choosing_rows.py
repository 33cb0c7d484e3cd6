import numpy as np
import pytest

from cerebros.estimators._choosing_rows import choosing_rows


def chosen(strata, weights, most=4000, *, is_classification=True, seed=0):
    return choosing_rows(
        strata,
        weights,
        most,
        is_classification=is_classification,
        rng=np.random.default_rng(seed),
    )


def test_few_rows_all_choose():
    rows, weights = chosen(np.arange(50) % 2, np.arange(50.0))
    assert rows.tolist() == list(range(50))
    assert weights.tolist() == list(range(50))


def test_classes_are_held_in_proportion():
    classes = np.repeat([0, 1], [60_000, 20_000])
    rows, weights = chosen(classes, np.ones(80_000))
    assert len(rows) == pytest.approx(4000, abs=1)
    assert (classes[rows] == 1).sum() == pytest.approx(1000, abs=2)
    np.testing.assert_allclose(weights, 20)


@pytest.mark.parametrize(("n_rare", "at_least"), [(20, 20), (100, 95), (2000, 95)])
def test_of_a_rare_class_there_are_enough_and_they_count_what_they_are(
    n_rare, at_least
):
    classes = np.zeros(200_000, int)
    classes[np.random.default_rng(1).permutation(200_000)[:n_rare]] = 1
    rows, weights = chosen(classes, np.ones(200_000))
    is_rare = classes[rows] == 1
    assert is_rare.sum() >= at_least
    assert weights[is_rare].sum() == pytest.approx(n_rare, rel=0.03)
    assert weights.sum() == pytest.approx(200_000, rel=0.01)


def test_values_are_held_in_proportion():
    values = np.random.default_rng(0).lognormal(size=50_000)
    rows, _ = chosen(values, np.ones(50_000), is_classification=False)
    edges = np.quantile(values, np.linspace(0, 1, 21))
    in_each, _ = np.histogram(values[rows], edges)
    np.testing.assert_allclose(in_each, 200, atol=2)


def test_heavy_rows_are_kept_and_weighted_means_are_those_of_all():
    rng = np.random.default_rng(0)
    values = rng.normal(size=40_000)
    is_heavy = np.arange(40_000) % 1000 == 0
    weights = np.where(is_heavy, 1000.0, rng.uniform(0.5, 1.5, 40_000))
    losses = values**2 + 3 * is_heavy
    means = []
    for seed in range(20):
        rows, own = chosen(values, weights, is_classification=False, seed=seed)
        assert is_heavy[rows].sum() == 40
        means.append(np.average(losses[rows], weights=own))
    expected = np.average(losses, weights=weights)
    assert np.mean(means) == pytest.approx(expected, rel=0.005)


def test_rows_without_weights_choose_alike():
    rows, weights = chosen(np.zeros(9000, int), np.zeros(9000))
    assert len(rows) == pytest.approx(4000, abs=1)
    assert not weights.any()
