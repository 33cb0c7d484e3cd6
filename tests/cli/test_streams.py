"""Streams that are closed, broken, or of another alphabet."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cerebros.estimators import CerebrosClassifier, PopulationSettings
from cerebros.spaces import WideWiring

WORDS = ("Łódź", "naïve")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A model file of two classes, and a table."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"größe": rng.normal(size=60), "b": rng.normal(size=60)})
    labels = np.where(table["größe"] > 0, *WORDS)
    CerebrosClassifier(
        time_budget=None,
        n_trials=1,
        population=PopulationSettings(epochs=8, folds=2),
        space=WideWiring(levels=(1, 1), neurons=16),
        ignore=["strong-column"],
    ).fit(table, labels).save(folder / "model.cerebros")
    table["when"] = "2024-05-06"
    table.to_csv(folder / "table.csv", index=False, lineterminator="\n")
    return folder


def predict(files, *options, shell="{}", **environment):
    command = " ".join(
        [sys.executable, "-m cerebros predict model.cerebros table.csv", *options]
    )
    return subprocess.run(
        ["bash", "-c", shell.format(command)],
        cwd=files,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_tables_are_utf8_in_files_and_pipes_whatever_the_console_has(encoding, files):
    done = predict(files, "--keep größe", PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert not done.returncode, done.stderr
    lines = done.stdout.decode("utf-8").splitlines()
    assert lines[0].startswith("größe,")
    assert {line.split(",")[1] for line in lines[1:]} == set(WORDS)


def test_json_is_read_back_whatever_the_console_has(files):
    done = predict(files, "--json", PYTHONIOENCODING="cp1252")
    rows = json.loads(done.stdout.decode("utf-8"))["rows"]
    assert {value for row in rows for value in row.values()} == set(WORDS)


def test_a_closed_output_is_nowhere_and_no_error(files):
    done = predict(files, "--out answers.csv", shell="{} >&-")
    assert not done.returncode, done.stderr
    lines = (files / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 61
    assert predict(files, shell="{} >&-").returncode == 0


def test_remarks_do_not_go_into_results_when_their_stream_is_closed(files):
    done = predict(files, "--out answers.csv", shell="{} 2>&-")
    assert (done.returncode, done.stdout) == (0, b"")
    done = predict(files, "--json", shell="{} 2>&- <&-")
    assert len(json.loads(done.stdout)["rows"]) == 60


def test_nobody_need_read_results_or_remarks(files):
    assert predict(files, shell="{} | head -1; exit ${{PIPESTATUS[0]}}").returncode == 0
    broken = "{} --out other.csv 2> >(exec true)"
    assert predict(files, shell="sleep 0.1; " + broken).returncode == 0
    assert (files / "other.csv").exists()
