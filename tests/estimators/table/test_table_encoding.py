"""Whole tables: which columns are used, and what becomes of rows that differ."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from cerebros.errors import DataError
from cerebros.estimators.table import (
    EncodingSettings,
    columns_of,
    encoding_from_state,
    fit_encoding,
)

SETTINGS = EncodingSettings()
WORDS = ["good", "great", "poor", "broken", "red", "blue", "tall", "small"]


def fitted(table, **settings):
    return fit_encoding(columns_of(table), EncodingSettings(**settings))


@pytest.fixture
def table(rng):
    n = 200
    return {
        "size": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
        "flag": rng.random(n) < 0.5,
        "color": np.array(["red", "green", None], object)[rng.integers(3, size=n)],
        "day": np.datetime64("2020-01-01") + rng.integers(900, size=n),
        "review": np.array(
            [" ".join(rng.choice(WORDS, 4)) + f" {i}" for i in range(n)], object
        ),
        "one": np.full(n, 4.0),
        "same": np.array(["x"] * n, object),
        "empty": np.full(n, np.nan),
        "void": np.array([None] * n, object),
        "today": np.full(n, np.datetime64("2020-01-01")),
        "name": np.array([f"ID{i:05d}" for i in range(n)], object),
    }


def test_what_cannot_be_learned_from_is_not_used_and_says_why(table):
    encoding = fitted(table)
    assert list(encoding.encoders) == ["size", "flag", "color", "day", "review"]
    assert {name: why.split()[-1] for name, why in encoding.unused.items()} == {
        "one": "constant",
        "same": "constant",
        "today": "constant",
        "empty": "missing",
        "void": "missing",
        "name": "do",
    }
    assert "identifiers" in encoding.unused["name"]
    assert encoding.names == tuple(table)


@pytest.mark.parametrize(
    "values",
    [
        [1.0] * 5 + [np.nan] * 5,
        ["x"] * 5 + [None] * 5,
        ["2020-01-01"] * 5 + [None] * 5,
        [True] * 5 + [None] * 5,
    ],
)
def test_whether_a_constant_is_missing_may_tell_something(values):
    encoding = fitted({"a": values})
    plain, encoded = encoding.transform(columns_of({"a": values}))
    assert len(np.unique(plain, axis=0)) == 2
    assert encoded.shape == (10, 0)


def test_columns_are_left_out_or_made_categories_where_asked():
    table = {"a": np.arange(12) % 3, "b": np.arange(12.0)}
    encoding = fit_encoding(
        columns_of(table, texts=["a"]), EncodingSettings(texts=("a",), dropped=("b",))
    )
    assert encoding.feature_names() == ["a =0", "a =1", "a =2"]
    assert encoding.unused == {"b": "it was to be dropped"}


def test_an_encoding_is_its_state(table):
    encoding, columns = fitted(table), columns_of(table)
    state = encoding.state()
    text = json.dumps(state, default=lambda array: array.tolist())
    for again in (encoding_from_state(state), encoding_from_state(json.loads(text))):
        assert again.names == encoding.names
        assert again.unused == encoding.unused
        assert again.feature_names() == encoding.feature_names()
        for a, b in zip(
            encoding.transform(columns), again.transform(columns), strict=True
        ):
            np.testing.assert_array_equal(a, b)


def test_features_are_as_many_as_they_say(table):
    encoding, columns = fitted(table), columns_of(table)
    plain, encoded = encoding.transform(columns)
    assert plain.dtype == encoded.dtype == np.float32
    assert (plain.shape[1], encoded.shape[1]) == encoding.n_features
    assert len(encoding.feature_names()) == plain.shape[1]
    assert (np.abs(encoded) <= 1).all()


def test_the_order_of_columns_does_not_matter_and_more_do_no_harm(table):
    encoding, columns = fitted(table), columns_of(table)
    turned = {"extra": np.zeros(200)} | dict(reversed(columns.items()))
    for a, b in zip(
        encoding.transform(columns), encoding.transform(turned), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_columns_that_are_not_used_may_be_missing(table):
    encoding = fitted(table)
    fewer = {name: columns_of(table)[name] for name in encoding.encoders}
    encoding.transform(fewer)


def test_a_row_does_not_depend_on_others(table):
    encoding, columns = fitted(table), columns_of(table)
    whole = encoding.transform(columns)
    row = {name: values[3:4] for name, values in columns.items()}
    none = {name: values[:0] for name, values in columns.items()}
    for all_rows, one, nothing in zip(
        whole, encoding.transform(row), encoding.transform(none), strict=True
    ):
        np.testing.assert_allclose(one[0], all_rows[3], atol=1e-6)
        assert nothing.shape == (0, all_rows.shape[1])


def test_missing_columns_are_named_with_a_guess(table):
    encoding, columns = fitted(table), columns_of(table)
    columns["sizes"] = columns.pop("size")
    del columns["day"]
    with pytest.raises(DataError) as error:
        encoding.transform(columns)
    assert "column 'size' is missing; is it the one named 'sizes'?" in str(error.value)
    assert "column 'day' is missing" in str(error.value)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "size",
            ["12", "a lot"],
            "numbers in training, but holds text such as 'a lot'",
        ),
        ("day", ["2020-01-01", "soon"], "dates in training, but holds text such as 's"),
        ("day", [1.0, 2.0], "dates in training, but holds numbers"),
        ("size", ["2020-01-01"] * 2, "numbers in training, but holds dates"),
    ],
)
def test_columns_of_another_kind_are_named(table, name, values, message):
    new = {key: values[:2] for key, values in table.items()} | {name: values}
    with pytest.raises(DataError, match=f"column {name!r} held {message}"):
        fitted(table).transform(columns_of(new))


@pytest.mark.parametrize("name", ["size", "day", "color", "review"])
def test_a_column_may_be_all_missing_later(table, name):
    encoding = fitted(table)
    for nothing in ([None, None], [np.nan, np.nan], ["", ""]):
        new = {key: values[:2] for key, values in table.items()} | {name: nothing}
        plain, _ = encoding.transform(columns_of(new))
        assert np.isfinite(plain).all()


def test_categories_read_the_same_from_numbers_and_text():
    encoding = fit_encoding({"a": np.array(["1", "2", "x"] * 4, object)}, SETTINGS)
    as_text = encoding.transform({"a": np.array(["1", "2"], object)})
    as_numbers = encoding.transform({"a": np.array([1.0, 2.0])})
    np.testing.assert_array_equal(as_text[0], as_numbers[0])


def test_many_missing_columns_are_counted():
    encoding = fitted(np.random.default_rng(0).normal(size=(5, 2000)))
    with pytest.raises(DataError, match="and 1990 more"):
        encoding.transform({f"y{i}": np.zeros(2) for i in range(2000)})


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ({}, "there is none"),
        ({"a": [1.0, 1.0]}, "'a': it is constant"),
        ({"a": []}, "'a': all of it is missing"),
        ({"a": [1.0]}, "'a': it is constant"),
        ({"a": ["x", "y", "x", "y"]}, "'a': it holds nothing that repeats"),
    ],
)
def test_a_table_of_nothing_is_refused(table, match):
    with pytest.raises(DataError, match=match):
        fitted(table)


def test_wide_tables_have_fewer_bins(rng):
    for n_columns in (10, 100, 400):
        encoding = fitted(rng.normal(size=(50, n_columns)))
        assert encoding.n_features[1] <= 640


def test_ten_thousand_columns_are_encoded(rng):
    frame = pd.DataFrame(rng.normal(size=(50, 10_000)))
    columns = columns_of(frame)
    encoding = fit_encoding(columns, SETTINGS)
    plain, encoded = encoding.transform(columns)
    assert plain.shape == (50, 10_000)
    assert encoded.shape == (50, 0)


@pytest.mark.parametrize("name", ["bins", "most_encoded", "most_categories"])
def test_negative_settings_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must not be negative"):
        EncodingSettings(**{name: -1})


def test_settings_of_zero_leave_features_out(table):
    encoding = fitted(table, bins=0, most_categories=0, text_features=0)
    assert encoding.n_features[1] == 0
    assert "review" in encoding.unused
    colors = [name for name in encoding.feature_names() if name.startswith("color")]
    assert colors == ["color missing", "color other"]


def known(table, seed=0):
    """The same with a column of many categories, and targets."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(90, size=200)
    more = {"place": np.array([f"p{i}" for i in levels], object)}
    targets = np.stack([levels % 2, levels % 5, rng.normal(size=200)], axis=1)
    return columns_of(table | more), np.asarray(targets, float)


