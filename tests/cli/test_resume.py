"""`cerebros resume`: going on with the settings that a search was begun with."""

import json

import pytest

from cerebros.cli._search_record import read_record
from cerebros.search import SqlStore
from cerebros.search.stores import DATABASE
from cerebros.training import Objective


def test_a_search_is_extended(run, copied):
    done = run("resume", copied / "price", "--trials", "3", "--progress", "lines")
    assert done.code == 0
    assert "going on after 2 stored trials" in done.err
    assert "trial    2" in done.err
    assert "of 3 networks" in done.out
    assert read_record(copied / "price").n_trials == 3


def test_a_search_without_any_trial_yet_is_begun(run, copied):
    expected = run("trials", copied / "price", "--json").out
    (copied / "price" / DATABASE).unlink()
    assert run("resume", copied / "price", "--quiet").code == 0
    found = run("trials", copied / "price", "--json").out

    def without_seconds(text):
        trials = json.loads(text)["trials"]
        return [{k: v for k, v in t.items() if k != "seconds"} for t in trials]

    assert without_seconds(found) == without_seconds(expected)


def test_fewer_trials_than_there_are_make_no_sense(run, copied):
    done = run("resume", copied / "price", "--trials", "1")
    assert done.code == 2
    assert "already holds 2 networks" in done.err
    assert read_record(copied / "price").n_trials == 2


def test_a_changed_table_stops_it(run, copied):
    with (copied / "houses.csv").open("a") as file:
        file.write("0,0,True,Elm,3,0,big\n")
    done = run("resume", copied / "price", "--trials", "3")
    assert done.code == 2
    assert "has changed since the search was begun" in done.err
    assert read_record(copied / "price").n_trials == 2


def test_a_table_that_was_moved_is_remembered(run, copied):
    table = (copied / "houses.csv").rename(copied / "moved.csv")
    assert run("resume", copied / "price").code == 2
    done = run("resume", copied / "price", "--table", table, "--quiet")
    assert done.code == 0
    assert read_record(copied / "price").source.relative == "../moved.csv"


@pytest.mark.parametrize("command", ["resume", "search"])
def test_one_process_at_a_time(run, copied, command):
    store = SqlStore.in_folder(copied / "price", Objective())
    begin = ("search", copied / "houses.csv", "--target", "price", "--leave-out")
    settings = ("--levels", "2", "--units", "1", "--neurons", "2..3", "--epochs", "2")
    arguments = {
        "resume": ("resume", copied / "price", "--trials", "3"),
        "search": (*begin, "kind", *settings, "--trials", "3"),
    }[command]
    if command == "search":
        arguments = (*arguments, "--out", copied / "price")
    with store.begin(store.definition()):
        done = run(*arguments)
        assert done.code == 3
        assert "another process is searching" in done.err
        assert run("trials", copied / "price").code == 0
