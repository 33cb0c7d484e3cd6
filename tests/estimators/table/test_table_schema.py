"""What columns hold is decided once, and each later value is read for itself."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cerebros.errors import DataError
from cerebros.estimators.table import (
    MARKERS,
    EncodingSettings,
    TableSchema,
    columns_of,
    fit_encoding,
    infer_schema,
)

NAN, NAT = np.nan, "NaT"


def dates(*texts):
    return np.array(texts, "datetime64[us]")


def schema_of(values, **settings):
    return infer_schema({"a": values}, **settings)[0]


def column(values, **settings):
    return columns_of({"a": values}, **settings)["a"]


def later(first, then, **settings):
    """A column, read as another one decided."""
    return schema_of(first, **settings).read({"a": then}).columns["a"]


def same(found, expected):
    expected = np.asarray(expected)
    assert found.dtype.kind == expected.dtype.kind
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    else:
        np.testing.assert_array_equal(found, expected)


def texts(*values):
    made = np.empty(len(values), object)
    made[:] = values
    return made


NUMBERS = {
    "plain": (["1.5", "2", "-3e2", ""], [1.5, 2, -300, NAN]),
    "blanks": ([" 1.5", "2 ", "\t3"], [1.5, 2, 3]),
    "decimal commas": (["1,5", "0,25", "3"], [1.5, 0.25, 3]),
    "thousands": (["1,234.5", "12", "1,234,567"], [1234.5, 12, 1234567]),
    "points for thousands": (
        ["1.234,5", "12", "1.234.567,25"],
        [1234.5, 12, 1234567.25],
    ),
    "spaces for thousands": (["1 234", "12 345 678", "7"], [1234, 12345678, 7]),
    "spaces and commas": (["1\u00a0234,5", "7,25"], [1234.5, 7.25]),
    "apostrophes": (["1'234.5", "12'345"], [1234.5, 12345]),
    "lakhs": (["1,00,000", "12,34,567", "999"], [100000, 1234567, 999]),
    "dollars": (["$1,250", "$ 3", "-$4.5", "$-4.5"], [1250, 3, -4.5, -4.5]),
    "euros": (["1.250,00 €", "3,50 €", "€ 7,00"], [1250, 3.5, 7]),
    "codes of currencies": (["1,250.5 EUR", "USD 3", "-4 EUR"], [1250.5, 3, -4]),
    "accounts": (["(1,234.50)", "($2)", "3"], [-1234.5, -2, 3]),
    "percents": (["5 %", "12.5%", "0%"], [0.05, 0.125, 0]),
    "percents among fractions": (["0.05", "0.5", "5%"], [0.05, 0.5, 0.05]),
    "markers": (["1", "NA", "n/a", "null", "2"], [1, NAN, NAN, NAN, 2]),
    "thousands beside small numbers": (["1,234", "12", "999"], [1234, 12, 999]),
    "points beside small numbers": (
        ["1.200", "987", "12.573", "-5"],
        [1200, 987, 12573, -5],
    ),
    "one large number without a mark": (
        ["1,234", "12", "5,678"] * 20 + ["1200"],
        [1234, 12, 5678] * 20 + [1200],
    ),
    "places after a point beside small numbers": (
        ["1.234", "5.5", "7"],
        [1.234, 5.5, 7],
    ),
    "points and large numbers": (["1.234", "1500"], [1.234, 1500]),
    "commas beside large numbers": (["1,234", "1500", "2,5"], [1.234, 1500, 2.5]),
    "three places and a large number": (["1,234", "1500"], [1.234, 1500]),
    "three places after a zero": (["0,234", "1,234"], [0.234, 1.234]),
    "three places after a point": (["1.234", "2.345"], [1.234, 2.345]),
    "units": (
        ["12.5 kg", "-1,200 kg", "3kg"] * 20 + ["7"],
        [12.5, -1200, 3] * 20 + [7],
    ),
    "units behind decimal commas": (["1,5 m²", "20 m²"], [1.5, 20]),
    "true and false": (["True", "false", "TRUE", ""], [1, 0, 1, NAN]),
    "clocks": (["08:30", "23:15:36", "00:00"], [8.5, 23.26, 0]),
    "clocks of twelve hours": (["8:30 AM", "12:15 am", "8:30 p.m."], [8.5, 0.25, 20.5]),
    "stopped clocks": (["26:30:00", "100:15:00", "1:45:00"], [26.5, 100.25, 1.75]),
    "times of the day": ([dt.time(8, 30), None, dt.time(0, 0, 36)], [8.5, NAN, 0.01]),
    "durations": (["1 days 06:00:00", "0 days 12:00:00"], [1.25, 0.5]),
    "intervals": (["(0, 1]", "(1.0, 2.5]"], [0.5, 1.75]),
    "open intervals": (["(-inf, 1.0]", "(1.0, 2.0]", "(2.0, inf]"], [1, 1.5, 2]),
    "open interval objects": (
        pd.arrays.IntervalArray.from_breaks([-np.inf, 1, 2, np.inf]),
        [1, 1.5, 2],
    ),
    "interval objects": (pd.arrays.IntervalArray.from_breaks([0, 1, 3]), [0.5, 2]),
    "long numbers": (["9007199254740993", "1"], [9007199254740992.0, 1]),
    "text dtype": (pd.Series(["1", "2", None], dtype="string"), [1, 2, NAN]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_came_as_text(name):
    values, expected = NUMBERS[name]
    same(column(values), np.array(expected, float))


DATES = {
    "points": (["31.01.2001", "1.2.2001", ""], ["2001-01-31", "2001-02-01", NAT]),
    "year first": (["2001/01/31", "2001/2/1"], ["2001-01-31", "2001-02-01"]),
    "month first": (["01/31/2001", "02/01/2001"], ["2001-01-31", "2001-02-01"]),
    "day first": (["31/01/2001", "01/02/2001"], ["2001-01-31", "2001-02-01"]),
    "dashes": (["31-01-2001", "01-02-2001"], ["2001-01-31", "2001-02-01"]),
    "zone": (["2001-01-01T12:00:00+0100", "NA"], ["2001-01-01T11:00", NAT]),
    "hours of a zone": (["2001-01-01 12:00-05"], ["2001-01-01T17:00"]),
    "UTC": (["2001-01-01 12:00:00 UTC"], ["2001-01-01T12:00"]),
    "months": (["2001-01", "2001-12"], ["2001-01-01", "2001-12-01"]),
    "halves of days": (
        ["1/31/2001 5:30 PM", "1/31/2001 12:00 AM"],
        ["2001-01-31T17:30", "2001-01-31"],
    ),
    "names": (["31 Jan 2001", "Feb 1, 2001"], ["2001-01-31", "2001-02-01"]),
    "years of two digits": (["1/31/69", "2/1/68"], ["1969-01-31", "2068-02-01"]),
    "points and two digits": (["31.01.99", "01.02.01"], ["1999-01-31", "2001-02-01"]),
    "names and two digits": (["31-Jan-99", "1-Feb-01"], ["1999-01-31", "2001-02-01"]),
    "months first": (
        ["01/2001", "12/2001", "Mar 2001"],
        ["2001-01", "2001-12", "2001-03"],
    ),
    "quarters": (["2001Q1", "2001Q4"], ["2001-01-01", "2001-10-01"]),
    "nanoseconds": (["2001-01-01 00:00:00.123456789"], ["2001-01-01T00:00:00.123456"]),
    "periods": (
        pd.period_range("2001-01", periods=2, freq="M"),
        ["2001-01-01", "2001-02-01"],
    ),
    "nanosecond objects": (
        texts(pd.Timestamp("2001-01-01 00:00:00.123456789"), None),
        ["2001-01-01T00:00:00.123456", NAT],
    ),
    "NumPy objects": (
        texts(np.datetime64("2001-01-01", "ns"), None),
        ["2001-01-01", NAT],
    ),
    "intervals of dates": (
        pd.arrays.IntervalArray.from_breaks(
            pd.to_datetime(["2001-01-01", "2001-01-03"])
        ),
        ["2001-01-02"],
    ),
}


@pytest.mark.parametrize("name", DATES)
def test_dates_that_came_as_text_or_objects(name):
    values, expected = DATES[name]
    same(column(values), dates(*expected))


STAY = {
    "leading zeros": ["01", "02", "13"],
    "agents": ["007", "123", "456"],
    "several units": ["1 kg", "500 g"],
    "codes with letters": ["A1", "A2"],
    "half of it numbers": ["1", "2", "a", "b"],
    "addresses": ["10.0.0.1", "10.0.0.2"],
    "versions": ["1.2.10", "2.10.11"],
    "no such month": ["13/2001", "Foo 2001"],
    "scores": ["16:9", "100:98"],
    "no such day": ["31/02/2001", "30/02/2001"],
    "true and something": ["true", "false", "maybe"] * 20,
}


@pytest.mark.parametrize("name", STAY)
def test_codes_and_names_stay_text(name):
    same(column(STAY[name]), texts(*STAY[name]))


def test_few_leading_zeros_among_numbers_of_all_lengths_are_numbers():
    values = [str(i) for i in range(1000)]
    values[7] = "07"
    same(column(values), np.arange(1000.0))


@pytest.mark.parametrize("stray", ["?", "-", "unknown", "1;5"])
def test_one_stray_value_leaves_a_column_of_numbers(stray):
    values = [f"{i / 8}" for i in range(5000)]
    values[17] = stray
    read = schema_of(values).read({"a": values})
    expected = np.arange(5000.0) / 8
    expected[17] = NAN
    same(read.columns["a"], expected)
    (unread,) = read.unread
    assert (unread.column, unread.kind, unread.examples) == ("a", "number", (stray,))
    assert (unread.n, unread.n_present) == (1, 5000)


def test_one_stray_value_leaves_a_column_of_dates():
    values = [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2001" for i in range(100)]
    values[3] = "soon"
    read = schema_of(values).read({"a": values})
    assert np.isnat(read.columns["a"][3])
    assert read.columns["a"][1] == np.datetime64("2001-02-02")
    assert (read.unread[0].kind, read.unread[0].n) == ("date", 1)


def test_six_of_a_hundred_strays_are_too_many():
    same(column(["1"] * 95 + ["x"] * 5), [1.0] * 95 + [NAN] * 5)
    assert column(["1"] * 94 + ["x"] * 6).dtype == object


@pytest.mark.parametrize("mark", ["?", "-", "--", ".", " ? ", "*"])
def test_one_mark_may_stand_for_many_missing_values(mark):
    read = schema_of(["1.5", mark, mark, "2"]).read({"a": ["1.5", mark, mark, "2"]})
    same(read.columns["a"], [1.5, NAN, NAN, 2])
    assert [unread.n for unread in read.unread] == [2]
    same(later(["1.5", mark, mark, "2"], [mark]), [NAN])
    same(column(["2001-01-31", mark]), dates("2001-01-31", NAT))


@pytest.mark.parametrize(
    "values", [["+", "-", "1", "2"], ["+", "+", "-"], ["-"], ["?", "a"]]
)
def test_marks_that_tell_something_are_text(values):
    same(column(values), texts(*values))


def test_markers_between_blanks_are_missing_among_numbers():
    same(column([" 1.5", " NA", " 2", "null "]), [1.5, NAN, 2, NAN])


def test_objects_that_mix_numbers_and_a_stray_text():
    values = texts(*[float(i) for i in range(40)], "?")
    same(column(values), [*range(40), NAN])


@pytest.mark.parametrize(
    ("values", "example", "read"),
    [
        (["1,234", "5,678"], "1,234", [1234.0, 5678.0]),
        (["987", "1.234"], "1.234", [987.0, 1234.0]),
        (["01/02/2001", "03/04/2002"], "01/02/2001", dates("2001-01-02", "2002-03-04")),
    ],
)
def test_what_can_be_read_in_two_ways_is_said(values, example, read):
    schema, (doubt,) = infer_schema({"a": values})
    assert (doubt.column, doubt.example) == ("a", example)
    assert doubt.taken != doubt.other
    same(schema.read({"a": values}).columns["a"], read)


@pytest.mark.parametrize(
    "values", [["1,234", "12"], ["1.234"], ["13/02/2001"], ["1.2.2001"], ["02/02/2001"]]
)
def test_what_can_be_read_in_one_way_raises_no_doubt(values):
    assert infer_schema({"a": values})[1] == []


def test_text_of_which_most_are_amounts_is_said():
    amounts = [f"{i / 8}" for i in range(400)]
    schema, (doubt,) = infer_schema({"a": amounts + ["unknown"] * 90 + ["n.b."] * 10})
    assert schema.columns["a"].kind == "text"
    assert (doubt.column, doubt.kind, doubt.n, doubt.n_present) == (
        *("a", "number", 100),
        500,
    )
    assert doubt.examples == ("unknown", "n.b.")
    assert infer_schema({"a": [*"123456789"] * 9 + ["a"] * 20})[1] == []
    days = [str(day) for day in dates("2001-01-01") + np.arange(99) * 86_400_000_000]
    assert infer_schema({"a": days + ["soon"] * 20})[1][0].kind == "date"


def test_a_mark_is_decided_once_for_the_column():
    same(later(["1,5", "2,5"], ["1,234"]), [1.234])
    same(later(["1,234.5"], ["1,234"]), [1234.0])
    same(later(["13/02/2001"], ["01/02/2001"]), dates("2001-02-01"))
    same(later(["02/13/2001"], ["01/02/2001"]), dates("2001-01-02"))


@pytest.mark.parametrize(
    "made",
    [
        pd.Categorical(["low", None, "high"], ["low", "mid", "high"], ordered=True),
        pl.Series(["low", None, "high"], dtype=pl.Enum(["low", "mid", "high"])),
    ],
    ids=["pandas", "polars"],
)
def test_ordered_categories_are_their_places(made):
    same(column(made), [0, NAN, 2])
    same(later(made, ["mid", "", "high", "NA", "other"]), [1, NAN, 2, NAN, NAN])
    same(later(made, pd.Categorical(["high"])), [2.0])
    same(later(made, ["other"]), [NAN])


@pytest.mark.parametrize(
    "then",
    [["30", "", "10"], [30, NAN, 10], texts(30.0, None, 10), ["30.0", "NA", "10"]],
    ids=["text", "numbers", "objects", "text of numbers with points"],
)
@pytest.mark.parametrize("order", [[10, 20, 30], [30, 20, 10]])
def test_ordered_categories_of_numbers_are_their_places_wherever_they_come_from(
    order, then
):
    made = pd.Series(pd.Categorical([30, 10, 20, 30], order, ordered=True))
    places = [float(order.index(value)) for value in (30, 10, 20, 30)]
    same(column(made), places)
    same(later(made, then), [places[0], NAN, places[1]])


def test_ordered_categories_of_dates_are_dates():
    days = pd.to_datetime(["2001-01-01", "2001-01-03"])
    made = pd.Series(pd.Categorical([days[1], None, days[0]], days, ordered=True))
    same(column(made), dates("2001-01-03", NAT, "2001-01-01"))
    same(later(made, ["2001-01-03"]), dates("2001-01-03"))


def test_a_batch_of_arrow_is_read_as_a_table():
    batch = pa.record_batch(
        {
            "n": pa.array([1, None]),
            "flag": pa.array([True, None]),
            "name": pa.array(["a", "b"]).dictionary_encode(),
            "day": pa.array([dt.date(2001, 1, 31), None]),
        }
    )
    columns = infer_schema(batch)[0].read(batch).columns
    same(columns["n"], [1, NAN])
    same(columns["flag"], [1, NAN])
    same(columns["name"], texts("a", "b"))
    same(columns["day"], dates("2001-01-31", NAT))


CODES = ["01", "02", "1A", "01"]


def test_codes_are_read_as_training_had_them():
    same(later(CODES, ["01", "2"]), texts("01", "2"))
    same(later(CODES, [1, 2]), texts("1", "2"))
    same(later(CODES, ["01"]), texts("01"))


def test_numbers_that_are_asked_to_be_text_read_alike_from_everywhere():
    for first in ([1, 2, None], [1.0, 2.0, NAN], ["1", "2", ""], ["1.0", "2.0", ""]):
        for then in ([1, 2], [1.0, 2.0], ["1", "2"], ["1.0", "2.0"]):
            same(later(first, then, texts=["a"]), texts("1", "2"))
    same(later(["01", "2.0"], ["01", "2.0"], texts=["a"]), texts("01", "2.0"))


def test_markers_are_missing_unless_training_held_them_as_text():
    same(later(["EU", "AS"], ["NA", "EU"]), texts(None, "EU"))
    same(later(["EU", "NA"], ["NA", ""]), texts("NA", None))
    same(later(["EU", ""], ["NA", "", "null"], texts=["a"]), texts("NA", None, "null"))
    same(column(sorted(MARKERS), texts=["a"]), texts(*sorted(MARKERS)))


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (["1", "2"], ["3", "x"], [3, NAN]),
        ([1, 2], ["3", "x"], [3, NAN]),
        (["1", "x"] + ["2"] * 40, ["x"], [NAN]),
        ([True, False], ["True", "false", "0"], [1, 0, 0]),
        ([dt.time(8), dt.time(9)], ["08:30:00"], [8.5]),
        ([dt.timedelta(1), dt.timedelta(2)], ["1 days 06:00:00"], [1.25]),
        (pd.arrays.IntervalArray.from_breaks([0, 1, 3]), ["(1, 3]"], [2]),
    ],
)
def test_later_texts_are_read_as_the_numbers_of_training(first, then, expected):
    same(later(first, then), np.array(expected, float))


def test_periods_come_back_from_text():
    for freq, text in (("Q", "2001Q2"), ("M", "2001-04"), ("D", "2001-04-01")):
        first = pd.period_range("2001-01-01", periods=3, freq=freq)
        same(later(first, [text]), dates("2001-04-01"))
    weeks = pd.period_range("2001-01-01", periods=2, freq="W")
    same(later(weeks, [str(weeks[1])]), dates("2001-01-08"))
    same(
        later(pd.period_range("2001", periods=2, freq="Y"), ["2002"]),
        dates("2002-01-01"),
    )


def test_a_column_of_which_nothing_can_be_read_is_refused_later():
    table = {"a": [str(i) for i in range(30)], "b": list(range(30))}
    schema, _ = infer_schema(table)
    encoding = fit_encoding(schema.read(table).columns, EncodingSettings())
    new = schema.read({"a": ["x", "y"], "b": [1, 2]})
    with pytest.raises(DataError, match=r"'a' held numbers .* text such as 'x'"):
        encoding.transform(new.columns)


def mixed_table():
    rng = np.random.default_rng(3)
    n = 60
    return {
        "comma": [f"{x:.2f}".replace(".", ",") for x in rng.normal(size=n)],
        "code": [f"{i:02d}" if i % 9 else "1A" for i in range(n)],
        "day": [f"{1 + i % 28}/{1 + i % 12}/2001" for i in range(n)],
        "when": [f"2001-{1 + i % 12:02d}" for i in range(n)],
        "flag": ["True" if i % 3 else "False" for i in range(n)],
        "stray": ["?" if i == 5 else f"{i}" for i in range(n)],
        "name": ["NA" if i % 7 == 0 else "EU" for i in range(n)],
        "share": [f"{i % 13} %" for i in range(n)],
        "price": [f"$1,{100 + i}" for i in range(n)],
    }


def test_a_row_is_read_alike_whatever_stands_beside_it():
    table = mixed_table()
    schema, _ = infer_schema(table)
    whole = schema.read(table).columns
    for i in range(60):
        row = schema.read({name: values[i : i + 1] for name, values in table.items()})
        for name, values in row.columns.items():
            if name == "stray" and i == 5:
                assert np.isnan(values[0])
            assert values.dtype == whole[name].dtype
            same(values, whole[name][i : i + 1])


def test_a_schema_is_its_state():
    table = mixed_table() | {
        "size": pd.Categorical(["s", "l"] * 30, ["s", "l"], ordered=True)
    }
    schema, _ = infer_schema(table)
    again = TableSchema.from_state(json.loads(json.dumps(schema.state())))
    assert again == schema
    for name, values in schema.read(table).columns.items():
        same(again.read(table).columns[name], values)


def test_rows_that_mix_numbers_and_text_keep_the_type_of_each_column():
    found = columns_of([[1, "a", "1,5"], [2, "b", "2,5"]])
    same(found["x0"], [1.0, 2.0])
    same(found["x1"], texts("a", "b"))
    same(found["x2"], [1.5, 2.5])


FORMS = {
    "columns": lambda t: t,
    "rows": lambda t: [
        dict(zip(t, row, strict=True)) for row in zip(*t.values(), strict=True)
    ],
    "Arrow": pa.table,
    "lazy": lambda t: pl.LazyFrame(t),
    "pandas": pd.DataFrame,
}


@pytest.mark.parametrize("form", FORMS)
def test_named_tables_of_every_form(form):
    table = {
        "n": [1.5, None, 3.0],
        "t": ["x", None, "y"],
        "d": [dt.datetime(2001, 1, 1), None, dt.datetime(2001, 1, 2)],
    }
    found = columns_of(FORMS[form](table))
    assert list(found) == ["n", "t", "d"]
    same(found["n"], [1.5, NAN, 3])
    same(found["t"], texts("x", None, "y"))
    same(found["d"], dates("2001-01-01", NAT, "2001-01-02"))


def test_rows_may_lack_values():
    found = columns_of([{"a": 1}, {"b": "x", "a": 2}])
    same(found["a"], [1.0, 2.0])
    same(found["b"], texts(None, "x"))


def test_one_row_alone_is_told_how_to_be_written():
    with pytest.raises(ValueError, match="a single row is a list with one dictionary"):
        columns_of({"a": 1, "b": "x"})


def test_columns_without_names_are_told_apart_by_place():
    named, _ = infer_schema({"a": [1, 2], "b": ["x", "y"]})
    found = named.read([[3, "z"]]).columns
    assert list(found) == ["a", "b"]
    same(found["b"], texts("z"))
    unnamed, _ = infer_schema([[1, "x"], [2, "y"]])
    found = unnamed.read({"p": [3], "q": ["z"]}).columns
    assert list(found) == ["x0", "x1"]
    with pytest.raises(DataError, match="X has 3 features, but training had 2"):
        named.read([[3, "z", 1]])
