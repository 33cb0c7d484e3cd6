"""`cerebros fit`: from a table of any kind to one model file, and what is refused."""

import io
import json
import sys

import numpy as np
import pandas as pd
import pytest
from homes import FAST, homes

from cerebros.cli._fit import as_option
from cerebros.estimators import load
from cerebros.estimators.guards import check_table

TWO = ("--folds", "2", "--trials", "1", "--epochs", "1")


def predictions(path):
    return load(path).predict(homes(30, seed=1))


@pytest.fixture
def there(tmp_path, monkeypatch):
    """A folder to work in, with the table as homes.csv."""
    monkeypatch.chdir(tmp_path)
    homes().to_csv("homes.csv", index=False)
    return tmp_path


def test_a_table_becomes_a_model_of_its_name(run, there):
    done = run("fit", "homes.csv", "--target", "price", "--drop", "kind", *FAST)
    assert done.code == 0
    assert (there / "homes.cerebros").is_file()
    assert [path.name for path in there.iterdir() if "part" in path.name] == []
    assert "selection score  ensemble weight" in done.out
    for words in (
        "\nThe best 6 of 6 models; 2 trials",
        "\nmodel ",
        "rmse on rows used neither for training nor for selection",
        "gradient boosting",
        "The model is homes.cerebros",
        "cerebros predict homes.cerebros homes.csv",
    ):
        assert words in done.out
    for words in ("task      regression: 'price' holds numbers", "trial 1: rmse "):
        assert words in done.err
    predictor = load("homes.cerebros")
    assert set(predictor.encoding.names) == {"size", "rooms", "street", "sold", "town"}
    assert predictor.target_names == ("price",)


