"""Labels, and the numbers of the classes that they name."""

import numpy as np
import pandas as pd
import pytest

from cerebros.errors import DataError
from cerebros.training._dataset import as_labels

PETS = ["dog", "cat", "dog"]


@pytest.mark.parametrize(
    "labels",
    [
        PETS,
        np.array(PETS),
        np.array(PETS)[:, None],
        np.array(PETS, object),
        pd.Series(PETS),
        pd.Series(PETS, dtype=object),
        pd.Series(PETS, dtype="string"),
        pd.Series(PETS, dtype="category"),
        pd.DataFrame({"pet": PETS}),
    ],
    ids=[
        "list", "array", "column", "objects", "series", "objects in a series",
        "string", "category", "frame",
    ],
)  # fmt: skip
def test_text_is_numbered_in_alphabetical_order(labels):
    classes, numbers = as_labels(labels)
    assert classes == ["cat", "dog"]
    assert [type(label) for label in classes] == [str, str]
    assert numbers.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([3, 1, 3], [1, 3]),
        (np.array([3, 1, 3], np.uint8), [1, 3]),
        (pd.Series([3, 1, 3], dtype="Int64"), [1, 3]),
        (pd.Series([3, 1, 3], dtype=object), [1, 3]),
        ([0.5, -0.5, 0.5], [-0.5, 0.5]),
        ([True, False, True], [False, True]),
        (np.array([True, False, True]), [False, True]),
        (pd.Series([True, False, True], dtype="boolean"), [False, True]),
        (pd.Series([True, False, True], dtype=object), [False, True]),
        (list(np.array([3, 1, 3])), [1, 3]),
    ],
)
def test_numbers_and_booleans_stay_what_they_are(labels, classes):
    found, numbers = as_labels(labels)
    assert found == classes
    assert [type(label) for label in found] == [type(label) for label in classes]
    assert numbers.tolist() == [1, 0, 1]


def test_numbers_of_several_kinds_are_numbers():
    assert as_labels([1, 2.5, 1])[0] == [1, 2.5]


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None, "b"],
        ["a", float("nan"), "b"],
        [1, None, 2],
        [1.0, float("nan"), 2.0],
        np.array([1.0, np.nan, 2.0], np.float32),
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series(["a", None, "b"], dtype="category"),
        pd.Series([1, None, 2], dtype="Int64"),
        pd.Series([True, None, False], dtype="boolean"),
        pd.to_datetime(pd.Series(["2020-01-01", None, "2020-01-02"])),
    ],
    ids=str,
)
def test_a_missing_label_is_counted_and_found(labels):
    with pytest.raises(DataError) as caught:
        as_labels(labels)
    assert str(caught.value) == (
        "the labels are missing in 1 of 3 rows, first in row 1; drop these rows"
    )


@pytest.mark.parametrize(
    ("labels", "kinds"),
    [
        (["a", 1, "b"], "int, str"),
        (pd.Series(["a", 1.5], dtype=object), "float, str"),
        ([True, "yes"], "bool, str"),
    ],
)
def test_kinds_are_not_mixed(labels, kinds):
    with pytest.raises(DataError, match=rf"mix kinds \({kinds}\); make them all text"):
        as_labels(labels)


@pytest.mark.parametrize(
    ("labels", "shape", "way"),
    [
        ([], "(0,)", ""),
        (np.eye(3), "(3, 3)", "; of one-hot rows take labels.argmax(axis=1)"),
        ("cat", "()", ""),
        (1, "()", ""),
    ],
)
def test_there_is_one_label_for_each_row(labels, shape, way):
    with pytest.raises(DataError) as caught:
        as_labels(labels)
    assert str(caught.value) == (
        f"labels have the shape {shape}, but must be one label for each row{way}"
    )


def test_labels_that_look_like_a_regression_are_refused():
    with pytest.raises(DataError, match=r"30 different numbers in 30 rows.*regression"):
        as_labels(np.linspace(0, 1, 30))
    assert as_labels(np.arange(30.0) % 3)[0] == [0, 1, 2]
