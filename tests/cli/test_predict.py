"""`cerebros predict`: the same columns by name, and the original labels."""

import json

import numpy as np
import pandas as pd
import pytest
from houses import small_table

from cerebros.search.stores import DATABASE


def answers(text):
    from io import StringIO

    return pd.read_csv(StringIO(text))


def test_a_regression_answers_in_the_units_of_the_target(run, searched):
    done = run("predict", searched / "price", searched / "houses.csv")
    assert done.code == 0
    found = answers(done.out)
    assert found.columns.tolist() == ["price"]
    assert len(found) == 60
    truth = small_table()["price"]
    assert abs(found["price"].mean() - truth.mean()) < truth.std()
    assert done.err == "ignored columns: street, planet, kind\n"


def test_classes_come_back_as_their_labels(run, searched):
    done = run("predict", searched / "kind", searched / "houses.csv", "--proba")
    found = answers(done.out)
    assert found.columns.tolist() == ["kind", "p_big", "p_small"]
    assert set(found["kind"]) <= {"big", "small"}
    np.testing.assert_allclose(found["p_big"] + found["p_small"], 1, atol=1e-6)
    expected = np.where(found["p_small"] > found["p_big"], "small", "big")
    assert found["kind"].tolist() == expected.tolist()


@pytest.mark.parametrize("labels", [[3, 7, 9], [True, False]])
def test_labels_that_are_no_text_come_back_too(run, tmp_path, labels):
    frame = small_table().drop(columns=["price", "kind"])
    frame["label"] = [labels[i % len(labels)] for i in range(len(frame))]
    frame.to_parquet(tmp_path / "t.parquet")
    command = ("search", tmp_path / "t.parquet", "--target", "label", "--quiet")
    settings = ("--levels", "1", "--epochs", "1", "--trials", "1")
    assert run(*command, *settings, "--out", tmp_path / "out").code == 0
    done = run("predict", tmp_path / "out", tmp_path / "t.parquet", "--json")
    found = {row["label"] for row in json.loads(done.out)["rows"]}
    assert found <= set(labels)
    assert {type(label) for label in found} == {type(labels[0])}


def test_the_order_of_columns_does_not_matter(run, searched, tmp_path):
    backwards = small_table().iloc[:, ::-1].drop(columns=["price", "kind"])
    backwards.to_csv(tmp_path / "new.tsv", index=False, sep="\t")
    one = run("predict", searched / "price", searched / "houses.csv").out
    other = run("predict", searched / "price", tmp_path / "new.tsv").out
    assert one == other


def test_predictions_go_to_a_file(run, searched, tmp_path):
    path = tmp_path / "new" / "answers.csv"
    done = run("predict", searched / "kind", searched / "houses.csv", "--output", path)
    assert (done.code, done.out) == (0, "")
    assert str(path) in done.err
    assert len(pd.read_csv(path)) == 60


def test_any_trial_can_predict(run, searched):
    best, other = (
        run("predict", searched / "price", searched / "houses.csv", "--trial", which)
        for which in ("best", "1")
    )
    zero = run("predict", searched / "price", searched / "houses.csv", "--trial", "0")
    assert best.out in (zero.out, other.out)
    assert zero.out != other.out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns=["size", "new"]), "- size is not there"),
        (lambda f: f.drop(columns=["size", "new"]), "- new is not there"),
        (lambda f: f.rename(columns={"age": "Age"}), "did you mean 'Age'?"),
        (lambda f: f.assign(age="old"), "- age holds text where numbers are needed"),
        (lambda f: f.assign(age=np.inf), "- age: 60 of 60"),
        (lambda f: f.assign(age=f["age"].where(f["new"])), "--missing median"),
        (lambda f: f.iloc[:0], "has no rows"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(run, searched, tmp_path, change, words):
    change(small_table()).to_csv(tmp_path / "new.csv", index=False)
    done = run("predict", searched / "price", tmp_path / "new.csv")
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_probabilities_belong_to_classes(run, searched):
    done = run("predict", searched / "price", searched / "houses.csv", "--proba")
    assert done.code == 2
    assert "this search predicts the numbers of 'price'" in done.err


def test_a_file_that_cannot_be_written_is_said(run, searched):
    into = searched / "price" / DATABASE / "answers.csv"
    done = run("predict", searched / "price", searched / "houses.csv", "--output", into)
    assert done.code == 3
    assert "cannot be written" in done.err