def test_parquet_and_standard_input_give_the_same_model(
    run, fitted, there, monkeypatch
):
    expected = predictions(fitted / "price.cerebros")
    frame = pd.read_csv("homes.csv")
    frame.to_parquet("t.parquet")
    command = ("--target", "price", "--drop", "kind", *FAST, "--quiet")
    assert run("fit", "t.parquet", *command) == (0, "", "")
    np.testing.assert_allclose(predictions("t.cerebros"), expected, rtol=1e-5)
    stream = io.TextIOWrapper(io.BytesIO((there / "homes.csv").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert run("fit", "-", *command, "--out", "new/m.cerebros").code == 0
    np.testing.assert_allclose(predictions("new/m.cerebros"), expected, rtol=1e-5)


def test_the_result_is_also_json(run, there):
    command = ("fit", "homes.csv", "--target", "kind", "--drop", "price", *TWO)
    done = run(*command, "--metric", "roc_auc", "--json", "--quiet")
    assert done.err == ""
    result = json.loads(done.out)
    assert result["task"] == "classification"
    assert result["model"] == "homes.cerebros"
    assert (result["metric"], result["direction"]) == ("roc_auc", "maximize")
    assert result["n_rows"] == 120
    assert result["n_trials"] == 1
    assert result["report"][0]["model"] == "cerebros"
    assert isinstance(result["verdict"], str)
    assert result["baselines_left_out"] == {}
    (trial,) = result["trials"]
    assert (trial["status"], trial["ensemble_weight"]) == ("finished", 1)
    assert all("share" not in row for row in result["leaderboard"])
    assert {row["kind"] for row in result["leaderboard"]} == {
        *("ensemble", "trial", "baseline")
    }


def test_options_reach_the_estimator(run, there, monkeypatch):
    frame = homes().assign(w=1.0)
    frame.to_csv("t.csv", index=False)
    seen = {}

    def fit(self, X, y, sample_weight=None):
        seen.update(self.get_params(), X=X, y=y, w=sample_weight)
        raise KeyboardInterrupt

    name = "cerebros.estimators._estimator.CerebrosClassifier.fit"
    monkeypatch.setattr(name, fit)
    done = run(
        *("fit", "t.csv", "--target", "kind", "--drop", "price", "--drop", "sold"),
        *("--text", "town", "--weight", "w", "--class-weight", "balanced"),
        *("--group", "street", "--folds", "3", "--metric", "f1", "--space", "mlp"),
        *("--ignore", "groups", "identifier:size", "--seed", "7", "--work", "w"),
        *("--epochs", "9"),
    )
    assert done.code == 130
    assert "what is finished is kept in w; the same command goes on" in done.err
    assert seen["X"].columns.tolist() == ["size", "rooms", "street", "town"]
    assert seen["y"].name == "kind"
    assert seen["w"].tolist() == [1.0] * 120
    assert repr(seen["validation"]) == "GroupFolds(column='street', n=3)"
    assert seen["encoding"].texts == ("town",)
    assert seen["population"].epochs == 9
    assert seen["ignore"] == ("groups", "identifier:size")
    assert (seen["metric"], seen["space"]) == ("f1", "mlp")
    assert (seen["random_state"], seen["class_weight"]) == (7, "balanced")
    assert (seen["time_budget"], seen["n_trials"]) == (60.0, None)


@pytest.mark.parametrize(
    ("options", "validation"),
    [
        ((), "None"),
        (("--folds", "4"), "Folds(n=4)"),
        (("--holdout", "0.3"), "Holdout(share=0.3)"),
        (("--time", "sold"), "TimeFolds(column='sold', n=5)"),
        (("--time", "sold", "--folds", "3"), "TimeFolds(column='sold', n=3)"),
    ],
)
def test_every_way_to_validate(run, there, monkeypatch, options, validation):
    seen = {}

    def fit(self, *_arguments, **_keywords):
        seen.update(self.get_params())
        raise KeyboardInterrupt

    name = "cerebros.estimators._estimator.CerebrosRegressor.fit"
    monkeypatch.setattr(name, fit)
    done = run("fit", "homes.csv", "--target", "price", "--trials", "2", *options)
    assert done.code == 130
    assert repr(seen["validation"]) == validation
    assert (seen["time_budget"], seen["n_trials"]) == (None, 2)


def test_findings_say_how_the_command_line_silences_them(run, there):
    frame = homes().drop(columns="kind")
    frame.assign(copy=frame["price"] * 3).to_csv("t.csv", index=False)
    command = ("fit", "t.csv", "--target", "price", *TWO)
    done = run(*command, "--quiet")
    assert "WARNING: [target-copy] column 'copy'" in done.err
    assert "silence this with --ignore target-copy:copy." in done.err
    assert done.err.count("[target-copy]") == 1
    ignored = ("--ignore", "target-copy:copy", "strong-column:copy")
    done = run(*command, *ignored, "--overwrite")
    assert "WARNING" not in done.err


def test_every_finding_can_be_put_in_words_of_the_command_line():
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    columns = {"it's": y * 2, "id": np.arange(200.0)}
    found = check_table(columns, y, is_classification=False, n_folds=5)
    texts = [as_option(str(finding)) for finding in found]
    assert texts
    assert not [text for text in texts if "ignore=[" in text]
    assert any("--ignore " in text for text in texts)


def test_rows_without_a_target_may_be_left_out(run, there):
    frame = homes().drop(columns="price")
    frame["kind"] = (frame.pop("kind") == "big").astype(int)
    frame.loc[3:9, "kind"] = np.nan
    frame.to_csv("t.csv", index=False)
    done = run("fit", "t.csv", "--target", "kind", *TWO)
    assert (done.code, done.out) == (2, "")
    assert "missing (empty, NA, None or the like) in 7 of 120 rows" in done.err
    assert "first in row 4" in done.err
    assert "--drop-missing-target" in done.err
    done = run("fit", "t.csv", "--target", "kind", *TWO, "--drop-missing-target")
    assert done.code == 0
    assert "left out  7 rows" in done.err
    assert load("t.cerebros").classes.tolist() == [0, 1]
    assert load("t.cerebros").classes.dtype.kind == "i"


def test_a_model_is_not_replaced_unless_asked(run, there):
    (there / "homes.cerebros").write_text("precious")
    command = ("fit", "homes.csv", "--target", "price", *TWO)
    done = run(*command)
    assert done.code == 3
    assert "homes.cerebros is there already; replace it with --overwrite" in done.err
    assert (there / "homes.cerebros").read_text() == "precious"
    assert run(*command, "--overwrite").code == 0
    load("homes.cerebros")


def test_a_fit_goes_on_in_its_folder_and_no_other_does(run, there):
    command = ("fit", "homes.csv", "--drop", "kind", *FAST, "--work", "w", "--quiet")
    price = ("--target", "price")
    assert run(*command, *price).code == 0
    first = predictions("homes.cerebros")
    kept = {path: path.stat().st_mtime_ns for path in (there / "w").iterdir()}
    assert run(*command, *price, "--overwrite").code == 0
    assert predictions("homes.cerebros").tolist() == first.tolist()
    assert kept == {path: path.stat().st_mtime_ns for path in (there / "w").iterdir()}
    done = run(*command, "--target", "rooms", "--task", "regression", "--overwrite")
    assert done.code == 3
    assert "w holds a fit with another data" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--target", "Price"), "no column 'Price'; did you mean 'price'?"),
        (("--target", "price", "--drop", "sizes"), "did you mean 'size'?"),
        (("--target", "price", "--group", "price"), "--group names 'price', which is"),
        (
            ("--target", "price", "--drop", "size", "--time", "size"),
            "--time names 'size', which --drop leaves out",
        ),
        (("--target", "price", "--time", "street"), "holds text such as ['"),
        (("--target", "price", "--time", "size"), "missing in 14 of 120 rows"),
        (("--target", "price", "--weight", "street"), "where numbers are needed"),
        (("--target", "price", "--weight", "size"), "missing in 14 of 120 rows"),
        (("--target", "kind", "--weight", "price"), "which is negative in"),
        (("--target", "price", "--class-weight", "balanced"), "is a regression"),
        (("--target", "sold"), "holds dates or times"),
        (("--target", "sold", "--task", "regression"), "holds dates or times"),
        (("--target", "same"), "is 3 in every row"),
        (("--target", "price", "--metric", "rmsee"), "did you mean 'rmse'?"),
        (("--target", "price", "--ignore", "all"), "rules that do not exist"),
        (("--target", "price", "--folds", "2", "--holdout", "0.2"), "exclude each"),
        (("--target", "price", "--out", "homes.csv"), "ends in .cerebros"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_a_line(run, there, options, words):
    homes().assign(same=3).to_csv("homes.csv", index=False)
    done = run("fit", "homes.csv", "--quiet", *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.startswith("cerebros: ")
    assert done.err.count("\n") <= 2
    assert not (there / "homes.cerebros").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "does not exist"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,y\n", "has no rows"),
        ("t.csv", "a,y\né,2\n".encode("latin-1"), "is not UTF-8 text"),
        ("t.csv", b"a,a,y\n1,2,3\n4,5,6\n", "several columns named 'a'"),
        ("t.csv", b"y\n1\n2\n3.5\n", "no column is left to predict 'y' from"),
        ("t.csv", b"a,y\n1,2\n3,4.5\n5,inf\n", "is infinite in 1 of 3 rows"),
        ("t.csv", b"a,y\ninf,2\n3,4.5\n5,1.5\n", "column 'a' holds 1 infinite"),
        ("t.csv", b"a,y\n1,2.5\n", "is 2.5 in every row"),
        ("t.csv", b"a,y\n1,\n2,\n", "missing (empty, NA, None or the like) in 2 of 2"),
        ("t.xls", b"a,y\n1,2.5\n", "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_by_fit(run, there, name, content, words):
    if content is not None:
        (there / name).write_bytes(content)
    done = run("fit", name, "--target", "y", "--quiet", *TWO)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_place_that_cannot_be_written_is_found_before_the_work(run, there):
    command = ("fit", "homes.csv", "--target", "price", "--quiet")
    for out, words in (
        ("homes.csv/m.cerebros", "homes.csv is no folder to write in"),
        ("folder.cerebros", "folder.cerebros is a folder"),
    ):
        (there / "folder.cerebros").mkdir(exist_ok=True)
        done = run(*command, "--out", out)
        assert (done.code, done.out) == (3, "")
        assert words in done.err


def test_standard_input_has_no_name(run, there, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(b"a,y\n1,2\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    done = run("fit", "-", "--target", "y")
    assert done.code == 2
    assert "give that of the model with --out" in done.err
