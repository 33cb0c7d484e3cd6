"""Rows stay rows; copies and repetitions stay together; weights stay weights."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.estimators._request import Target
from cerebros.estimators._table_rows import repetitions, table_rows
from cerebros.estimators._validation import Folds, Holdout, folds_of


def target_of(values, weights=None, **more):
    n = len(values)
    weights = np.ones(n) if weights is None else np.asarray(weights, float)
    return Target(
        values=np.asarray(values, float)[:, None],
        classes=None,
        names=("y",),
        is_flat=True,
        weights=weights,
        counts=weights,
        **more,
    )


def fine(n, seed=0):
    return {"x": np.random.default_rng(seed).normal(size=n)}


def test_rows_of_a_class_of_no_weight_stay_and_judge():
    target = replace(target_of(np.arange(3.0)), weights=np.array([0.0, 1.0, 1.0]))
    rows = table_rows(fine(3), target, keeps_order=False)
    assert sorted(rows.target.weights) == [0, 1, 1]
    assert rows.target.counts.tolist() == [1, 1, 1]


def test_equal_rows_stay_rows_and_share_a_unit():
    x = fine(50)["x"]
    copied = {"x": np.concatenate([x, np.repeat(x[:1], 30)])}
    y = np.concatenate([np.arange(50.0), np.zeros(30)])
    rows = table_rows(copied, target_of(y), keeps_order=False)
    assert len(rows.columns["x"]) == 80
    assert rows.target.weights.tolist() == [1] * 80
    of_copied = rows.unit[rows.columns["x"] == x[0]]
    assert len(of_copied) == 31
    assert len(set(of_copied)) == 1
    assert len(set(rows.unit)) == 50


def test_a_column_that_is_not_learned_from_does_not_tell_copies_apart():
    columns = {"x": np.tile(fine(50)["x"], 2), "id": np.arange(100.0)}
    target = target_of(np.tile(np.arange(50.0), 2))
    kinds = {"x": "number", "id": "!it names the rows"}
    rows = table_rows(columns, target, keeps_order=False, kinds=kinds)
    assert len(set(rows.unit)) == 50
    rows = table_rows(columns, target, keeps_order=False)
    assert len(set(rows.unit)) == 100


@pytest.mark.parametrize(("kind", "n_units"), [("text", 50), ("category", 100)])
def test_texts_are_fine_but_categories_are_not(kind, n_units):
    texts = np.array([f"what customer {i} had to say" for i in range(50)], object)
    rows = table_rows(
        {"x": np.tile(texts, 2)},
        target_of(np.tile(np.arange(50.0), 2)),
        keeps_order=False,
        kinds={"x": kind},
    )
    assert len(set(rows.unit)) == n_units


def test_copies_of_rows_that_are_fine_as_a_whole_are_one_unit():
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 12, (500, 10)).astype(float)
    columns = {f"x{i}": np.tile(coarse[:, i], 2) for i in range(10)}
    y = np.tile(rng.integers(0, 5, 500), 2)
    rows = table_rows(columns, target_of(y), keeps_order=False)
    assert len(set(rows.unit)) == 500


def test_rows_are_equal_by_nature_where_many_differ_in_one_column():
    rng = np.random.default_rng(6)
    coarse = rng.integers(0, 3, (400, 5)).astype(float)
    columns = {f"x{i}": coarse[:, i] for i in range(5)}
    rows = table_rows(columns, target_of(coarse.sum(axis=1)), keeps_order=False)
    assert len(set(rows.unit)) == 400


def test_copies_have_all_targets_equal():
    x = np.repeat(fine(40)["x"], 2)
    y = np.stack([np.ones(80), np.arange(80.0)], axis=1)
    target = replace(target_of(np.ones(80)), values=y, names=("one", "other"))
    rows = table_rows({"x": x}, target, keeps_order=False)
    assert len(set(rows.unit)) == 80


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.arange(90.0) % 3, np.arange(90.0)),  # few values
        (np.arange(90.0) % 3, np.arange(90.0) % 3),
        (np.repeat(fine(20)["x"], 3), np.arange(60.0)),  # measured three times
        (np.repeat(fine(20)["x"], 3), np.arange(60.0) % 2),
    ],
)
def test_rows_that_are_equal_by_nature_are_units_of_their_own(x, y):
    rows = table_rows({"x": x}, target_of(y), keeps_order=False)
    assert len(set(rows.unit)) == len(x)


def test_a_few_copies_may_have_another_target():
    x = np.repeat(fine(20)["x"], 10)
    y = np.repeat(np.arange(20.0), 10)
    y[0] = 99
    rows = table_rows({"x": x}, target_of(y), keeps_order=False)
    assert len(set(rows.unit)) == 20


def test_small_whole_weights_are_repetitions_of_one_unit():
    for columns in (fine(3), {"x": np.zeros(3)}):
        rows = table_rows(columns, target_of([1, 2, 3], [1, 2, 3]), keeps_order=False)
        assert sorted(rows.target.values[:, 0]) == [1, 2, 2, 3, 3, 3]
        assert rows.target.weights.tolist() == [1] * 6
        for value in (2, 3):
            assert len(set(rows.unit[rows.target.values[:, 0] == value])) == 1


def test_a_row_of_weight_two_is_the_same_as_two_rows():
    x, y = fine(30)["x"], np.arange(30.0)
    times = np.random.default_rng(1).integers(0, 5, 30)
    weighted = table_rows({"x": x}, target_of(y, times), keeps_order=False)
    repeated = table_rows(
        {"x": np.repeat(x, times)}, target_of(np.repeat(y, times)), keeps_order=False
    )
    np.testing.assert_array_equal(weighted.columns["x"], repeated.columns["x"])
    np.testing.assert_array_equal(weighted.target.values, repeated.target.values)
    np.testing.assert_array_equal(weighted.target.weights, repeated.target.weights)
    np.testing.assert_array_equal(weighted.unit, repeated.unit)


@pytest.mark.parametrize(
    ("weights", "times"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([2, 4, 6], [1, 2, 3]),
        ([5, 5, 5], [1, 1, 1]),
        ([0.5, 1, 2], [1, 1, 1]),
        ([1, 1, 2700], [1, 1, 1]),
        ([8, 8, 9], [1, 1, 1]),  # the table would become eight times as long
    ],
)
def test_only_small_whole_weights_are_repetitions(weights, times):
    assert repetitions(np.array(weights, float)).tolist() == times


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.booleans())
def test_no_weight_is_lost(weights, is_coarse):
    weights = np.array([*weights, 1], float)
    columns = {"x": np.zeros(len(weights))} if is_coarse else fine(len(weights))
    values = np.arange(len(weights), dtype=float)
    rows = table_rows(columns, target_of(values, weights), keeps_order=False)
    found = np.bincount(
        rows.target.values[:, 0].astype(int), rows.target.weights, len(weights)
    )
    np.testing.assert_allclose(found / found.sum(), weights / weights.sum())
    assert (rows.number >= 0).tolist() == (weights > 0).tolist()
    back = rows.target.values[rows.number[weights > 0], 0]
    np.testing.assert_array_equal(back, values[weights > 0])


def test_order_by_content_does_not_depend_on_the_order_that_came():
    x, y = np.repeat(fine(20)["x"], 2), np.arange(40.0) % 7
    order = np.random.default_rng(3).permutation(40)
    straight = table_rows({"x": x}, target_of(y), keeps_order=False)
    shuffled = table_rows({"x": x[order]}, target_of(y[order]), keeps_order=False)
    np.testing.assert_array_equal(straight.target.values, shuffled.target.values)
    np.testing.assert_array_equal(straight.unit, shuffled.unit)


def test_the_order_may_be_kept():
    x = np.repeat(fine(5)["x"], 2)
    rows = table_rows({"x": x}, target_of(np.arange(10.0)), keeps_order=True)
    np.testing.assert_array_equal(rows.columns["x"], x)
    assert rows.unit.tolist() == list(range(10))


@pytest.mark.parametrize(
    ("keeps_all", "values", "number"),
    [(False, [1, 3], [-1, 0, -1, 1]), (True, [0, 1, 2, 3], [0, 1, 2, 3])],
)
def test_rows_of_no_weight_stay_only_where_rows_have_numbers(keeps_all, values, number):
    target = target_of(np.arange(4.0), [0, 2, 0, 1], order=np.arange(4.0))
    rows = table_rows(
        {"x": np.arange(4.0)}, target, keeps_order=True, keeps_all=keeps_all
    )
    assert rows.columns["x"].tolist() == values
    assert rows.target.values[:, 0].tolist() == values
    assert rows.target.order.tolist() == values
    assert rows.target.weights.tolist() == [target.weights[i] for i in values]
    assert rows.number.tolist() == number


@pytest.mark.parametrize("validation", [Folds(n=4), Holdout(share=0.3)])
@given(st.lists(st.integers(1, 9), min_size=5, max_size=40), st.integers(0, 9))
def test_units_stay_on_one_side_of_every_fold(validation, sizes, seed):
    unit = np.repeat(np.arange(len(sizes)), sizes)
    folds = folds_of(
        validation,
        len(unit),
        n_folds=4,
        strata=np.arange(len(unit), dtype=float),
        is_classification=False,
        unit=unit,
        seed=seed,
    )
    for fold in folds:
        if len(fold.valid):
            assert not set(unit[fold.train]) & set(unit[fold.valid])
            assert len(fold.train) + len(fold.valid) == len(unit)
