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
        assert (np.abs(plain) <= 3.0000001).all()
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


def test_where_quartiles_are_equal_the_range_scales():
    encoder = NumberEncoder.fit(np.array([3.0] * 99 + [4, 5]), 8)
    assert encoder.scale == 1.0


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
