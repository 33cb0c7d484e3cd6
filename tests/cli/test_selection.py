"""What of a table is used: medians of the training rows, and copies of the target."""

import numpy as np
import pandas as pd
import pytest

from cerebros.cli._selection import select
from cerebros.errors import DataError

N = 100


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N)}).assign(
        y=rng.normal(size=N), c=np.arange(N) % 3
    )


def test_missing_values_stop_a_search_that_was_not_told_to_fill_them(frame):
    frame.loc[[3, 4], "a"] = np.nan
    with pytest.raises(DataError, match="--missing median do it:\n- a: 2 of 100"):
        select(frame, target="y")


@pytest.mark.parametrize("target", ["y", "c"])
def test_medians_are_those_of_the_training_rows(frame, target):
    frame.loc[::7, "a"] = np.nan
    selected = select(frame, target=target, missing="median", seed=3)
    train = selected.problem.split.train
    columns = list(selected.selection.columns)
    medians = frame[columns].iloc[train].median().tolist()
    assert selected.selection.medians == pytest.approx(medians)
    assert selected.n_filled == 15
    filled = selected.problem.data.inputs[0][::7, columns.index("a")]
    assert filled == pytest.approx(medians[columns.index("a")])


def test_other_rows_do_not_change_the_medians(frame):
    frame.loc[::7, "a"] = np.nan
    before = select(frame, target="y", missing="median")
    others = np.setdiff1d(np.arange(N), before.problem.split.train)
    frame.loc[others, "a"] = 1000.0
    after = select(frame, target="y", missing="median")
    assert after.selection.medians == before.selection.medians


def test_a_column_without_a_value_in_the_training_rows_has_no_median(frame):
    train = select(frame, target="y").problem.split.train
    frame.loc[train, "a"] = np.nan
    with pytest.raises(DataError, match="use --leave-out for them:\n- a"):
        select(frame, target="y", missing="median")


def test_copies_of_the_target_are_named(frame):
    frame["copy"] = 3 * frame["y"] - 7
    assert select(frame, target="y").copies == ("column 'copy'",)


def test_numbers_of_classes_that_are_copied_are_named(frame):
    frame["kind"] = frame["c"].map({0: 3, 1: 4, 2: 9})  # not evenly spaced
    frame["code"] = frame["kind"] * 10
    selected = select(frame.drop(columns="c"), target="kind")
    assert selected.selection.task == "classification"
    assert selected.copies == ("column 'code'",)


def test_shares_that_leave_nothing_are_refused(frame):
    with pytest.raises(ValueError, match=r"validation=0\.6, test=0\.5"):
        select(frame, target="y", validation=0.6, test=0.5)


def test_equal_selections_give_equal_problems(frame):
    one, other = (select(frame, target="y", seed=5) for _ in range(2))
    assert one.selection == other.selection
    assert one.problem.data.fingerprint() == other.problem.data.fingerprint()
    again = one.selection.problem(frame[["y", "c", "b", "a"]])
    assert again.data.fingerprint() == one.problem.data.fingerprint()
