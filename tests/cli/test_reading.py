"""`cerebros trials`, `show` and `export`: what a folder tells, and when it cannot."""

import json
import shutil
import sqlite3

import keras
import numpy as np
import pytest

from cerebros.cli import main
from cerebros.search import search_networks
from cerebros.spaces import RandomWiring
from cerebros.training import Problem, TrainingSettings


@pytest.fixture(scope="module")
def from_python(tmp_path_factory):
    """A search that was made without the command line."""
    folder = tmp_path_factory.mktemp("python")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    result = search_networks(
        Problem.regression(x, x[:, 0] * 100),
        space=RandomWiring(levels=(2, 2), units=(1, 1), neurons=(2, 2)),
        n_architectures=1,
        training=TrainingSettings(epochs=1),
        out=folder,
        show="none",
    )
    return folder, result, x


def test_trials_are_listed_best_first(run, searched):
    done = run("trials", searched / "price")
    assert done.code == 0
    heading, *rows = done.out.splitlines()
    assert heading.split()[:2] == ["trial", "val_root_mean_squared_error"]
    scores = [float(row.split()[1]) for row in rows]
    assert scores == sorted(scores)
    assert len(scores) == 2


def test_trials_in_the_order_of_training_and_only_some_of_them(run, searched):
    done = run("trials", searched / "price", "--sort", "number", "--limit", "1")
    assert done.out.splitlines()[1].split()[0] == "0"
    assert "and 1 more" in done.out


def test_trials_as_json_and_csv_say_the_same(run, searched):
    found = json.loads(run("trials", searched / "kind", "--json").out)
    assert found["metric"] == "val_loss"
    assert found["direction"] == "minimize"
    assert found["n_trials"] == 2
    heading, *rows = run("trials", searched / "kind", "--csv").out.splitlines()
    assert heading.split(",") == list(found["trials"][0])
    for row, trial in zip(rows, found["trials"], strict=True):
        assert row.split(",")[:2] == [str(trial["trial"]), str(trial["score"])]


def test_a_network_is_shown_in_words_and_drawn(run, copied):
    done = run("show", copied / "kind", "best")
    assert done.code == 0
    assert "rank           1 of 2" in done.out
    assert "level 1" in done.out
    assert "sigmoid, output" in done.out
    assert "val_accuracy" in done.out
    (picture,) = (copied / "kind" / "pictures").iterdir()
    assert str(picture) in done.out
    assert picture.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_network_as_json(run, copied, tmp_path):
    picture = tmp_path / "new" / "one.svg"
    done = run("show", copied / "price", "1", "--json", "--picture", picture)
    shown = json.loads(done.out)
    assert shown["trial"] == 1
    assert len(shown["history"]["val_loss"]) == 2
    assert shown["plan"]["format"] == "cerebros.plan"
    assert shown["picture"] == str(picture)
    assert picture.read_text("utf-8").startswith("<svg")


def test_an_exported_model_predicts_and_can_be_trained_further(run, copied, tmp_path):
    path = tmp_path / "models" / "house.keras"
    done = run("export", copied / "price", "--output", path)
    assert done.code == 0
    assert "it reads, in this order: size, age, new" in done.out
    model = keras.models.load_model(path)
    x = np.array([[1, 2, 0], [0, 1, 1]], np.float32)
    assert model.predict(x, verbose=0).shape == (2, 1)
    assert model.evaluate(x, np.ones(2), verbose=0)[0] > 0


def test_an_exported_classifier_says_what_its_answers_mean(run, copied):
    done = run("export", copied / "kind", "--trial", "1", "--json")
    found = json.loads(done.out)
    assert found["classes"] == ["big", "small"]
    assert found["columns"] == ["size", "age", "new"]
    assert found["model"].endswith("trial_00001.keras")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "7"), 2, "there is no trial 7 in"),
        (("show", "best", "--picture", "a.png"), 2, "ends in .html or .svg"),
        (("export", "--output", "model.h5"), 2, "ends in .keras"),
        (("trials", "--search", "other"), 3, "no search named 'other'; it has search"),
    ],
)
def test_what_is_not_there_is_said(run, searched, arguments, code, words):
    command, *rest = arguments
    done = run(command, searched / "price", *rest)
    assert done.code == code
    assert words in done.err
    assert done.out == ""


