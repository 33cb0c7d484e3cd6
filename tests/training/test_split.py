"""Which rows train, choose and judge: properties of every split."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st

from cerebros.errors import DataError
from cerebros.training import Split, check_share, split_at_random, split_last_rows

shares = st.floats(0.01, 0.5)
counts = st.integers(2, 400)
seeds = st.integers(0, 2**40)


def split_or_reject(n_rows, **arguments):
    """A split, unless a part would be empty, which is refused as it must be."""
    try:
        return split_at_random(n_rows, **arguments)
    except DataError:
        reject()


@given(counts, shares, st.just(0.0) | st.floats(0.01, 0.4), seeds, st.data())
def test_the_parts_are_disjoint_complete_and_as_large_as_asked(
    n_rows, validation, test, seed, data
):
    n_classes = data.draw(st.integers(1, 6))
    labels = st.lists(st.integers(1, n_classes), min_size=n_rows, max_size=n_rows)
    classes = data.draw(st.none() | labels.map(np.array))
    split = split_or_reject(
        n_rows, validation=validation, test=test, seed=seed, classes=classes
    )

    parts = (split.train, split.validation, split.test)
    rows = np.concatenate(parts)
    assert sorted(rows.tolist()) == list(range(n_rows))
    for part in parts:
        assert (np.diff(part) > 0).all()
    if test == 0:
        assert len(split.test) == 0
    # Each class is rounded by itself; one without training rows is moved there.
    slack = 1 if classes is None else 2 * len(np.unique(classes))
    assert abs(len(split.validation) - validation * n_rows) <= slack
    assert abs(len(split.test) - test * n_rows) <= slack


@given(
    st.lists(st.integers(1, 80), min_size=2, max_size=6),
    shares,
    st.just(0.0) | st.floats(0.01, 0.4),
    seeds,
)
@example([1, 1, 60], 0.3, 0.3, 5)
def test_each_class_is_held_out_in_proportion_and_always_trains(
    sizes, validation, test, seed
):
    classes = np.repeat([f"class {i}" for i in range(len(sizes))], sizes)
    classes = np.random.default_rng(seed).permutation(classes)
    split = split_or_reject(
        len(classes), validation=validation, test=test, seed=seed, classes=classes
    )
    for name, size in zip(*np.unique(classes, return_counts=True), strict=True):
        in_train, in_validation, in_test = (
            int((classes[part] == name).sum())
            for part in (split.train, split.validation, split.test)
        )
        assert in_train >= 1
        if in_validation + in_test == 0:
            continue  # too rare to be held out, or moved to the training rows
        assert abs(in_validation - validation * size) <= 1
        assert abs(in_test - test * size) <= 1


@given(counts, shares, seeds)
def test_the_seed_decides_and_nothing_else(n_rows, validation, seed):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 -- must stay as it is
    first = split_or_reject(n_rows, validation=validation, seed=seed)
    again = split_or_reject(n_rows, validation=validation, seed=seed)
    for a, b in zip(
        (first.train, first.validation), (again.train, again.validation), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_another_seed_gives_another_split():
    splits = [split_at_random(100, validation=0.2, seed=seed) for seed in range(20)]
    assert len({tuple(split.validation) for split in splits}) == 20


def test_every_row_is_held_out_equally_often():
    n_rows, n_splits = 20, 2000
    held_out = np.zeros((2, n_rows))
    for seed in range(n_splits):
        split = split_at_random(n_rows, validation=0.25, test=0.15, seed=seed)
        held_out[0, split.validation] += 1
        held_out[1, split.test] += 1
    # Five standard deviations of a binomial count.
    for count, share in zip(held_out, (0.25, 0.15), strict=True):
        allowed = 5 * math.sqrt(n_splits * share * (1 - share))
        assert np.abs(count - n_splits * share).max() < allowed


@given(st.integers(2, 10_000), st.floats(0.01, 0.99))
def test_the_last_rows_are_held_out_as_keras_does(n_rows, share):
    n_train = math.floor(n_rows * (1 - share))
    assume(0 < n_train < n_rows)
    split = split_last_rows(n_rows, validation=share)
    np.testing.assert_array_equal(split.train, np.arange(n_train))
    np.testing.assert_array_equal(split.validation, np.arange(n_train, n_rows))
    assert len(split.test) == 0


def test_the_example_of_the_original():
    split = split_last_rows(2930, validation=0.35)
    assert (len(split.train), len(split.validation)) == (1904, 1026)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_lies_between_0_and_1(share):
    message = (
        rf"validation must hold 0 < share < 1, but got {share!r}; 0.2 holds out a fifth"
    )
    for call in (
        lambda: check_share("validation", share),
        lambda: split_last_rows(10, validation=share),
        lambda: split_at_random(10, validation=share, seed=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (0.2, -0.1), (0.2, 1.0)])
def test_the_shares_leave_something_to_train_on(validation, test):
    with pytest.raises(ValueError, match=r"validation \+ test < 1, but got validation"):
        split_at_random(10, validation=validation, test=test, seed=0)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_no_part_that_is_needed_is_empty(n_rows):
    with pytest.raises(DataError, match="each needs at least one"):
        split_last_rows(n_rows, validation=0.2)
    with pytest.raises(DataError, match="each needs at least one"):
        split_at_random(n_rows, validation=0.2, seed=0)
    with pytest.raises(DataError, match="leaves 2 rows for training and 0 for val"):
        Split(np.arange(2), np.arange(0), np.arange(0))
