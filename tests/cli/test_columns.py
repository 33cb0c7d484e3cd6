"""Which columns are used, and what is said about the others."""

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cerebros.cli._columns import (
    choose_columns,
    describe_missing,
    numbers_of,
)
from cerebros.errors import DataError

N = 6
USED = {
    "floats": np.linspace(0, 1, N),
    "halves": np.linspace(0, 1, N).astype("float16"),
    "bytes": np.arange(N, dtype="uint8"),
    "truth": [True, False] * 3,
    "truth_or_none": [True, False, None] * 2,
    "nullable": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
    "decimals": [Decimal(k) / 3 for k in range(N)],
}
LEFT_OUT = {
    "text": (["a", "b"] * 3, "text"),
    "written": (["1", "2"] * 3, "numbers written as text"),
    "stray": ([*"12345", "?"], r"numbers, but '\?' and the like in 1 rows"),
    "days": (pd.date_range("2020-01-01", periods=N), "dates"),
    "dates": ([datetime.date(2020, 1, 1)] * N, "values such as datetime.date"),
    "lists": ([[1, 2]] * N, r"values such as \[1, 2\]"),
    "nothing": ([np.nan] * N, "no value is there"),
    "constant": ([2.5, np.nan] * 3, "constant: 2.5"),
    "phases": (np.exp(1j * np.arange(N)), "values of the type complex"),
}


def table(**columns):
    return pd.DataFrame({**columns, "y": np.arange(N)})


@pytest.mark.parametrize("name", USED)
def test_numbers_and_truth_values_are_used(name):
    frame = table(**{name: USED[name]})
    assert choose_columns(frame, target="y") == ([name], [])
    values = numbers_of(frame, [name])
    assert values.dtype == np.float64
    assert values.shape == (N, 1)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", LEFT_OUT)
def test_everything_else_is_left_out_with_a_reason(name):
    values, reason = LEFT_OUT[name]
    used, left_out = choose_columns(table(a=np.arange(N), z=values), target="y")
    assert used == ["a"]
    (column,) = left_out
    assert column.name == "z"
    assert re.match(reason, column.reason)


def test_a_column_is_left_out_on_demand():
    frame = table(a=np.arange(N), b=np.arange(N))
    used, left_out = choose_columns(frame, target="y", leave_out=["b"])
    assert used == ["a"]
    assert [str(column) for column in left_out] == ["b (as asked)"]


def test_the_nearest_name_is_suggested():
    frame = table(Temperature=np.arange(N))
    with pytest.raises(DataError, match="did you mean 'Temperature'"):
        choose_columns(frame, target="temprature")
    with pytest.raises(DataError, match="it has Temperature, y"):
        choose_columns(frame, target="zzz")
    with pytest.raises(DataError, match="'x'"):
        choose_columns(frame, target="y", leave_out=["x"])


def test_without_any_column_of_numbers_all_reasons_are_given():
    frame = table(a=["p", "q"] * 3, b=[1] * N)
    with pytest.raises(DataError, match=r"- a \(text\)\n- b \(constant: 1\)"):
        choose_columns(frame, target="y")


def test_columns_are_found_by_name_whatever_their_order():
    frame = table(a=np.arange(N), b=np.arange(N) * 10.0)
    assert numbers_of(frame, ["b", "a"])[1].tolist() == [10, 1]
    assert numbers_of(frame[["y", "b", "a"]], ["b", "a"])[1].tolist() == [10, 1]


def test_all_columns_that_do_not_suit_are_listed():
    frame = table(a=["p"] * N, B=np.arange(N))
    with pytest.raises(DataError) as caught:
        numbers_of(frame, ["a", "b", "c"])
    message = str(caught.value)
    assert "- b is not there; did you mean 'B'?" in message
    assert "- c is not there; it has a, B, y" in message
    assert "- a holds text where numbers are needed, for example 'p'" in message


def test_infinite_and_huge_values_are_counted():
    frame = table(a=[np.inf, -np.inf, 1, 2, 3, 4], b=[1e39, 1, 2, 3, 4, 5])
    with pytest.raises(DataError, match="- a: 2 of 6\n- b: 1 of 6"):
        numbers_of(frame, ["a", "b"])


def test_missing_values_are_counted():
    values = numbers_of(table(a=[1, None, None, 2, 3, 4], b=range(N)), ["a", "b"])
    assert describe_missing(values, ["a", "b"]) == ["a: 2 of 6"]