@pytest.mark.parametrize("command", ["trials", "show", "predict", "export", "resume"])
def test_a_folder_without_a_search_is_refused(run, tmp_path, command):
    rest = {"show": ["best"], "predict": ["t.csv"]}.get(command, [])
    done = run(command, tmp_path, *rest)
    assert (done.code, done.out) == (3, "")
    assert "holds no search" in done.err
    done = run(command, tmp_path / "nothing", *rest)
    assert done.code == 3
    assert "does not exist" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_has_only_a_job_yet_can_be_begun(run, copied):
    (copied / "price" / "search.sqlite").unlink()
    done = run("trials", copied / "price")
    assert done.code == 3
    assert f"`cerebros resume {copied / 'price'}` begins it" in done.err


def change(database, statement):
    with sqlite3.connect(database) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.write_bytes(b"no database" * 999), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "is damaged"),
        (lambda path: path.write_bytes(b""), "its database is empty"),
        (
            lambda path: change(path, "UPDATE cerebros_searches SET schema_version=99"),
            "newer release",
        ),
        (
            lambda path: change(path, "UPDATE cerebros_trials SET plan='oops'"),
            "is damaged",
        ),
    ],
)
def test_a_damaged_store_is_refused(run, copied, harm, words):
    harm(copied / "price" / "search.sqlite")
    for command in (("trials",), ("show", "best"), ("predict", "t.csv")):
        name, *rest = command
        done = run(name, copied / "price", *rest)
        assert done.code == 3
        assert words in done.err
        assert "Traceback" not in done.err


def test_trials_and_show_do_not_need_the_job(run, copied):
    (copied / "price" / "job.json").write_text("{")
    assert run("trials", copied / "price").code == 0
    assert run("show", copied / "price", "best").code == 0
    for command in (("predict", copied / "houses.csv"), ("resume",)):
        name, *rest = command
        done = run(name, copied / "price", *rest)
        assert done.code == 3
        assert "job.json is damaged" in done.err


def test_a_search_from_python_is_listed_shown_and_exported(run, from_python, tmp_path):
    folder, result, x = from_python
    assert run("trials", folder).code == 0
    assert run("show", folder, "best", "--picture", tmp_path / "p.svg").code == 0
    assert run("export", folder, "--output", tmp_path / "m.keras").code == 0
    exported = keras.models.load_model(tmp_path / "m.keras")
    x = x.astype("float32")
    np.testing.assert_allclose(
        exported.predict(x, verbose=0),
        result.best_model().predict(x, verbose=0),
        rtol=1e-6,
    )
    for command in (("predict", "t.csv"), ("resume",)):
        name, *rest = command
        done = run(name, folder, *rest)
        assert done.code == 3
        assert "has no job.json" in done.err
        assert "from Python" in done.err


def test_the_last_of_several_searches_is_shown_unless_one_is_named(
    run, from_python, tmp_path
):
    folder = shutil.copytree(from_python[0], tmp_path / "several")
    change(
        folder / "search.sqlite",
        "INSERT INTO cerebros_searches SELECT 'later', schema_version, definition, "
        "'2999-01-01T00:00:00+00:00' FROM cerebros_searches",
    )
    done = run("trials", folder, "--json")
    assert json.loads(done.out)["trials"] == []
    assert "holds 2 searches: search, later" in done.err
    done = run("trials", folder, "--search", "search", "--json")
    assert len(json.loads(done.out)["trials"]) == 1


def test_weights_that_were_not_kept_are_missed(run, copied):
    (copied / "kind" / "weights" / "trial_00001.safetensors").unlink()
    done = run("predict", copied / "kind", copied / "houses.csv", "--trial", "1")
    assert done.code == 3
    assert "trial_00001.safetensors is missing" in done.err


def test_a_reader_who_leaves_early_causes_no_complaint(searched, monkeypatch):
    def leave(*_arguments, **_keywords):
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", leave)
    assert main(["trials", str(searched / "price")]) == 0
