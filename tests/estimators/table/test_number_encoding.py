import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.estimators.table import NumberEncoder

NAN = np.nan
FLOATS = st.floats(allow_infinity=False, width=64)


@given(
    st.lists(FLOATS, min_size=1, max_size=30),
    st.lists(FLOATS, max_size=10),
    st.integers(0, 20),
)
def test_any_numbers_are_encoded_within_bounds(known, new, n_bins):
    encoder = NumberEncoder.fit(np.array(known), n_bins)
    assert all(a < b for a, b in zip(encoder.edges, encoder.edges[1:], strict=False))
    assert len(encoder.names()) == encoder.n_features[0]
    again = NumberEncoder.from_state(json.loads(json.dumps(encoder.state())))
    for values in (np.array(known), np.array(new, float)):
        plain, encoded = encoder.transform(values)
        assert (plain.shape[1], encoded.shape[1]) == encoder.n_features
        assert np.isfinite(plain).all()
        assert (np.abs(plain) <= (70 if encoder.reach else 3.0000001)).all()
        assert (np.abs(encoded) <= 1).all()
        for a, b in zip((plain, encoded), again.transform(values), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "known",
    [
        [1e308, -1e308, 0, 5, 7] * 5,
        [1.7e308, -1.7e308] * 5 + [1.0],
        [1.7e308, -1.7e308] * 5,
        [1e300, -1e300, 1, 2, 3, 4] * 5,
        [5e-324, 0, 1e-310, 2e-310, 3e-310] * 5,
        [3.0] * 99 + [4.0],
        [3.0] * 99 + [4.0, 1e308],
        [1.0] * 99 + [1 + 1e-15, 1 + 3e-16],
        [NAN] * 9 + [1e308, -1e308, 1.0],
    ],
)
def test_extreme_numbers_are_encoded_without_a_warning(known):
    encoder = NumberEncoder.fit(np.array(known), 16)
    new = np.array([NAN, 1.79e308, -1.79e308, 0, 5e-324, 1e300, -1e300])
    for values in (np.array(known), new):
        plain, encoded = encoder.transform(values)
        assert np.isfinite(plain).all()
        assert np.isfinite(encoded).all()
    assert encoder.n_features[0] >= 1


@pytest.mark.parametrize("n_far", [1, 60])
@pytest.mark.parametrize("far", [1e12, -1e18])
def test_values_far_away_take_no_edges_from_the_others(n_far, far):
    known = np.random.default_rng(0).normal(size=5000)
    encoder = NumberEncoder.fit(np.concatenate([known, np.full(n_far, far)]), 16)
    inner = [edge for edge in encoder.edges if abs(edge) < 4]
    assert len(inner) >= 14


def test_numbers_are_scaled_by_quartiles_and_clipped_softly():
    known = np.arange(101.0)
    encoder = NumberEncoder.fit(known, 4)
    assert (encoder.center, encoder.scale) == (50, 1 / 50)
    assert encoder.edges == (0, 25, 50, 75, 100)
    z = np.array([-1, 0, 0.02, 1, 1e9])
    plain, encoded = encoder.transform(50 + 50 * z)
    np.testing.assert_allclose(plain[:, 0], z / np.sqrt(1 + (z / 3) ** 2))
    np.testing.assert_allclose(encoded[2], [1, 1, -1 + 2 / 25, -1])
    np.testing.assert_allclose(encoded[0], [-1, -1, -1, -1])
    np.testing.assert_allclose(encoded[-1], [1, 1, 1, 1])


def test_where_one_value_holds_half_the_others_scale():
    encoder = NumberEncoder.fit(np.array([3.0] * 99 + [4, 5, 1000]), 8)
    assert (encoder.center, encoder.scale) == (3, 1 / 4)  # 5 is usual: 2 away
    assert NumberEncoder.fit(np.array([0.0] * 50 + [8.0, 9.0]), 8).scale == 1 / 17


def test_a_frequent_value_is_an_edge_and_the_others_get_the_bins(rng):
    others = np.exp(rng.normal(size=80))
    encoder = NumberEncoder.fit(np.concatenate([np.zeros(920), others]), 16)
    edges = np.array(encoder.edges)
    assert len(edges) == 17
    np.testing.assert_array_equal(edges[:2], [0, others.min()])
    counts, _ = np.histogram(others, edges[1:])
    assert counts.min() >= 5  # of 80 in 15 bins
    _, encoded = encoder.transform(np.array([0, others.min(), others.max()]))
    np.testing.assert_array_equal(encoded[:, 0], [-1, 1, 1])  # a step at 0
    np.testing.assert_array_equal(encoded[1, 1:], -1)
    np.testing.assert_array_equal(encoded[2], 1)


def test_a_step_at_a_frequent_value_inside_has_bins_on_both_sides(rng):
    known = np.concatenate([rng.uniform(-1, 1, 90), [0.25] * 10])
    encoder = NumberEncoder.fit(known, 12)
    below, above = known[known < 0.25].max(), known[known > 0.25].min()
    assert {below, 0.25, above} < set(encoder.edges)
    assert encoder.levels == ()


def test_missing_numbers_do_not_change_scale_and_edges(rng):
    present = rng.normal(size=100)
    with_gaps = np.concatenate([np.full(900, NAN), present])
    own, other = NumberEncoder.fit(present, 16), NumberEncoder.fit(with_gaps, 16)
    assert (own.scale, own.edges) == (other.scale, other.edges)
    assert other.n_features == (2, 16)


