"""`cerebros demo`: the bundled digits."""

import json

import pytest

QUICK = ("--quick", "--trials", "1")


def test_the_demo_finds_a_network_that_reads_digits(run, tmp_path):
    out = tmp_path / "demo"
    done = run("demo", "--out", out, *QUICK)
    assert done.code == 0
    assert f"cerebros search {out}/digits.csv --target digit" in done.err
    assert "pixel_0_0 (constant: 0)" in done.err
    assert "the score to report" in done.out
    assert {"best.html", "best.keras", "digits.csv", "job.json"} <= {
        path.name for path in out.iterdir()
    }
    again = run("demo", "--out", out, *QUICK, "--json")
    assert again.code == 0
    assert "Nothing is left to train" in again.err
    scores = json.loads(again.out)["scores"]
    assert scores["test"]["accuracy"] > 0.8
    assert scores["test_of_constant"]["accuracy"] < 0.2


def test_another_file_in_its_place_is_left_alone(run, tmp_path):
    (tmp_path / "digits.csv").write_text("mine\n")
    done = run("demo", "--out", tmp_path, *QUICK)
    assert done.code == 3
    assert "is there already" in done.err
    assert (tmp_path / "digits.csv").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["debug", "quiet", "json", "progress", "time_budget"])
def test_the_demo_is_run_like_a_search(name):
    from cerebros.cli._parser import make_parser

    assert hasattr(make_parser().parse_args(["demo"]), name)
