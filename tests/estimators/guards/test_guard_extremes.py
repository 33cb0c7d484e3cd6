"""Nothing crashes or warns; pytest turns warnings into errors."""

import numpy as np
import pytest

from cerebros.estimators.guards import check_table


def columns_of(n, rng):
    texts = np.array(["a", None, float("nan"), "b"], object)
    return {
        "number": rng.normal(size=n),
        "huge": rng.choice([1e308, -1e308, 5e-324], size=n),
        "infinite": rng.choice([np.inf, -np.inf, 0.0], size=n),
        "infinite too": np.where(rng.random(n) < 0.1, np.inf, rng.normal(size=n)),
        "missing": np.full(n, np.nan),
        "mostly missing": np.where(rng.random(n) < 0.9, np.nan, 1.0),
        "constant": np.ones(n),
        "flag": rng.random(n) < 0.5,
        "integers": rng.integers(100, size=n),
        "text": texts[rng.integers(4, size=n)],
        "no text": np.full(n, None, object),
        "different texts": np.array([f"t{i}" for i in range(n)], object),
        "mixed": np.array([[1], 2.5, "x", None], object)[rng.integers(4, size=n)],
        "date": np.datetime64("2020-01-01") + rng.integers(100, size=n),
        "no date": np.full(n, np.datetime64("NaT")),
        "bad date": np.full(n, "2024-02-30", object),
    }


TARGETS = {
    "normal": lambda n, rng: rng.normal(size=n),
    "constant": lambda n, _: np.ones(n),
    "zero": lambda n, _: np.zeros(n),
    "huge": lambda n, rng: rng.choice([1.7e308, -1.7e308, 1.0], size=n),
    "tiny": lambda n, rng: 5e-324 * rng.integers(5, size=n),
    "gaps": lambda n, rng: np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)),
    "missing": lambda n, _: np.full(n, np.nan),
    "infinite": lambda n, rng: np.where(rng.random(n) < 0.1, np.inf, 1.0),
    "one differs": lambda n, _: np.r_[np.zeros(n - 1), 1.0],
    "two": lambda n, rng: rng.normal(size=(n, 2)),
}


@pytest.mark.parametrize("n", [1, 2, 3, 13, 200])
@pytest.mark.parametrize("kind", TARGETS)
def test_numbers_of_any_kind(n, kind, rng):
    y = TARGETS[kind](n, rng)
    findings = check_table(columns_of(n, rng), y, is_classification=False, n_folds=5)
    assert not any(finding.is_grave for finding in findings)


@pytest.mark.parametrize("n", [1, 2, 3, 13, 200])
@pytest.mark.parametrize("n_classes", [1, 2, 7, 200])
def test_classes_of_any_number(n, n_classes, rng):
    y = rng.integers(n_classes, size=n)
    findings = check_table(columns_of(n, rng), y, is_classification=True, n_folds=5)
    assert not any(finding.is_grave for finding in findings)


@pytest.mark.parametrize("is_classification", [False, True])
def test_nothing_at_all(is_classification):
    for n in (0, 5):
        y = np.arange(n) % 2
        settings = {"is_classification": is_classification, "n_folds": 2}
        assert check_table({}, y, **settings) == []


def test_equal_seeds_give_equal_findings(rng):
    y = rng.normal(size=8000)
    columns = {**columns_of(8000, rng), "later": y + 0.01 * rng.normal(size=8000)}
    settings = {"is_classification": False, "n_folds": 5}
    first = check_table(columns, y, seed=3, **settings)
    assert first == check_table(columns, y, seed=3, **settings)
    assert any(finding.column == "later" for finding in first)


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_innocent(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(30, 300))
    columns = columns_of(n, rng) | {f"x{i}": rng.normal(size=n) for i in range(30)}
    for name in ("integers", "different texts"):
        del columns[name]
    y = rng.integers(3, size=n) if seed % 2 else rng.normal(size=n)
    findings = check_table(columns, y, is_classification=bool(seed % 2), n_folds=2)
    assert findings == []