def test_repeated_values_beside_a_frequent_one_are_categories(rng):
    codes = np.repeat(np.arange(1.0, 31), 3)
    known = np.concatenate([np.zeros(100), codes, 40 + rng.random(9)])
    encoder = NumberEncoder.fit(known, 16)
    assert encoder.levels == (0, *range(1, 31))
    assert encoder.names()[:3] == ["number", "=0", "=1"]
    plain, _ = encoder.transform(np.array([0, 7, 7.5, NAN]))
    assert plain[:, 1:].sum(axis=1).tolist() == [1, 1, 0, 0]
    assert plain[1, 8] == 1
    assert NumberEncoder.fit(known, 16, 5).levels == (0, 1, 2, 3, 4)
    # Without a value that holds half, or where each value is an edge, there are none.
    assert NumberEncoder.fit(codes, 16).levels == ()
    assert NumberEncoder.fit(np.repeat([0.0, 1, 2], [9, 4, 4]), 16).levels == ()


def test_heavy_tails_grow_like_a_logarithm_as_far_as_training_went(rng):
    known = np.exp(3 * rng.normal(size=999))
    encoder = NumberEncoder.fit(known, 16)
    largest = (known.max() - encoder.center) * encoder.scale
    assert encoder.reach == pytest.approx(largest)
    z = np.array([-0.1, 0, 1, 10, 100, 2 * largest])
    plain, _ = encoder.transform(encoder.center + z / encoder.scale)
    expected = np.arcsinh(np.minimum(z, largest))
    np.testing.assert_allclose(plain[:, 0], expected, atol=1e-12)
    # Bins are straight on the same scale: in the middle of the last one, 0.
    edges = np.arcsinh((np.array(encoder.edges) - encoder.center) * encoder.scale)
    middle = encoder.center + np.sinh(edges[-2:].mean()) / encoder.scale
    assert encoder.transform(np.array([middle]))[1][0, -1] == pytest.approx(0)
    for usual in (rng.normal(size=999), rng.exponential(size=999), np.arange(50.0)):
        assert NumberEncoder.fit(usual, 16).reach == 0


def test_long_columns_are_known_by_some_rows_and_the_extremes(rng):
    known = rng.normal(size=150_000)
    known[[7, 70_000]] = [-40, 50]
    encoder = NumberEncoder.fit(known, 4)
    assert NumberEncoder.fit(known, 4) == encoder
    quantiles = np.quantile(known, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(encoder.edges, quantiles, atol=0.02)
    assert encoder.edges[::4] == (-40, 50)
    rare = np.zeros(150_000)
    rare[5], rare[6] = 1, 2
    assert NumberEncoder.fit(rare, 4).scale != 0  # three values, not two


@given(
    st.lists(st.integers(-9, 9) | st.just(NAN), min_size=1, max_size=40),
    st.lists(st.integers(-9, 9) | st.just(NAN), min_size=1, max_size=40),
    st.integers(0, 6),
)
def test_learned_from_other_rows_it_makes_no_more_features(known, others, n_bins):
    encoder = NumberEncoder.fit(np.array(known, float), n_bins, 4)
    fresh = encoder.refitted(np.array(others, float))
    assert all(
        a <= b for a, b in zip(fresh.n_features, encoder.n_features, strict=True)
    )
    assert len(fresh.names()) == fresh.n_features[0]


def test_missing_numbers_are_the_median_beside_a_flag():
    encoder = NumberEncoder.fit(np.array([1.0, 2, 4, NAN]), 0)
    assert encoder.names() == ["missing", "number"]
    plain, _ = encoder.transform(np.array([NAN, 2]))
    np.testing.assert_array_equal(plain, [[1, 0], [0, 0]])


def test_numbers_missing_only_later_are_the_median_without_a_flag():
    encoder = NumberEncoder.fit(np.array([1.0, 2, 4]), 0)
    np.testing.assert_array_equal(encoder.transform(np.array([NAN, 2]))[0], [[0], [0]])


def test_two_values_become_minus_one_and_one():
    encoder = NumberEncoder.fit(np.array([7.0, 9.0, 7.0]), 16)
    plain, encoded = encoder.transform(np.array([7.0, 9, 7.9, 100]))
    np.testing.assert_array_equal(plain[:, 0], [-1, 1, -1, 1])
    assert encoded.shape == (4, 0)


def test_one_value_leaves_the_flag_only():
    encoder = NumberEncoder.fit(np.array([7.0, NAN, 7.0]), 16)
    assert encoder.names() == ["missing"]
    np.testing.assert_array_equal(
        encoder.transform(np.array([NAN, 3.0]))[0], [[1], [0]]
    )
    assert NumberEncoder.fit(np.array([NAN, NAN]), 16).n_features == (0, 0)


def test_no_more_bins_than_asked_for(rng):
    for n_bins in (2, 5, 16):
        encoder = NumberEncoder.fit(rng.normal(size=300), n_bins)
        assert encoder.n_features == (1, n_bins)
    for n_bins in (0, 1):
        assert NumberEncoder.fit(rng.normal(size=300), n_bins).n_features == (1, 0)


def test_bins_hold_about_the_same_number_of_rows(rng):
    known = np.exp(2 * rng.normal(size=1000))
    counts, _ = np.histogram(known, NumberEncoder.fit(known, 10).edges)
    assert counts.min() >= 99


def test_repeated_numbers_make_fewer_bins():
    encoder = NumberEncoder.fit(np.array([0.0] * 90 + list(range(10))), 16)
    assert 2 <= encoder.n_features[1] <= 9
