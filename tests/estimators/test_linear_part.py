"""What is linear in a target goes on beyond the rows of training."""

import json

import numpy as np
import pytest

from cerebros.estimators._linear_part import LinearPart, out_of_fold_linear

DRAWN = np.random.default_rng(0)
N = 200
COLUMNS = {
    "a": DRAWN.normal(5, 2, N),
    "sold": np.datetime64("2020-01-01", "us")
    + DRAWN.integers(0, 900, N).astype("timedelta64[D]"),
    "town": np.array(["x", "y"], object)[DRAWN.integers(0, 2, N)],
    "constant": np.ones(N),
}
DAYS = (COLUMNS["sold"] - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")
Y = np.stack([3 * COLUMNS["a"] - 7, 0.01 * DAYS + 2], 1)
ONES = np.ones(N)


def at(**values):
    return {key: np.atleast_1d(value) for key, value in values.items()}


def test_a_plane_is_found_and_goes_on():
    part = LinearPart.fit(COLUMNS, Y, ONES)
    assert part.names == ("a", "sold")
    np.testing.assert_allclose(part.answers(COLUMNS), Y, atol=1e-3)
    beyond = part.answers(at(a=20.0, sold=np.datetime64("2023-01-01", "us")))
    np.testing.assert_allclose(beyond, [[53, 0.01 * 19358 + 2]], rtol=1e-4)


def test_inputs_end_two_ranges_beyond_the_training():
    part = LinearPart.fit({"a": COLUMNS["a"]}, Y[:, :1], ONES)
    last = part.high + 2 * (part.high - part.low)
    np.testing.assert_allclose(
        part.answers(at(a=1e9)), part.answers(at(a=last[0])), rtol=1e-6
    )


def test_missing_values_count_as_the_mean():
    part = LinearPart.fit({"a": COLUMNS["a"]}, Y[:, :1], ONES)
    np.testing.assert_allclose(part.answers(at(a=np.nan))[0], Y[:, 0].mean(), rtol=1e-6)


def test_what_may_have_moved_outside_is_the_slope_times_the_distance():
    part = LinearPart.fit({"a": COLUMNS["a"]}, Y[:, :1], ONES)
    high = COLUMNS["a"].max()
    moved = part.moved_outside(at(a=np.array([high, high + 2, np.nan])))
    np.testing.assert_allclose(moved[:, 0], [0, 6, 0], rtol=1e-3)


def test_heavy_rows_count_as_often_as_they_weigh():
    a = COLUMNS["a"]
    y = Y[:, :1] + DRAWN.normal(size=(N, 1))
    weights = DRAWN.integers(1, 5, N).astype(float)
    repeated = np.repeat(np.arange(N), weights.astype(int))
    weighted = LinearPart.fit({"a": a}, y, weights)
    by_rows = LinearPart.fit({"a": a[repeated]}, y[repeated], np.ones(len(repeated)))
    np.testing.assert_allclose(weighted.slopes, by_rows.slopes, rtol=0.02)
    np.testing.assert_allclose(weighted.center, by_rows.center)


def test_out_of_fold_answers_do_not_know_their_own_rows():
    x = DRAWN.normal(size=(60, 15))
    columns = {f"x{i}": x[:, i] for i in range(15)}
    noise = DRAWN.normal(size=(60, 1))
    fold = np.arange(60) % 5
    out = out_of_fold_linear(columns, noise, np.ones(60), fold)
    changed = noise.copy()
    changed[fold == 2] += 100
    again = out_of_fold_linear(columns, changed, np.ones(60), fold)
    # Only the penalty, which is common, may differ.
    assert np.abs(again[fold == 2] - out[fold == 2]).max() < 1.0
    assert np.mean((noise - out) ** 2) > 0.9 * noise.var()


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"town": COLUMNS["town"]},
        {"a": np.full(N, np.nan)},
        {"a": np.full(N, 1e200)},
        {f"x{i}": DRAWN.normal(size=N) for i in range(N)},
    ],
)
def test_without_columns_of_use_it_answers_the_mean(columns):
    part = LinearPart.fit(columns, Y, ONES)
    assert part.names == ()
    answers = part.answers(
        {"other": np.zeros(3), **{k: v[:3] for k, v in columns.items()}}
    )
    np.testing.assert_allclose(answers, np.tile(Y.mean(axis=0), (3, 1)), rtol=1e-9)


def test_it_is_its_state():
    part = LinearPart.fit(COLUMNS, Y, ONES)
    plain = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in part.state().items()
    }
    read = json.loads(json.dumps(plain))
    again = LinearPart.from_state(
        {k: v if k == "names" else np.array(v) for k, v in read.items()}
    )
    np.testing.assert_array_equal(again.answers(COLUMNS), part.answers(COLUMNS))
