"""Trials and their histories as data frames."""

import numpy as np
import pandas as pd
import pytest
from made_up import CONTEXT, a_plan

from cerebros.plan import plan_id
from cerebros.search import MemoryStore, SearchResult, Trial
from cerebros.training import Status

NAN = float("nan")
COLUMNS = [
    "trial", "score", "best_epoch", "epochs", "status", "levels", "units", "parameters",
    "seconds", "plan_id", "repairs", "error",
]  # fmt: skip
TRIALS = [
    Trial(
        4, a_plan(3, 2), Status.FAILED, error="RuntimeError: no", seconds=0.5
    ),
    Trial(
        0,
        a_plan(3),
        Status.FINISHED,
        score=1.5,
        best_epoch=1,
        history={"loss": (3.0, 2.0, 2.5), "val_loss": (2.0, 1.5, 1.75)},
        repairs=("unit 3 was made to read node 1, a dead end",),
        seconds=2.25,
    ),
    Trial(
        2,
        a_plan(3),
        Status.DIVERGED,
        score=7.0,
        best_epoch=0,
        history={"loss": (3.0, NAN), "val_loss": (7.0, NAN)},
        error="the loss was nan in epoch 1",
        seconds=1.0,
    ),
]  # fmt: skip


@pytest.fixture
def result():
    store = MemoryStore(CONTEXT.objective)
    with store.begin({}):
        for trial in TRIALS:
            store.append(trial, None)
    return SearchResult(store, CONTEXT)


def test_a_row_for_each_trial_in_order_of_the_numbers(result):
    frame = result.trials()
    assert list(frame.columns) == COLUMNS
    assert frame["trial"].tolist() == [0, 2, 4]
    np.testing.assert_array_equal(frame["score"], [1.5, 7.0, NAN])
    np.testing.assert_array_equal(frame["best_epoch"], [1, 0, NAN])
    assert frame["epochs"].tolist() == [3, 2, 0]
    assert frame["status"].tolist() == ["finished", "diverged", "failed"]
    assert frame["levels"].tolist() == [1, 1, 1]
    assert frame["units"].tolist() == [1, 1, 1]
    assert frame["parameters"].tolist() == [4, 4, 8]
    assert frame["seconds"].tolist() == [2.25, 1.0, 0.5]
    assert frame["plan_id"].tolist() == [
        plan_id(a_plan(3)), plan_id(a_plan(3)), plan_id(a_plan(3, 2)),
    ]  # fmt: skip
    assert frame["repairs"].tolist() == [1, 0, 0]
    assert pd.isna(frame["error"][0])
    assert frame["error"].tolist()[1:] == [
        "the loss was nan in epoch 1",
        "RuntimeError: no",
    ]


def test_a_row_for_each_trial_and_epoch(result):
    frame = result.history()
    assert list(frame.columns) == ["trial", "epoch", "loss", "val_loss"]
    assert frame[["trial", "epoch"]].values.tolist() == [
        [0, 0], [0, 1], [0, 2], [2, 0], [2, 1],
    ]  # fmt: skip
    np.testing.assert_array_equal(frame["loss"], [3.0, 2.0, 2.5, 3.0, NAN])
    np.testing.assert_array_equal(frame["val_loss"], [2.0, 1.5, 1.75, 7.0, NAN])


def test_scores_stay_numbers_where_every_trial_failed():
    store = MemoryStore(CONTEXT.objective)
    with store.begin({}):
        store.append(TRIALS[0], None)
    frame = SearchResult(store, CONTEXT).trials()
    assert frame["score"].dtype == float
    assert len(SearchResult(store, CONTEXT).history()) == 0


def test_a_search_without_trials_has_empty_frames():
    result = SearchResult(MemoryStore(CONTEXT.objective), CONTEXT)
    for frame in (result.trials(), result.history()):
        assert len(frame) == 0
        assert "trial" in frame.columns
    assert list(result.trials().columns) == COLUMNS


def test_the_leaderboard_has_the_best_first_and_no_failures(result):
    assert [trial.number for trial in result.leaderboard()] == [0, 2]
    assert result.best_trial.number == 0


def test_an_unknown_trial_is_named_with_those_that_there_are(result):
    with pytest.raises(ValueError, match=r"no trial 7; the 3 trials are .*\[0, 2, 4\]"):
        result.model(7)


def test_a_result_is_short_to_print_and_not_pickled(result):
    import pickle

    assert repr(result) == "SearchResult(3 trials)"
    with pytest.raises(TypeError, match="keep its folder instead"):
        pickle.dumps(result)
