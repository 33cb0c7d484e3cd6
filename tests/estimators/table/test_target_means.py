"""Mean targets of categories."""

import numpy as np
import pytest

from cerebros.estimators.table import CategoryEncoder
from cerebros.estimators.table._target_means import TargetMeans, out_of_fold_means


def fitted(codes, targets):
    values = np.array([f"c{code}" for code in codes], object)
    return values, TargetMeans.fit(values, targets, np.ones(len(values)))


def draw(rng, n_levels, n_rows, noise):
    effects, codes = rng.normal(size=n_levels), rng.integers(n_levels, size=n_rows)
    return codes, effects, (effects[codes] + noise * rng.normal(size=n_rows))[:, None]


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_means_are_drawn_as_far_as_variances_ask_for(rng, noise):
    codes, _, targets = draw(rng, 400, 4000, noise)
    values, means = fitted(codes, targets)
    found = means.transform(values)[:, 0]
    grand = targets.mean()
    for code in range(5):
        own = targets[codes == code, 0]
        share = len(own) / (len(own) + noise**2)  # true means have variance 1
        expected = share * (own.mean() - grand)
        assert found[codes == code][0] == pytest.approx(expected, abs=0.1)


def test_unseen_categories_are_the_mean_of_all(rng):
    codes, _, targets = draw(rng, 9, 200, 0.1)
    _, means = fitted(codes, targets + 7)
    np.testing.assert_array_equal(means.transform(np.array(["new", None])), 0)


def test_missing_values_are_a_category():
    values = np.array(["a", None, "b", None] * 5, object)
    targets = np.array([0.0, 4, 0, 4] * 5)[:, None]
    means = TargetMeans.fit(values, targets, np.ones(20))
    found = means.transform(np.array([None, "a"], object))[:, 0]
    np.testing.assert_allclose(found, [2, -2])


def test_weights_count_as_rows():
    values = np.array(["a", "b"] * 6, object)
    targets = np.array([1.0, 0, 2, 0, 6, 0] * 2)[:, None]
    weights = np.array([1.0, 1, 1, 1, 0, 1] * 2)
    means = TargetMeans.fit(values, targets, weights)
    without = weights > 0
    fewer = TargetMeans.fit(values[without], targets[without], weights[without])
    np.testing.assert_allclose(means.means, fewer.means)


@pytest.mark.parametrize(
    ("codes", "targets"),
    [
        ([0], [1.0]),
        ([0, 0, 0], [1.0, 2, 3]),
        ([0, 1, 2], [1.0, 2, 3]),  # no two rows of a category
        ([0, 0, 1, 1], [5.0, 5, 5, 5]),
        ([0, 0, 1, 1], [1.0, 2, 1, 2]),
        ([], []),
    ],
)
def test_where_nothing_is_known_all_is_zero(codes, targets):
    values, means = fitted(codes, np.array(targets)[:, None])
    np.testing.assert_array_equal(means.transform(values), np.zeros((len(codes), 1)))


def test_targets_without_noise_are_the_means():
    values, means = fitted([0, 0, 1, 1], np.array([1.0, 1, 3, 3])[:, None])
    np.testing.assert_allclose(means.transform(values)[:, 0], [-1, -1, 1, 1])


def test_out_of_fold_is_what_the_other_folds_alone_say(rng):
    codes, _, targets = draw(rng, 30, 300, 0.5)
    values, folds = np.array([f"c{c}" for c in codes], object), np.arange(300) % 4
    weights = rng.uniform(0.5, 2, 300)
    found = out_of_fold_means(values, targets, weights, folds + 10)
    for fold in range(4):
        own = folds == fold
        means = TargetMeans.fit(values[~own], targets[~own], weights[~own])
        np.testing.assert_allclose(found[own], means.transform(values[own]))


def test_noise_tells_nothing_out_of_fold(rng):
    codes, targets = rng.integers(2000, size=6000), rng.normal(size=(6000, 1))
    values = np.array([f"c{c}" for c in codes], object)
    found = out_of_fold_means(values, targets, np.ones(6000), np.arange(6000) % 5)
    assert found.std() < 0.1  # unshrunk means have 0.6
    assert abs((found * targets).mean()) < 0.005


@pytest.mark.parametrize(("n_levels", "least"), [(300, 0.9), (20_000, 0.55)])
def test_many_categories_are_known_by_their_means(rng, n_levels, least):
    codes, effects, targets = draw(rng, n_levels, 30_000, 0.3)
    _, means = fitted(codes, targets)
    codes = rng.integers(n_levels, size=5000)
    new = effects[codes] + 0.3 * rng.normal(size=5000)
    found = means.transform(np.array([f"c{c}" for c in codes], object))[:, 0]
    rest = new - targets.mean() - found
    assert 1 - (rest**2).mean() / new.var() > least


def test_only_categories_that_share_a_feature_have_means(rng):
    targets = rng.normal(size=(90, 1))
    few = np.array(["a", "b", "c"] * 30, object)
    assert CategoryEncoder.fit(few, 64, targets).means is None
    assert CategoryEncoder.fit(few, 2, targets).means is None  # one is in the rest
    assert CategoryEncoder.fit(few, 1, targets).means is not None
    all_differ = np.array([f"c{i}" for i in range(90)], object)
    assert CategoryEncoder.fit(all_differ, 64, targets).means is None
    rare = np.array([f"c{i // 2}" for i in range(90)], object)
    encoder = CategoryEncoder.fit(rare, 64, targets)
    assert encoder.names() == ["mean target 0"]
