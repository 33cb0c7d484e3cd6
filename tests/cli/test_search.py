"""`cerebros search`, from the arguments to the files."""

import io
import json
import shutil
import sys

import pandas as pd
import pytest
from houses import SETTINGS, small_table

from cerebros.cli import _search_record

PLAIN = (*SETTINGS, "--progress", "none")


def strict(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is not strict JSON")

    return json.loads(text, parse_constant=refuse)


def test_a_search_shows_what_it_makes_of_the_table_and_what_it_found(
    run, table, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = run("search", table, "--target", "kind", "--leave-out", "price", *SETTINGS)
    folder = tmp_path / "houses-search"
    assert done.code == 0
    assert "classification: 'kind' holds text (2 classes)" in done.err
    assert "street (text), planet (constant: 3), price (as asked)" in done.err
    assert "36 to train, 12 to choose, 12 to judge" in done.err
    assert "2 of 2 trials done" in done.err
    assert "these rows chose nothing: the score to report" in done.out
    assert "the class shares of the training rows" in done.out
    assert "cerebros resume houses-search --trials 4" in done.out
    for name in ("best.html", "best.keras", "search.sqlite", "job.json"):
        assert (folder / name).stat().st_size > 0


def test_json_goes_to_standard_output_and_remarks_do_not(run, table, tmp_path):
    out = tmp_path / "out"
    command = ("search", table, "--target", "price", "--out", out, *PLAIN, "--json")
    done = run(*command, "--metric", "mae", "--test", "0", "--leave-out", "kind")
    found = strict(done.out)
    assert found["task"] == "regression"
    assert found["metric"] == "val_mean_absolute_error"
    assert found["columns"] == ["size", "age", "new"]
    assert found["left_out"][0] == {"column": "street", "reason": "text"}
    assert found["best"]["score"] == pytest.approx(
        found["scores"]["validation"]["mean_absolute_error"], rel=1e-4
    )
    assert set(found["scores"]) == {"validation"}
    assert found["n_done"] == 2
    assert "columns   3 used" in done.err


def test_nothing_is_said_when_told_to_be_quiet(run, table, tmp_path):
    settings = ("--out", tmp_path / "out", *SETTINGS, "--trials", "1")
    leave_out = ("--leave-out", "kind")
    done = run("search", table, "--target", "price", "--quiet", *leave_out, *settings)
    assert done == (0, "", "")


def test_a_copy_of_the_target_is_named_loudly_and_the_search_goes_on(
    run, table, tmp_path
):
    frame = small_table().assign(euros=lambda f: f["price"] * 1.1 + 3)
    frame.to_csv(table, index=False)
    settings = ("--out", tmp_path / "out", *SETTINGS, "--trials", "1", "--quiet")
    done = run("search", table, "--target", "price", *settings, "--json")
    assert done.code == 0
    assert "WARNING: column 'euros' is a copy of the target 'price'" in done.err
    assert strict(done.out)["copies_of_target"] == ["column 'euros'"]


def test_the_same_command_again_finds_everything_done(run, copied):
    command = ("search", copied / "houses.csv", "--target", "price", "--leave-out")
    command = (*command, "kind", "--out", copied / "price", *SETTINGS)
    done = run(*command)
    assert done.code == 0
    assert "Nothing is left to train: 2 networks are stored." in done.err
    assert "The best 2 of 2 networks" in done.out


def test_more_trials_extend_a_search(run, copied):
    command = ("search", copied / "houses.csv", "--target", "price", "--leave-out")
    command = (*command, "kind", "--out", copied / "price", *PLAIN)
    done = run(*command, "--trials", "3", "--json")
    assert done.code == 0
    assert strict(done.out)["n_done"] == 3
    assert _search_record.read_record(copied / "price").n_trials == 3


def test_another_search_does_not_take_the_folder(run, copied):
    before = (copied / "price" / "job.json").read_bytes()
    command = ("search", copied / "houses.csv", "--target", "price", "--leave-out")
    done = run(*command, "kind", "--out", copied / "price", *PLAIN, "--seed", "9")
    assert done.code == 3
    assert "belongs to another search" in done.err
    assert "- seed (0 there, 9 now)" in done.err
    assert (copied / "price" / "job.json").read_bytes() == before


def test_a_changed_table_is_another_search(run, copied):
    small_table(61).to_csv(copied / "houses.csv", index=False)
    command = ("search", copied / "houses.csv", "--target", "price", "--leave-out")
    done = run(*command, "kind", "--out", copied / "price", *PLAIN)
    assert done.code == 3
    assert "table.sha256" in done.err


def test_a_folder_of_a_search_from_python_is_not_taken(run, copied):
    (copied / "price" / "job.json").unlink()
    command = ("search", copied / "houses.csv", "--target", "price", "--leave-out")
    done = run(*command, "kind", "--out", copied / "price", *PLAIN)
    assert done.code == 3
    assert "was not begun with this command" in done.err


def test_missing_values_are_filled_with_numbers_that_predict_uses_too(
    run, table, tmp_path
):
    frame = small_table().drop(columns="price")
    frame.loc[::5, "age"] = None
    frame.to_csv(table, index=False)
    command = ("search", table, "--target", "kind", "--out", tmp_path / "out", *PLAIN)

    done = run(*command)
    assert done.code == 2
    assert "let --missing median do it:\n- age: 12 of 60" in done.err
    assert not (tmp_path / "out").exists()

    done = run(*command, "--missing", "median")
    assert done.code == 0
    assert "12 missing values, with medians" in done.err
    medians = dict(
        zip(
            _search_record.read_record(tmp_path / "out").selection.columns,
            _search_record.read_record(tmp_path / "out").selection.medians,
            strict=True,
        )
    )
    new = pd.DataFrame({"size": [1.0], "age": [None], "new": [True]})
    new.to_csv(tmp_path / "missing.csv", index=False)
    new.assign(age=medians["age"]).to_csv(tmp_path / "filled.csv", index=False)
    answers = [
        run("predict", tmp_path / "out", tmp_path / name, "--proba").out
        for name in ("missing.csv", "filled.csv")
    ]
    assert answers[0] == answers[1]
    assert answers[0].startswith("kind,p_big,p_small\n")


def test_a_table_on_standard_input_is_kept_in_the_folder(
    run, table, tmp_path, monkeypatch
):
    def pipe():
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(table.read_bytes()))
        )

    pipe()
    done = run("search", "-", "--target", "price", *PLAIN)
    assert done.code == 2
    assert "give a folder with --out" in done.err
    pipe()
    settings = (*SETTINGS, "--trials", "1", "--quiet", "--leave-out", "kind")
    out = tmp_path / "out"
    assert run("search", "-", "--target", "price", "--out", out, *settings).code == 0
    assert (out / "table.csv").read_bytes() == table.read_bytes()
    table.unlink()
    moved = shutil.move(out, tmp_path / "moved")
    assert run("resume", moved, "--trials", "2", "--quiet").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "prize"), "did you mean 'price'?"),
        (("--target", "planet"), "'planet' is 3 in every row"),
        (("--target", "kind", "--task", "regression"), "a regression predicts numbers"),
        (("--target", "price", "--metric", "auc"), "not among those of this task"),
        (("--target", "price", "--leave-out", "Size"), "did you mean 'size'?"),
        (("--target", "kind", "--validation", "0.7", "--test", "0.4"), "< 1"),
    ],
)
def test_bad_input_is_found_before_anything_is_written(
    run, table, tmp_path, arguments, words
):
    done = run("search", table, *arguments, "--out", tmp_path / "out", *PLAIN)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_refused(run, table, tmp_path):
    command = ("search", table, "--target", "kind", *PLAIN, "--out")
    done = run(*command, table)
    assert done.code == 3
    assert "is a file, but must be a folder" in done.err
    done = run(*command, table / "inside")
    assert done.code == 3
    assert "cannot be written" in done.err


def test_when_every_network_fails_the_first_error_is_given(run, table, tmp_path):
    settings = (*PLAIN, "--learning-rate", "1e30", "--leave-out", "kind")
    out = tmp_path / "out"
    done = run("search", table, "--target", "price", "--out", out, *settings)
    assert done.code == 1
    assert "all 2 trials failed" in done.err
    assert done.out == ""
    listed = strict(run("trials", out, "--json").out)["trials"]
    assert [trial["status"] for trial in listed] == ["diverged", "diverged"]
    shown = run("trials", out).out
    assert "diverged: the loss was" in shown
    assert run("show", out, "0").code == 0
    assert run("show", out, "best").code == 1
    assert run("predict", out, table, "--trial", "0").code == 3


def test_when_the_time_is_up_what_was_finished_is_kept(run, table, tmp_path):
    settings = (*SETTINGS, "--time-budget", "0.01s", "--leave-out", "kind")
    out = tmp_path / "out"
    done = run("search", table, "--target", "price", "--out", out, *settings)
    assert done.code == 1
    assert "The time was too short: 0 of 2 networks" in done.err
    assert f"cerebros resume {out}" in done.err
    assert run("resume", out, "--quiet").code == 0
