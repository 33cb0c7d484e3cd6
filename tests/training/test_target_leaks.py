"""Inputs that already hold the target: what is found, and what is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cerebros.training import Dataset, find_target_copies

N = 200
RNG = np.random.default_rng(0)
PRICE = RNG.lognormal(12, 0.4, N)
NOISE = RNG.normal(size=N)
CLASSES = RNG.integers(0, 2, N)


def found(column, target=PRICE):
    names = find_target_copies(Dataset.of(np.c_[NOISE, column], target))
    assert set(names) <= {"column 1"}
    return bool(names)


@pytest.mark.parametrize(
    "column",
    [
        PRICE,
        PRICE.astype(np.float32),
        -PRICE,
        PRICE * 1e-6 + 3,
        1e6 - PRICE / 7,
        PRICE * 1e30,
    ],
)
def test_a_copy_is_found(column):
    assert found(column)
    assert found(column, PRICE.astype(np.float32))
    assert found(column, np.c_[NOISE[::-1], PRICE])  # in any column of the target


@pytest.mark.parametrize(
    "column",
    [
        PRICE + PRICE.std() * 1e-3 * NOISE,
        np.log(PRICE),
        PRICE**2,
        np.where(np.arange(N) == 5, 0, PRICE),
        np.full(N, PRICE[0]),
        np.zeros(N),
        NOISE[::-1],
    ],
)
def test_what_is_only_similar_is_no_copy(column):
    assert not found(column)


def test_one_of_two_classes_and_its_opposite_are_copies():
    assert found(CLASSES, CLASSES)
    assert found(1 - CLASSES, CLASSES)
    assert found(CLASSES * 3.5 + 100, CLASSES)
    assert not found(RNG.integers(0, 2, N), CLASSES)


def test_an_equal_column_is_found_where_rounding_hides_its_differences():
    far_away = 1e6 + RNG.normal(size=N)
    assert found(far_away, far_away)
    assert not found(1e6 + NOISE[::-1], far_away)


def test_two_rows_tell_nothing():
    assert find_target_copies(Dataset.of([[1.0], [2.0]], [3.0, 7.0])) == []


def test_a_constant_target_has_no_copies():
    assert find_target_copies(Dataset.of(np.ones((5, 2)), np.ones(5))) == []


def test_columns_are_named_with_their_input():
    import pandas as pd

    frames = [pd.DataFrame({"a": NOISE}), pd.DataFrame({"b": NOISE, "c": -PRICE})]
    copies = find_target_copies(Dataset.of(frames, [CLASSES, PRICE]))
    assert copies == ["column 'c' of input 1"]


def test_features_of_several_axes_are_counted_flat():
    images = RNG.normal(size=(N, 3, 4)).astype(np.float32)
    images[:, 2, 1] = PRICE
    assert find_target_copies(Dataset.of(images, PRICE)) == ["column 9"]


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_no_size_of_numbers_is_too_much(scale):
    assert not found(NOISE[::-1], PRICE * scale)


def test_inputs_that_are_left_out_are_not_looked_at():
    data = Dataset.of([PRICE[:, None], PRICE[:, None]], PRICE)
    assert len(find_target_copies(data)) == 2
    assert find_target_copies(data, besides=[0]) == [data.column(1, 0)]


finite = st.floats(-1e6, 1e6, width=32)


@given(
    arrays(np.float32, 20, elements=finite),
    st.floats(0.01, 100) | st.floats(-100, -0.01),
    st.floats(-1e4, 1e4),
)
def test_any_line_through_the_target_is_found_if_its_spread_survives(y, slope, offset):
    y = y.astype(float)
    x = slope * y + offset
    spread = min(np.ptp(x) / (np.abs(x).max() or 1), np.ptp(y) / (np.abs(y).max() or 1))
    if spread < 0.01:
        return
    assert find_target_copies(Dataset.of(x[:, None], y)) == ["column 0"]
