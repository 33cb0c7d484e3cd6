"""What is printed: strict JSON, plain tables, curves, errors in one line."""

import datetime
import io
import json
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cerebros.cli._output import listed, print_json, print_table
from cerebros.cli._show import curve_text


def test_json_is_strict(capsys):
    print_json({"a": [float("nan"), -np.inf, 1.5], "b": ("ü", None, True), 3: {}})
    text = capsys.readouterr().out
    assert json.loads(text) == {"a": [None, None, 1.5], "b": ["ü", None, True], "3": {}}
    assert "ü" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime.date(2024, 5, 6), "2024-05-06"),
        (datetime.datetime(2024, 5, 6, 7, 8), "2024-05-06T07:08:00"),
        (datetime.time(7, 8), "07:08:00"),
        (pd.Timestamp("2024-05-06", tz="UTC"), "2024-05-06T00:00:00+00:00"),
        (pd.NaT, None),
        (pd.NA, None),
        (np.datetime64("2024-05-06"), "2024-05-06"),
        (np.datetime64("NaT"), None),
        (datetime.timedelta(days=1), "1 day, 0:00:00"),
        (Decimal("1.25"), 1.25),
        (Decimal("12345678901234567890"), 12345678901234567890),
        (Decimal("NaN"), None),
        (np.float32(0.5), 0.5),
        (np.float32("inf"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("ü"), "ü"),
        ("naïve".encode(), "naïve"),
        (b"\xff", "\\xff"),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        pytest.param({"b", "a"}, ["a", "b"], id="set"),
        ({np.str_("k"): [Decimal(1)]}, {"k": [1]}),
        (pd.Period("2024-05"), "2024-05"),
        ("\udc80", "\udc80"),
    ],
    ids=repr,
)
def test_values_of_every_kind_have_their_json(value, expected, capsys):
    print_json({"value": value})
    assert json.loads(capsys.readouterr().out) == {"value": expected}


def test_json_escapes_what_a_stream_cannot_hold(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    print_json(["ł"])
    stream.flush()
    written = stream.buffer.getvalue()
    assert b"\\u0142" in written
    assert json.loads(written) == ["ł"]


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
