"""What is printed: strict JSON, plain tables, curves, errors in one line."""

import json
import sys

import numpy as np

from cerebros.cli._output import listed, print_json, print_table
from cerebros.cli._show import curve_text


def test_json_is_strict(capsys):
    print_json({"a": [float("nan"), -np.inf, 1.5], "b": ("ü", None, True), 3: {}})
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": [None, None, 1.5], "b": ["ü", None, True], "3": {}}
    assert "ü" in text


def test_a_table_is_plain_where_there_is_no_terminal(capsys):
    print_table(
        ("name", "value"), [("a [b]", "1"), ("long name", "1,000")], left=("name",)
    )
    assert capsys.readouterr().out == (
        "name       value\na [b]          1\nlong name  1,000\n"
    )


def test_a_table_has_a_line_below_its_headings_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    print_table(("a", "b"), [("1", "2")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "─" in lines[1]


def test_long_lists_are_cut():
    assert listed(["a", "b"]) == "\n- a\n- b"
    assert listed([*"abcd"], most=2) == "\n- a\n- b\n- and 2 more"


def test_a_curve_goes_from_low_to_high_and_shows_what_is_not_finite():
    assert curve_text([0, 1, 2, 7]) == "▁▂▃█"
    assert curve_text([1, float("nan"), 2]) == "▁×█"
    assert curve_text([5, 5]) == "▁▁"
    assert curve_text([float("inf")]) == "×"
    assert len(curve_text(list(range(1000)))) == 40


def test_errors_are_one_message_and_a_traceback_only_on_demand(run, tmp_path):
    done = run("trials", tmp_path)
    assert done.err.startswith("cerebros: the folder")
    assert done.err.count("\n") == 1
    done = run("trials", tmp_path, "--debug")
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("cerebros: the folder")
