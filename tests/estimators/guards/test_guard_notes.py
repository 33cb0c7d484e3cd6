import uuid

import numpy as np
import pytest
from guarded_tables import bundled, found


def uuids(n, rng):
    return [str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(n)]


IDENTIFIERS = {
    "counting": lambda n, _: 1.0 + np.arange(n),
    "permuted": lambda n, rng: 1000.0 + rng.permutation(n),
    "with gaps": lambda n, rng: np.sort(rng.choice(3 * n, n, replace=False)) + 1,
    "numbered texts": lambda n, rng: [f"C-{i:05d}" for i in rng.permutation(n)],
    "numbers as texts": lambda n, rng: [str(i) for i in rng.permutation(n)],
    "uuid": uuids,
}
INNOCENT = {
    "continuous": lambda n, rng: rng.normal(size=n),
    "large whole numbers": lambda n, rng: rng.integers(10**6, size=n).astype(float),
    "names": lambda n, rng: ["".join(rng.choice([*"abcdefg "], 12)) for _ in range(n)],
    "numbers as texts": lambda n, rng: [f"{x:.6f}" for x in rng.normal(size=n)],
    "counts": lambda n, rng: rng.poisson(20, n).astype(float),
}


def as_column(values):
    return np.array(values, object) if isinstance(values, list) else values


@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_identifiers_are_noted(kind, rng):
    table = bundled("diabetes")
    table = table.plus(key=as_column(IDENTIFIERS[kind](442, rng)))
    (finding,) = table.check()
    assert (finding.rule, finding.column) == ("identifier", "key")
    assert not finding.is_grave
    assert table.check(ignore=["identifier:key"]) == []


@pytest.mark.parametrize(
    ("name", "is_left_out"),
    [
        *(("x", False), ("week_no", False), ("stock index", False), ("rank", False)),
        *(("X", True), ("Order", True), ("row_number", True), ("Unnamed: 0", True)),
    ],
)
def test_what_counts_is_learned_unless_it_says_that_it_numbers_rows(
    name, is_left_out, rng
):
    table = bundled("diabetes")
    near = table.target + rng.normal(size=442) * table.target.std()
    table = table.plus(**{name: np.argsort(np.argsort(near)).astype(float)})
    (finding,) = table.check()
    assert (finding.rule, finding.is_left_out) == ("identifier", is_left_out)


@pytest.mark.parametrize("kind", INNOCENT)
def test_other_columns_are_no_identifiers(kind, rng):
    column = as_column(INNOCENT[kind](442, rng))
    assert bundled("diabetes").plus(amount=column).check() == []


def test_small_classes_are_noted():
    table = bundled("wine").at(np.r_[0:130, 175:178])
    (finding,) = table.check(n_folds=5)
    assert (finding.rule, finding.column) == ("small-classes", None)
    assert "number 2 (3)" in finding.evidence
    assert table.check(n_folds=3) == []
    assert table.check(ignore=["small-classes"]) == []


def test_target_outliers_are_noted():
    table = bundled("diabetes")
    target = table.target.copy()
    target[7] = 1e9
    table = type(table)(table.columns, target, is_classification=False)
    (finding,) = table.check()
    assert (finding.rule, finding.column) == ("target-outliers", None)
    assert "1e+09" in finding.evidence
    assert table.check(ignore=["target-outliers"]) == []


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_prices_have_heavy_tails(spread, rng):
    table = bundled("diabetes")
    prices = 1000 * np.exp(spread * rng.normal(size=442))
    assert type(table)(table.columns, prices, is_classification=False).check() == []


def test_zeros_and_a_few_numbers_are_innocent(rng):
    table = bundled("diabetes")
    claims = np.where(rng.random(442) < 0.9, 0, np.exp(rng.normal(size=442)))
    assert type(table)(table.columns, claims, is_classification=False).check() == []


@pytest.mark.parametrize("ignore", [["target-copies"], ["groop:x"]])
def test_unknown_rules_cannot_be_ignored(ignore):
    with pytest.raises(ValueError, match="rules that do not exist"):
        bundled("iris").check(ignore=ignore)


def test_ignore_is_a_list():
    with pytest.raises(ValueError, match="list"):
        bundled("iris").check(ignore="groups")


def test_lengths_must_agree():
    table = bundled("iris").plus(short=np.zeros(3))
    with pytest.raises(ValueError, match=r"short.*3"):
        table.check()


def test_grave_findings_come_first():
    table = bundled("diabetes")
    table = table.plus(row=np.arange(442), later=table.target)
    findings = table.check()
    assert found(findings) == {("identifier", "row"), ("target-copy", "later")}
    assert findings[0].is_grave
