"""What is accepted as data, and what is said about data that are not."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from cerebros.errors import DataError
from cerebros.training import Dataset

TABLE = [[1, 2.5], [3, -4], [5, 6]]
TARGET = [7, 8, 9]
NULLABLE = {"a": pd.array([1, 3, 5], "Int64"), "b": pd.array([2.5, -4, 6], "Float64")}
READ_ONLY = np.array(TABLE)
READ_ONLY.setflags(write=False)

SAME_TABLES = {
    "a list of rows": TABLE,
    "a tuple of rows": tuple(map(tuple, TABLE)),
    "float64": np.array(TABLE),
    "float16": np.array(TABLE, np.float16),
    "column by column": np.asfortranarray(TABLE),
    "every other row": np.repeat(TABLE, 2, axis=0)[::2],
    "big endian": np.array(TABLE, ">f8"),
    "read-only": READ_ONLY,
    "objects": np.array(TABLE, object),
    "exact numbers": [[Decimal(1), Fraction(5, 2)], [3, Decimal(-4)], [5, 6]],
    "a frame": pd.DataFrame(TABLE, columns=["a", "b"]),
    "a frame of objects": pd.DataFrame(TABLE, columns=["a", "b"], dtype=object),
    "a nullable frame": pd.DataFrame(NULLABLE),
    "a frame of Arrow columns": pd.DataFrame(NULLABLE).astype("double[pyarrow]"),
}


@pytest.mark.parametrize("table", SAME_TABLES.values(), ids=SAME_TABLES)
def test_equal_tables_give_equal_inputs_whatever_their_kind(table):
    data = Dataset.of(table, TARGET)
    (x,) = data.inputs
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.array(TABLE, np.float32))
    assert data.n_rows == 3


SAME_TARGETS = {
    "a list": TARGET,
    "a tuple": tuple(TARGET),
    "a list of NumPy numbers": list(np.array(TARGET)),
    "a list of 0-d arrays": [np.array(value) for value in TARGET],
    "one axis": np.array(TARGET),
    "two axes": np.array(TARGET)[:, None],
    "a series": pd.Series(TARGET, name="price"),
    "a nullable series": pd.Series(TARGET, dtype="Int64"),
    "a frame of one column": pd.DataFrame({"price": TARGET}),
}


@pytest.mark.parametrize("target", SAME_TARGETS.values(), ids=SAME_TARGETS)
def test_a_target_has_rows_and_a_width_whatever_was_given(target):
    (y,) = Dataset.of(TABLE, target).targets
    np.testing.assert_array_equal(y, [[7], [8], [9]])
    assert np.issubdtype(y.dtype, np.number)


def test_polars_frames_and_series_are_read():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(TABLE, schema=["a", "b"], orient="row")
    data = Dataset.of(frame, polars.Series("price", TARGET))
    np.testing.assert_array_equal(data.inputs[0], np.array(TABLE, np.float32))
    np.testing.assert_array_equal(data.targets[0], [[7], [8], [9]])
    assert data.column(0, 1) == "column 'b'"


@pytest.mark.tensorflow
def test_tensorflow_tensors_are_read():
    tf = pytest.importorskip("tensorflow")
    data = Dataset.of([tf.constant(TABLE), tf.ones((3, 1))], tf.constant(TARGET))
    np.testing.assert_array_equal(data.inputs[0], np.array(TABLE, np.float32))
    assert [x.shape for x in data.inputs] == [(3, 2), (3, 1)]
    np.testing.assert_array_equal(data.targets[0], [[7], [8], [9]])
    scalars = list(tf.constant(TARGET))
    np.testing.assert_array_equal(
        Dataset.of(TABLE, scalars).targets[0], [[7], [8], [9]]
    )


def test_jax_arrays_are_read():
    jax_numpy = pytest.importorskip("jax.numpy")
    data = Dataset.of(jax_numpy.array(TABLE), jax_numpy.array(TARGET))
    np.testing.assert_array_equal(data.inputs[0], np.array(TABLE, np.float32))
    assert data.targets[0].shape == (3, 1)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_whole_numbers_and_booleans_are_numbers(dtype):
    values = np.array([[0, 1], [1, 1], [1, 0]], dtype)
    data = Dataset.of(values, values[:, 0])
    assert data.inputs[0].dtype == np.float32
    np.testing.assert_array_equal(data.inputs[0], [[0, 1], [1, 1], [1, 0]])
    assert data.targets[0].dtype == dtype  # a loss sees the target as it was given


def test_nullable_booleans_are_numbers():
    frame = pd.DataFrame({"a": pd.array([True, False, True], "boolean")})
    np.testing.assert_array_equal(Dataset.of(frame, TARGET).inputs[0], [[1], [0], [1]])


def test_an_input_may_have_more_axes_and_keeps_them():
    images = np.arange(3 * 4 * 5 * 2).reshape(3, 4, 5, 2)
    data = Dataset.of(images, TARGET)
    assert data.inputs[0].shape == (3, 4, 5, 2)
    assert data.inputs[0].dtype == np.float32


def test_a_list_or_tuple_of_tables_is_several_inputs():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    for several in ([np.array(TABLE), frame], (np.array(TABLE), frame)):
        data = Dataset.of(several, [np.array(TARGET), np.zeros((3, 2))])
        assert [x.shape for x in data.inputs] == [(3, 2), (3, 1)]
        assert [y.shape for y in data.targets] == [(3, 1), (3, 2)]
        assert data.column(0, 1) == "column 1 of input 0"
        assert data.column(1, 0) == "column 'a' of input 1"


def test_a_series_is_an_input_with_a_name():
    data = Dataset.of(pd.Series([1.0, 2.0], name="age"), [1, 2])
    assert data.inputs[0].shape == (2, 1)
    assert data.column(0, 0) == "column 'age'"


def test_the_caller_s_arrays_are_left_alone():
    x, y = np.array(TABLE, np.float32), np.array(TARGET)
    before = x.copy(), y.copy()
    data = Dataset.of(x, y)
    data.rows(np.array([0, 1]))[0][0][:] = 99
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_rows_are_taken_from_every_array_alike():
    data = Dataset.of([np.array(TABLE), np.array([[10], [20], [30]])], TARGET)
    (a, b), (y,) = data.rows(np.array([2, 0]))
    np.testing.assert_array_equal(a, [[5, 6], [1, 2.5]])
    np.testing.assert_array_equal(b, [[30], [10]])
    np.testing.assert_array_equal(y, [[9], [7]])


def test_the_fingerprint_follows_the_content_and_nothing_else():
    data = Dataset.of(TABLE, TARGET)
    assert (
        data.fingerprint() == Dataset.of(np.asfortranarray(TABLE), TARGET).fingerprint()
    )
    frame = pd.DataFrame(TABLE, columns=["other", "names"])
    assert data.fingerprint() == Dataset.of(frame, TARGET).fingerprint()
    changed = np.array(TABLE)
    changed[2, 1] += 1e-3
    others = [
        Dataset.of(changed, TARGET),
        Dataset.of(TABLE, [7, 8, 10]),
        Dataset.of(np.reshape(TABLE, (3, 1, 2)), TARGET),
        Dataset.of([np.array(TABLE)[:, :1], np.array(TABLE)[:, 1:]], TARGET),
    ]
    prints = {data.fingerprint(), *(other.fingerprint() for other in others)}
    assert len(prints) == 5


def problems_of(inputs, targets):
    with pytest.raises(DataError) as caught:
        Dataset.of(inputs, targets)
    first, *problems = str(caught.value).split("\n- ")
    assert first == "These data cannot be trained on:"
    return problems


def test_rows_must_belong_together():
    (problem,) = problems_of([np.zeros((3, 2)), np.zeros((4, 1))], [1, 2])
    assert problem == (
        "the numbers of rows differ (input 0: 3, input 1: 4, target 0: 2); "
        "rows must belong together"
    )


@pytest.mark.parametrize(
    ("inputs", "targets", "problem"),
    [
        ([], [1.0], "input 0 is empty: its shape is (0, 1)"),
        (np.zeros((0, 3)), [1.0], "input 0 is empty: its shape is (0, 3)"),
        (np.zeros((1, 0)), [1.0], "input 0 is empty: its shape is (1, 0)"),
        (pd.DataFrame({"a": []}), [1.0], "input 0 is empty: its shape is (0, 1)"),
        ([[1.0]], [], "target 0 is empty: its shape is (0, 1)"),
        (5.0, [1.0], "input 0 is a single value, but must have rows"),
        ([[1.0]], 5, "target 0 is a single value, but must have rows"),
        ("table.csv", [1.0], "input 0 is a single value, but must have rows"),
    ],
)
def test_there_must_be_rows(inputs, targets, problem):
    assert problem in problems_of(inputs, targets)


def test_there_must_be_an_input_and_a_target():
    with pytest.raises(DataError, match="at least one input and one target"):
        Dataset(inputs=(), targets=(np.zeros((1, 1)),))


@pytest.mark.parametrize("as_numpy", [False, True])
def test_missing_and_infinite_values_are_counted_column_by_column(as_numpy):
    nan, inf = float("nan"), float("inf")
    frame = pd.DataFrame(
        {"whole": [1, 2, 3], "holes": [nan, 2, nan], "both": [nan, inf, -inf]},
        dtype="float64",
    )
    a, b = ("column 1", "column 2") if as_numpy else ("column 'holes'", "column 'both'")
    assert problems_of(frame.to_numpy() if as_numpy else frame, [1, nan, 3]) == [
        f"{a} has 2 missing of 3 values; fill them or drop the rows",
        f"{b} has 1 missing and 2 infinite of 3 values; fill them or drop the rows",
        "the target has 1 missing of 3 values; fill them or drop the rows",
    ]


@pytest.mark.parametrize(
    "column",
    [
        pd.array([1, None, 3], "Int64"),
        pd.array([0.5, None, 1], "Float64"),
        pd.array([True, None, False], "boolean"),
        [1, None, 3],
        np.array([1, None, 3], object),
    ],
    ids=["Int64", "Float64", "boolean", "None in a list", "None in objects"],
)
def test_missing_values_of_every_kind_are_missing(column):
    rest = "of 3 values; fill them or drop the rows"
    assert problems_of(pd.DataFrame({"a": column}), TARGET) == [
        f"column 'a' has 1 missing {rest}"
    ]
    assert problems_of(TABLE, column) == [f"the target has 1 missing {rest}"]


def test_a_number_too_large_for_32_bits_is_infinite_in_them():
    assert problems_of([[1.0, 1e300], [2.0, 0.0]], [1, 2]) == [
        "column 1 has 1 infinite of 2 values; fill them or drop the rows"
    ]


def test_the_columns_of_a_wide_target_are_told_apart():
    nan = float("nan")
    assert problems_of([np.zeros((2, 1))], np.array([[0, nan, 1], [0, 1, nan]])) == [
        "column 1 of the target has 1 missing of 2 values; fill them or drop the rows",
        "column 2 of the target has 1 missing of 2 values; fill them or drop the rows",
    ]
    targets = [np.zeros(2), np.array([[0, nan], [0, 1]])]
    assert problems_of(np.zeros((2, 1)), targets) == [
        "column 1 of target 1 has 1 missing of 2 values; fill them or drop the rows"
    ]


def test_many_bad_columns_are_counted_not_listed():
    problems = problems_of(np.full((2, 50), np.nan), [1, 2])
    assert len(problems) == 21
    assert problems[-1] == "… and so on in 30 more columns"
    assert len(problems_of(np.full((2, 20), np.nan), [1, 2])) == 20


def text_problem(name, example):
    return (
        f"{name} holds {example}, which is not a number; encode it (one-hot, say) or "
        "leave it out"
    )


@pytest.mark.parametrize("dtype", [None, object, "string", "category", "str"], ids=str)
def test_text_columns_are_named_with_an_example(dtype):
    town = pd.Series(["Ulm", "Köln", "Ulm"], dtype=dtype)
    frame = pd.DataFrame({"rooms": [1, 2, 3], "town": town, "area": [1.5, 2.0, 3.0]})
    assert problems_of(frame, TARGET) == [text_problem("column 'town'", "'Ulm'")]


@pytest.mark.parametrize(
    "table",
    [
        [["Ulm", 1.5], ["Köln", 2]],
        np.array([["Ulm", 1.5], ["Köln", 2]], object),
    ],
    ids=["a list", "objects"],
)
def test_numbers_beside_text_stay_numbers(table):
    assert problems_of(table, [1, 2]) == [text_problem("column 0", "'Ulm'")]


def test_numbers_written_as_text_are_text():
    assert problems_of(np.array([["1"], ["2"]]), [1, 2]) == [
        text_problem("column 0", "'1'")
    ]
    assert problems_of([[1], [2]], ["low", "high"]) == [
        text_problem("the target", "'low'")
    ]


def test_text_and_missing_values_are_reported_together():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [1.0, float("nan")], "c": [1, 2]})
    assert problems_of(frame, [1, float("inf")]) == [
        text_problem("column 'a'", "'x'"),
        "column 'b' has 1 missing of 2 values; fill them or drop the rows",
        "the target has 1 infinite of 2 values; fill them or drop the rows",
    ]


@pytest.mark.parametrize(
    ("values", "example"),
    [
        (np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]"), "2020-01-01"),
        (pd.to_datetime(pd.Series(["2020-01-01", "2020-01-02"])), "2020-01-01"),
        (np.array([1, 2], "timedelta64[s]"), "1 seconds"),
        (np.array([1 + 2j, 3]), "1+2j"),
        ([date(2020, 1, 1), date(2020, 1, 2)], "datetime.date(2020, 1, 1)"),
        ([b"a", b"b"], "b'a'"),
    ],
    ids=["dates", "a series of dates", "durations", "complex", "objects", "bytes"],
)
def test_what_is_no_real_number_is_named(values, example):
    (problem,) = problems_of(values, [1, 2])
    assert "column 0 holds " in problem
    assert example in problem


def test_rows_of_different_lengths_are_no_table():
    with pytest.raises(DataError, match="not a table of numbers"):
        Dataset.of([[1, 2], [3]], [1, 2])


def test_large_whole_numbers_are_no_others_in_32_bits():
    target = np.array([5_000_000_000, 6_000_000_000, 9_000_000_000])
    data = Dataset.of(np.arange(3.0), target)
    np.testing.assert_allclose(data.targets[0][:, 0], target, rtol=1e-6)
    assert data.targets[0].dtype == np.float32


def test_differences_that_32_bits_cannot_see_are_refused():
    seconds = 1.7e9 + np.arange(60)
    with pytest.raises(DataError, match="column 0: the differences are too small"):
        Dataset.of(seconds, np.arange(60.0))
    with pytest.raises(DataError, match="the target: the differences are too small"):
        Dataset.of(np.arange(60.0), seconds)


def test_a_masked_value_is_missing():
    masked = np.ma.masked_greater(np.arange(6.0), 3)
    with pytest.raises(DataError, match="column 0 has 2 missing"):
        Dataset.of(masked, np.arange(6.0))


def test_rows_that_are_no_table_are_named():
    rows = list(np.zeros((30, 4)))
    with pytest.raises(DataError, match="30 inputs of one column each; if these are"):
        Dataset.of(rows, np.arange(30.0))


# --- Weights of rows ----------------------------------------------------------------


SAME_WEIGHTS = {
    "a list": [1, 0, 2.5],
    "one axis": np.array([1, 0, 2.5]),
    "two axes": np.array([[1], [0], [2.5]]),
    "a series": pd.Series([1, 0, 2.5]),
    "objects": np.array([1, 0, 2.5], object),
}


@pytest.mark.parametrize("weights", SAME_WEIGHTS.values(), ids=SAME_WEIGHTS)
def test_equal_weights_are_equal_whatever_their_kind(weights):
    data = Dataset.of(TABLE, TARGET, weights=weights)
    assert data.weights.dtype == np.float32
    np.testing.assert_array_equal(data.weights, [1, 0, 2.5])


def test_rows_have_no_weights_unless_given():
    assert Dataset.of(TABLE, TARGET).weights is None


BAD_WEIGHTS = {
    "too few": ([1, 2], "have the shape (2,), but must be one number for each"),
    "too wide": (np.ones((3, 2)), "have the shape (3, 2), but must be"),
    "a single one": (1.0, "have the shape (), but must be"),
    "missing": ([1, None, 2], "has 1 missing of 3 values"),
    "infinite": ([1, float("inf"), 2], "has 1 infinite of 3 values"),
    "text": (["a", "b", "c"], "holds 'a', which is not a number"),
    "negative": ([1, 2, -0.5], "the weight of row 2 is -0.5, but must be >= 0"),
    "nothing": ([0, 0, 0], "the weights of all rows are 0"),
}


@pytest.mark.parametrize(("weights", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_that_cannot_be_used_are_reported(weights, message):
    with pytest.raises(DataError) as caught:
        Dataset.of(TABLE, TARGET, weights=weights)
    assert message in str(caught.value)


def test_bad_weights_are_reported_with_all_else():
    with pytest.raises(DataError) as caught:
        Dataset.of([[1], [np.nan], [3]], ["a", "b", "c"], weights=[1, -1, 1])
    message = str(caught.value)
    assert "column 0 has 1 missing" in message
    assert "the target holds 'a'" in message
    assert "the weight of row 1 is -1" in message


def test_weights_beside_what_is_no_table_do_no_harm():
    with pytest.raises(DataError, match="input 0 is a single value"):
        Dataset.of(5, TARGET, weights=[1, 1, 1])


def test_weights_are_part_of_the_content():
    contents = [
        Dataset.of(TABLE, TARGET, weights=weights).fingerprint()
        for weights in (None, [1, 1, 1], [1, 1, 2], [1, 1, 2])
    ]
    assert len(set(contents)) == 3
    assert contents[2] == contents[3]
