"""Whether to predict numbers or classes."""

import re

import numpy as np
import pandas as pd
import pytest

from cerebros.cli._target import check_no_missing, decide_task, target_values
from cerebros.errors import DataError

N = 60


def column(values):
    return pd.Series(values, name="y")


@pytest.mark.parametrize(
    ("values", "task", "reason"),
    [
        (["a", "b", "c"] * 20, "classification", r"text \(3 classes\)"),
        (["1", "2"] * 30, "classification", "text"),
        ([True, False] * 30, "classification", "truth values"),
        ([0, 1] * 30, "classification", "two different values"),
        ([0.5, 7.5] * 30, "classification", "two different values"),
        ([3.0, 4.0, 5.0] * 20, "classification", "3 different whole numbers"),
        (np.arange(N) % 10, "classification", "10 different whole numbers"),
        (np.arange(N) % 11, "regression", "11 different ones"),
        ([1, 2, 3, 4], "regression", "numbers"),
        ([0.5, 1.5, 2.5] * 20, "regression", "numbers"),
        (np.linspace(0, 1, N), "regression", "60 different ones"),
        (pd.array([1, 2, 3] * 20, dtype="Int64"), "classification", "whole"),
        (pd.Categorical(["a", "b"] * 30), "classification", "text"),
    ],
)
def test_the_task_follows_from_the_values(values, task, reason):
    decided, why = decide_task(column(values), "auto")
    assert decided == task
    assert "'y' holds" in why
    assert re.search(reason, why)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_person_decides_otherwise(task):
    assert decide_task(column([1, 2, 3] * 20), task) == (task, "as asked")


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        (["a", "b"] * 30, "regression", "'a' and the like in 60 of 60 rows"),
        ([*"12345", "?"], "auto", r"numbers, but text such as '\?' in 1 of 6 rows"),
        ([*"12345", "?"], "regression", r"'\?' and the like in 1 of 6 rows"),
        (np.linspace(0, 1, N), "classification", "too many to be classes"),
        ([f"name {i}" for i in range(N)], "auto", "too many to be classes"),
        (["a"] * N, "auto", "'a' in every row"),
        ([3.5] * N, "regression", "3.5 in every row"),
        ([3.5] * N, "classification", "3.5 in every row"),
        ([np.inf, *range(N)], "auto", "infinite in 1 of 61 rows"),
        (pd.date_range("2020-01-01", periods=N), "auto", "dates or times"),
        ([[1, 2]] * N, "auto", "neither numbers nor names"),
    ],
)
def test_a_target_that_does_not_suit_is_refused(values, task, words):
    with pytest.raises(DataError, match=words) as caught:
        decide_task(column(values), task)
    assert "'y'" in str(caught.value)


def test_missing_values_are_counted_and_the_first_is_named():
    with pytest.raises(DataError, match="in 2 of 4 rows, first in row 2"):
        check_no_missing(column([1, None, 3, None]))
    check_no_missing(column([1, 2]))


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([True, False], [True, False]),
        (pd.array([True, False], dtype="boolean"), [True, False]),
        ([3, 7], [3, 7]),
        (pd.array([3, 7], dtype="Int64"), [3, 7]),
        ([3.0, 7.0], [3.0, 7.0]),
        (["a", "b"], ["a", "b"]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
    ],
)
def test_labels_keep_their_kind(values, labels):
    found = target_values(column(values), "classification").tolist()
    assert found == labels
    assert [type(label) for label in found] == [type(label) for label in labels]


def test_numbers_to_predict_are_floats():
    assert target_values(column([1, 2]), "regression").dtype == np.float64
    assert target_values(column([True, False]), "regression").tolist() == [1, 0]
