"""The same table in any form gives the same columns."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cerebros.errors import DataError
from cerebros.estimators.table import (
    EncodingSettings,
    columns_of,
    fit_encoding,
    rows_of,
)

NAN, NAT = np.nan, "NaT"
NOON = dt.datetime(2020, 1, 1, 12)
LATER = dt.datetime(2021, 7, 1, 3, 4, 5, 60)
BERLIN = "Europe/Berlin"  # an hour before UTC in winter, two in summer


def dates(*texts):
    return np.array(texts, "datetime64[us]")


def column(values, *, name="a", **settings):
    return columns_of({name: values}, **settings)[name]


def same(found, expected):
    expected = np.asarray(expected)
    assert found.dtype.kind == expected.dtype.kind
    if found.dtype.kind == "O":
        assert found.tolist() == expected.tolist()
    else:
        np.testing.assert_array_equal(found, expected)


SERIES = {
    "nullable int": (pd.array([1, None, 3], "Int64"), [1, NAN, 3]),
    "nullable float": (pd.array([1.5, pd.NA, 3], "Float64"), [1.5, NAN, 3]),
    "nullable bool": (pd.array([True, None, False], "boolean"), [1, NAN, 0]),
    "arrow int": (pd.array([1, None, 3], "int64[pyarrow]"), [1, NAN, 3]),
    "objects": (np.array([True, None, False], object), [1, NAN, 0]),
    "decimals": (
        np.array([Decimal("1.5"), None, Decimal("NaN")], object),
        [1.5, NAN, NAN],
    ),
    "signaling": (np.array([Decimal("sNaN"), 2, 3], object), [NAN, 2, 3]),
    "blanks": (np.array([1.5, "", 3], object), [1.5, NAN, 3]),
    "sparse": (pd.arrays.SparseArray([0, 1, 0]), [0.0, 1, 0]),
    "durations": (pd.to_timedelta([1, 1.5, None], unit="D"), [1, 1.5, NAN]),
    "duration objects": (
        np.array([dt.timedelta(1), None, dt.timedelta(hours=6)], object),
        [1, NAN, 0.25],
    ),
    "nothing": (np.array([None] * 3, object), [NAN] * 3),
    "nothing, nullable": (pd.array([None] * 3, "Int64"), [NAN] * 3),
}


@pytest.mark.parametrize("name", SERIES)
def test_numbers_of_data_frames(name):
    values, expected = SERIES[name]
    found = columns_of(pd.DataFrame({"a": values}))["a"]
    same(found, np.array(expected, float))


TEXTS = {
    "string": pd.array(["x", None, ""], "string"),
    "python string": pd.array(["x", None, ""], pd.StringDtype("python")),
    "str": pd.Series(["x", None, ""]),
    "object": pd.Series(["x", None, NAN], dtype=object),
    "with pd.NA": pd.Series(["x", pd.NA, pd.NaT], dtype=object),
    "category": pd.Categorical(["x", None, None]),
    "bytes": pd.Series([b"x", None, b""], dtype=object),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_of_data_frames(name):
    found = columns_of(pd.DataFrame({"a": TEXTS[name]}))["a"]
    same(found, np.array(["x", None, None], object))


CATEGORIES = {
    "ints": ([1, 2, 1], ["1", "2", "1"]),
    "ints, one missing": ([1, None, 1], ["1", None, "1"]),
    "floats": ([1.5, None, 2.0], ["1.5", None, "2"]),
    "booleans": ([True, None, False], ["True", None, "False"]),
}


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_are_text_whatever_they_hold(name):
    values, expected = CATEGORIES[name]
    found = columns_of(pd.DataFrame({"a": pd.Categorical(values)}))["a"]
    same(found, np.array(expected, object))


def test_categories_of_dates_are_text():
    made = pd.Categorical(pd.to_datetime(["2020-01-01", None]))
    found = columns_of(pd.DataFrame({"a": made}))["a"]
    assert found.dtype == object
    assert found[0].startswith("2020-01-01")
    assert found[1] is None


DATES = {
    "plain": pd.to_datetime(["2020-01-01 11:00", None]),
    "seconds": pd.to_datetime(["2020-01-01 11:00", None]).astype("datetime64[s]"),
    "zoned": pd.to_datetime(["2020-01-01 12:00", None]).tz_localize(BERLIN),
    "zoned objects": pd.Series(
        [pd.Timestamp("2020-01-01 12:00", tz=BERLIN), None], dtype=object
    ),
    "python": pd.Series([dt.datetime(2020, 1, 1, 11), None], dtype=object),
    "text": ["2020-01-01 11:00", None],
    "text with T and Z": ["2020-01-01T11:00:00Z", ""],
    "text with a zone": ["2020-01-01T12:00:00.000000+01:00", None],
    "text west of Greenwich": ["2020-01-01 05:30-05:30", None],
}


@pytest.mark.parametrize("name", DATES)
def test_dates_become_dates_in_utc(name):
    found = columns_of(pd.DataFrame({"a": DATES[name]}))["a"]
    same(found, dates("2020-01-01T11:00", NAT))


def test_days_are_dates():
    same(column([dt.date(2020, 1, 1), None]), dates("2020-01-01", NAT))
    same(column(["2020-01-01", "2020-02-29"]), dates("2020-01-01", "2020-02-29"))


@pytest.mark.parametrize(
    "values",
    [
        ["2020-01-01", "2021-02-29"],  # no leap year
        ["2020-01-01", "soon"],
        ["2020-01-01", "2020-01-01 25:00"],
        ["01-2020", "02-2020"],
    ],
)
def test_text_that_is_not_all_dates_stays_text(values):
    same(column(values), np.array(values, object))


def test_mixed_objects_are_text():
    values = np.array([1, "b", None, 2.0, 2.5, True], object)
    expected = ["1", "b", None, "2", "2.5", "True"]
    same(column(values), np.array(expected, object))


def test_columns_may_be_asked_to_be_text():
    for values in ([1, 2, None], [1.0, 2.0, NAN], pd.array([1, 2, None], "Int64")):
        same(column(values, texts=["a"]), np.array(["1", "2", None], object))
    same(column([True, False], texts=["a"]), np.array(["True", "False"], object))


def test_masked_numbers_are_missing():
    masked = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
    same(column(masked[:, 1]), [NAN, 4.0])
    same(columns_of(masked)["x1"], [NAN, 4.0])
    times = np.ma.array(dates("2020-01-01", "2020-01-02"), mask=[0, 1])
    same(column(times), dates("2020-01-01", NAT))


def records():
    return {
        "number": [1.5, None, 3.0, -2.0],
        "whole": [1, 2, None, 4],
        "flag": [True, None, False, True],
        "text": ["x", None, "y", "x"],
        "time": [NOON, LATER, None, NOON],
        "wait": [dt.timedelta(1), None, dt.timedelta(2), dt.timedelta(hours=12)],
        "price": [Decimal("1.25"), None, Decimal(3), Decimal(4)],
        "none": [None] * 4,
        "mixed": ["1", "a", None, "b"],
    }


def objects(values):
    made = np.empty(len(values), object)
    made[:] = values
    return made


FORMS = {
    "pandas": pd.DataFrame,
    "pandas objects": lambda t: pd.DataFrame(
        {k: pd.Series(objects(v), dtype=object) for k, v in t.items()}
    ),
    "pandas converted": lambda t: pd.DataFrame(t).convert_dtypes(),
    "pandas arrow": lambda t: pd.DataFrame(
        {
            k: pl.Series(v).to_pandas(use_pyarrow_extension_array=True)
            for k, v in t.items()
        }
    ),
    "polars": pl.DataFrame,
    "lists": dict,
    "arrays": lambda t: {k: objects(v) for k, v in t.items()},
    "array": lambda t: np.stack([objects(v) for v in t.values()], axis=1),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_columns_and_features(form):
    table = {name: values * 20 for name, values in records().items()}
    usual = columns_of(table)
    found = columns_of(FORMS[form](table))
    if form == "array":
        assert list(found) == [f"x{i}" for i in range(len(table))]
        found = dict(zip(usual, found.values(), strict=True))
    assert list(found) == list(usual)
    for name, values in usual.items():
        same(found[name], values)
    encoding = fit_encoding(usual, EncodingSettings())
    again = fit_encoding(found, EncodingSettings())
    for a, b in zip(encoding.transform(usual), again.transform(found), strict=True):
        np.testing.assert_array_equal(a, b)


def test_polars_categories_and_zones():
    made = pl.DataFrame(
        {
            "a": pl.Series(["x", None], dtype=pl.Categorical),
            "b": pl.Series(["x", None], dtype=pl.Enum(["x"])),
            "c": pl.Series([NOON, None]).dt.replace_time_zone(BERLIN),
            "d": pl.Series([b"x", None]),
        }
    )
    found = columns_of(made)
    for name in "ad":
        same(found[name], np.array(["x", None], object))
    same(found["b"], [0.0, NAN])  # an Enum has an order
    same(found["c"], dates("2020-01-01T11:00", NAT))


def test_names_that_are_no_text_become_text():
    found = columns_of(pd.DataFrame([[1, 2]], columns=[0, ("a", 1)]))
    assert list(found) == ["0", "('a', 1)"]


@pytest.mark.parametrize("names", [["a", "a"], ["1", 1], [0, "0"]])
def test_names_that_come_twice_are_refused(names):
    table = pd.DataFrame([[1, 2]], columns=pd.Index(names, dtype=object))
    with pytest.raises(DataError, match=f"several columns are named '{names[0]}'"):
        columns_of(table)


def test_infinite_numbers_are_refused_with_their_columns():
    table = {
        "fine": [1.0, 2.0],
        "high": [np.inf, 1.0],
        "both": [-np.inf, np.inf],
        "giant": np.array([10**400, 1], object),
        "long": np.array([1e308, 1], np.longdouble) * 100,
    }
    with pytest.raises(DataError) as error:
        columns_of(table)
    message = str(error.value)
    assert "'high' holds 1 infinite" in message
    assert "'both' holds 2 infinite" in message
    assert "'giant' holds 1 infinite" in message
    assert "fine" not in message


def test_many_infinite_columns_are_counted():
    with pytest.raises(DataError, match="and 3 more"):
        columns_of(np.full((2, 8), np.inf))


@pytest.mark.parametrize(
    ("table", "error", "match"),
    [
        (np.zeros(3), ValueError, "Reshape your data"),
        (np.zeros((2, 2, 2)), ValueError, r"shape \(2, 2, 2\)"),
        (pd.Series([1, 2]), ValueError, "rows and columns"),
        (np.zeros((2, 2), complex), ValueError, "Complex data not supported"),
        ({"a": [1, 2], "b": [1]}, DataError, r"differ in length: \[1, 2\]"),
        ({"a": np.zeros((2, 2))}, ValueError, "'a' must hold one value for each row"),
        ({"a": 3}, ValueError, "'a' must hold one value for each row"),
    ],
)
def test_what_is_no_table_is_refused(table, error, match):
    with pytest.raises(error, match=match):
        columns_of(table)


def test_tables_without_rows_and_of_one_row():
    for table in (pd.DataFrame({"a": [], "b": []}), pl.DataFrame({"a": [], "b": []})):
        found = columns_of(table)
        assert list(found) == ["a", "b"]
        assert rows_of(found) == 0
    assert rows_of(columns_of(np.zeros((1, 3)))) == 1
    assert columns_of(pd.DataFrame()) == {}
    assert rows_of({}) == 0


def test_a_frame_of_another_index_keeps_its_rows():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=[7, 7, 0])
    same(columns_of(table)["a"], [1.0, 2.0, 3.0])