def test_categories_and_texts_know_targets(table):
    columns, targets = known(table)
    encoding = fit_encoding(columns, SETTINGS, targets=targets)
    assert encoding.knows_targets
    names = encoding.feature_names()
    assert [n for n in names if "mean target" in n or "score" in n] == [
        *(f"review score {i}" for i in range(3)),
        *(f"place mean target {i}" for i in range(3)),
    ]
    again = encoding_from_state(encoding.state())
    assert again.outputs == (0, 1, 2)
    for a, b in zip(encoding.transform(columns), again.transform(columns), strict=True):
        np.testing.assert_array_equal(a, b)
    without = fit_encoding(columns, SETTINGS)
    assert not without.knows_targets
    assert set(without.feature_names()) < set(names)


def test_features_of_training_rows_know_targets_of_other_folds_only(table):
    columns, targets = known(table)
    encoding = fit_encoding(columns, SETTINGS, targets=targets)
    folds = np.arange(200) % 4
    plain, encoded = encoding.out_of_fold(columns, targets, None, folds)
    usual, usual_encoded = encoding.transform(columns)
    np.testing.assert_array_equal(encoded, usual_encoded)
    names = np.array(encoding.feature_names())
    differ = {str(n) for n in names[(plain != usual).any(axis=0)]}
    assert {name.split()[0] for name in differ} == {"place", "review"}
    means = np.flatnonzero(names == "place mean target 0")[0]
    assert np.corrcoef(plain[:, means], targets[:, 0])[0, 1] > 0.6
    # A target that changes within a fold changes other rows of its category only.
    row = 0
    changed = targets.copy()
    changed[row, 0] = 1 - changed[row, 0]
    other, _ = encoding.out_of_fold(columns, changed, None, folds)
    assert other[row, means] == pytest.approx(plain[row, means], abs=0.05)
    alike = columns["place"] == columns["place"][row]
    beside = np.flatnonzero(alike & (folds != folds[row]))
    assert (np.abs(other - plain)[beside, means] > 0.1).all()


