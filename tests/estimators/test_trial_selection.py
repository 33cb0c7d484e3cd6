import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.estimators._selection import (
    AbsoluteError,
    LogLoss,
    SquaredError,
    combined,
    select,
)


def floats(*values):
    return np.array(values, np.float32)


def everything(n):
    return np.arange(n)


def test_losses_by_hand():
    weights = floats(1, 3)
    rows = everything(2)
    answers = floats(0.5, 0.25)
    assert LogLoss(weights)(answers, rows) == pytest.approx(
        (np.log(2) + 3 * np.log(4)) / 4
    )
    targets = floats(1, 0)
    assert SquaredError(targets, weights)(answers, rows) == pytest.approx(0.4375 / 4)
    assert AbsoluteError(targets, weights)(answers, rows) == pytest.approx(1.25 / 4)


def test_losses_of_some_rows_of_many_trials():
    loss = AbsoluteError(floats(9, 1, 2), floats(1, 1, 1))
    answers = floats([1, 2], [2, 3], [1, 1])
    np.testing.assert_allclose(loss(answers, np.array([1, 2])), [0, 1, 0.5])


def test_no_probability_is_an_infinite_loss():
    assert LogLoss(floats(1))(floats(0), everything(1)) == pytest.approx(-np.log(1e-7))


def test_rows_that_all_weigh_nothing_count_alike():
    loss = SquaredError(floats(0, 0), floats(0, 0))
    assert loss(floats(1, 3), everything(2)) == 5


def problem(seed, n_trials=4, n_checkpoints=5, n_rows=30):
    rng = np.random.default_rng(seed)
    shape = (n_trials, n_checkpoints, n_rows)
    targets = rng.normal(size=n_rows).astype(np.float32)
    noise = rng.normal(size=shape) * rng.uniform(0.3, 2, (n_trials, n_checkpoints, 1))
    weights = rng.uniform(0, 2, n_rows).astype(np.float32)
    kind = ("squared", "absolute", "log")[seed % 3]
    if kind == "log":
        answers = rng.uniform(0.01, 1, shape).astype(np.float32)
        return answers, LogLoss(weights)
    loss = (SquaredError if kind == "squared" else AbsoluteError)(targets, weights)
    return (targets + noise).astype(np.float32), loss


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 4))
def test_the_choice_is_no_worse_than_the_mean_at_the_best_common_checkpoint(
    seed, n_trials, n_checkpoints
):
    """On the rows that choose: losses are convex, and each step only lowers them."""
    answers, loss = problem(seed, n_trials, n_checkpoints)
    rows = everything(30)[::2]
    found = select(answers, loss, rows)
    assert found.shares.sum() == pytest.approx(1)
    assert (found.shares >= 0).all()
    if n_trials > 1:
        assert (found.shares >= 0.5 / n_trials - 1e-12).all()
    assert found.checkpoints.shape == (n_trials,)
    reached = loss(combined(answers, found)[rows], rows)
    common = loss(answers.mean(axis=0)[:, rows], rows)
    assert reached <= common.min() * (1 + 1e-5) + 1e-6


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_without_an_ensemble_the_best_trial_answers_at_its_best(seed, n_trials):
    answers, loss = problem(seed, n_trials)
    rows = everything(30)
    found = select(answers, loss, rows, is_ensemble=False)
    losses = loss(answers, rows)
    best, at = np.unravel_index(losses.argmin(), losses.shape)
    assert found.shares.tolist() == [float(i == best) for i in range(n_trials)]
    assert found.checkpoints[best] == at
    np.testing.assert_array_equal(combined(answers, found), answers[best, at])


def test_a_single_trial_stops_at_its_best_checkpoint():
    answers = floats([[3, 3], [1, 1], [2, 2]])
    loss = SquaredError(floats(1, 1), floats(1, 1))
    found = select(answers, loss, everything(2))
    assert found.checkpoints.tolist() == [1]
    assert found.shares.tolist() == [1]


def test_trials_that_err_in_opposite_ways_answer_together():
    answers = floats([[0, 2]], [[2, 0]], [[9, 9]])
    loss = SquaredError(floats(1, 1), floats(1, 1))
    shares = select(answers, loss, everything(2)).shares
    assert shares[0] > 1 / 3 > shares[2]
    assert shares[1] > 1 / 3


def test_trials_stop_at_different_checkpoints_where_that_is_better():
    answers = floats([[1, 1], [9, 9]], [[9, 9], [1, 1]])
    loss = SquaredError(floats(1, 1), floats(1, 1))
    assert select(answers, loss, everything(2)).checkpoints.tolist() == [0, 1]


def test_weights_decide():
    answers = floats([[1, 0]], [[0, 1]])
    targets = floats(1, 1)
    first = select(answers, SquaredError(targets, floats(9, 1)), everything(2))
    second = select(answers, SquaredError(targets, floats(1, 9)), everything(2))
    assert first.shares[0] > 0.5 > first.shares[1]
    np.testing.assert_allclose(first.shares, second.shares[::-1])


def test_only_the_rows_that_choose_matter():
    answers, loss = problem(5)
    rows = everything(30)[:10]
    changed = answers.copy()
    changed[:, :, 10:] = 77
    one, other = select(answers, loss, rows), select(changed, loss, rows)
    np.testing.assert_array_equal(one.checkpoints, other.checkpoints)
    np.testing.assert_array_equal(one.shares, other.shares)
