import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cerebros
from cerebros.estimators.guards import TableRanges, find_drift


def table(n, rng):
    return {
        "length": rng.normal(170, 10, n),
        "gaps": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
        "flag": rng.random(n) < 0.5,
        "color": np.array(["red", "green", "blue"], object)[rng.integers(3, size=n)],
        "name": np.array([f"{x:.9f} a" for x in rng.normal(size=n)], object),
        "day": np.datetime64("2020-01-01") + np.arange(n),
    }


@pytest.fixture
def known(rng):
    return TableRanges.of(table(1000, rng))


def rules(findings):
    return {(finding.rule, finding.column) for finding in findings}


@pytest.mark.parametrize("n", [1, 5, 50, 1000])
def test_rows_of_the_same_kind_do_not_drift(n, known, rng):
    for _ in range(20):
        assert find_drift(known, table(n, rng)) == []


def test_other_units_drift(known, rng):
    rows = table(50, rng)
    rows["length"] /= 2.54
    (finding,) = find_drift(known, rows)
    assert (finding.rule, finding.column) == ("range-drift", "length")
    assert "50 of 50" in finding.evidence
    assert "range-drift:length" in finding.advice


def test_a_shift_within_the_range_drifts(known, rng):
    rows = table(200, rng)
    rows["length"] = np.clip(rows["length"] + 18, 140, 199)
    assert rules(find_drift(known, rows)) == {("range-drift", "length")}


def test_one_row_may_drift(known, rng):
    rows = table(1, rng) | {"length": np.array([1.7])}
    assert rules(find_drift(known, rows)) == {("range-drift", "length")}


def test_new_categories_drift(known, rng):
    rows = table(10, rng)
    rows["color"][:2] = ["violet", "ROT"]
    (finding,) = find_drift(known, rows)
    assert (finding.rule, finding.column) == ("category-drift", "color")
    assert "'violet'" in finding.evidence


def test_rare_categories_are_expected(rng):
    def some(n):
        return {"word": np.array([f"w{x}" for x in rng.zipf(1.8, n)], object)}

    known = TableRanges.of(some(1000))
    assert known.categories["word"].new > 0
    for n in (1, 30, 1000):
        assert find_drift(known, some(n)) == []


@pytest.mark.parametrize("column", ["length", "color", "day"])
def test_missing_values_drift(column, known, rng):
    rows = table(50, rng)
    gap = {"length": np.nan, "color": None, "day": np.datetime64("NaT")}[column]
    rows[column][:5] = gap
    assert rules(find_drift(known, rows)) == {("missing-drift", column)}


def test_more_missing_values_drift(known, rng):
    rows = table(100, rng) | {"gaps": np.full(100, np.nan)}
    assert rules(find_drift(known, rows)) == {("missing-drift", "gaps")}


def test_ranges_are_plain(known, rng):
    text = json.dumps(known.to_json(), allow_nan=False)
    assert TableRanges.from_json(json.loads(text)) == known


def test_ranges_of_extremes():
    columns = {
        "none": np.full(3, np.nan),
        "infinite": np.array([np.inf, -np.inf, np.nan]),
        "huge": np.array([1e308, -1e308, 0]),
        "constant": np.ones(100),
        "no text": np.full(3, None, object),
        "no date": np.full(3, np.datetime64("NaT")),
    }
    known = TableRanges.of(columns)
    text = json.dumps(known.to_json(), allow_nan=False)
    assert TableRanges.from_json(json.loads(text)) == known
    assert find_drift(known, columns) == []
    empty = {name: values[:0] for name, values in columns.items()}
    assert find_drift(known, empty) == []
    assert find_drift(TableRanges.of(empty), empty) == []
    assert rules(find_drift(known, {"constant": 2 * np.ones(3)})) == {
        ("range-drift", "constant")
    }


def test_many_categories_are_cut_and_expected(rng):
    def some(n):
        return {"code": np.array([f"c{x}" for x in rng.integers(3000, size=n)], object)}

    known = TableRanges.of(some(20_000))
    assert len(known.categories["code"].known) == 1000
    assert find_drift(known, some(500)) == []


def test_unknown_columns_are_passed_over(known):
    assert find_drift(known, {"new": np.zeros(3)}) == []


def test_guards_need_nothing_but_numpy():
    """Loaded by themselves, without the packages around them."""
    guards = Path(cerebros.__file__).parent / "estimators" / "guards"
    program = f"""
import sys, types
for name, path in [("cerebros.estimators", {str(guards.parent)!r})]:
    package = types.ModuleType(name)
    package.__path__ = [path]
    sys.modules[name] = package
import cerebros.estimators.guards
loaded = {{"sklearn", "pandas", "jax", "keras"}} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)