def test_one_of_two_classes_and_ten_of_many_are_known(table):
    columns, targets = known(table)
    for n, expected in ((2, (1,)), (3, (0, 1, 2))):
        classes = np.eye(n)[np.arange(200) % n]
        assert fit_encoding(columns, SETTINGS, targets=classes).outputs == expected
    rare = np.minimum((np.arange(200) ** 0.6).astype(int), 15)  # later ones are larger
    outputs = fit_encoding(columns, SETTINGS, targets=np.eye(16)[rare]).outputs
    frequent = np.argsort(-np.bincount(rare, minlength=16), kind="stable")[:10]
    assert set(outputs) == set(frequent.tolist())
    two_numbers = targets[:, 1:]
    assert fit_encoding(columns, SETTINGS, targets=two_numbers).outputs == (0, 1)


@pytest.mark.parametrize("knows_targets", [False, True])
@pytest.mark.parametrize("n_rows", [2, 30, 120])
def test_learned_from_other_rows_features_are_as_many(table, knows_targets, n_rows):
    columns, targets = known(table)
    first = {name: values[:n_rows] for name, values in columns.items()}
    known_first = targets[:n_rows] if knows_targets else None
    encoding = fit_encoding(
        columns, SETTINGS, targets=targets if knows_targets else None
    )
    fresh = encoding.refitted(first, targets=known_first)
    assert fresh.n_features == encoding.n_features
    assert len(fresh.feature_names()) == fresh.n_features[0]
    again = encoding_from_state(fresh.state())
    for own in (fresh, again):
        plain, encoded = own.transform(columns)
        assert (plain.shape[1], encoded.shape[1]) == encoding.n_features
        assert np.isfinite(plain).all()
    # What is learned is learned from these rows alone.
    alone = fit_encoding({"size": first["size"]}, SETTINGS)
    assert fresh.encoders["size"].median == alone.encoders["size"].median
    if knows_targets:
        plain, _ = fresh.out_of_fold(first, known_first, None, np.arange(n_rows) % 2)
        assert np.isfinite(plain).all()


def test_encoding_takes_little_more_memory_than_its_result(rng):
    columns = {f"x{i}": rng.normal(size=40_000) for i in range(20)}
    encoding = fit_encoding(columns, SETTINGS)
    tracemalloc.start()
    try:
        made = encoding.transform(columns)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert made[1].shape == (40_000, 320)
    assert peak <= 1.5 * sum(array.nbytes for array in made)


def test_features_do_not_depend_on_how_many_rows_there_are(table):
    columns, targets = known(table)
    encoding = fit_encoding(columns, SETTINGS, targets=targets)
    whole = encoding.transform(columns)
    for row in (0, 3, 199):
        one = {name: values[row : row + 1] for name, values in columns.items()}
        for a, b in zip(whole, encoding.transform(one), strict=True):
            np.testing.assert_array_equal(a[row], b[0])


def test_wide_tables_have_fewer_features_of_repeated_values(rng):
    mostly_zero = np.where(
        rng.random((90, 80)) < 0.6, 0, rng.integers(30, size=(90, 80))
    )
    encoding = fitted(mostly_zero * 1.0)
    assert encoding.n_features[0] <= 80 + 640
