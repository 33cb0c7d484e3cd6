import numpy as np
import pytest
from guarded_tables import CLASSES, bundled, found


def altered(y, rng):
    rows = rng.choice(len(y), len(y) // 100, replace=False)
    x = y.astype(float)
    x[rows] = rng.choice(y, len(rows))
    return x


COPIES = {
    "equal": lambda y, _: y.astype(float),
    "affine": lambda y, _: 32 - 1.8 * y,
    "huge": lambda y, _: 1e300 * y,
    "monotone": lambda y, _: np.exp(y / y.std()),
    "falling": lambda y, _: -np.log1p(y),
    "a little noise": lambda y, rng: y + 1e-3 * y.std() * rng.normal(size=len(y)),
    "one row in a hundred altered": altered,
    "half missing": lambda y, rng: np.where(rng.random(len(y)) < 0.5, np.nan, y),
    "text": lambda y, _: np.array([f"$ {value:,}" for value in y], object),
}
ROUNDED = {
    "to tens": lambda y, _: np.round(y, -1),
    "to thirds of its deviation": lambda y, _: np.round(3 * y / y.std()),
}


@pytest.mark.parametrize("copy", [*COPIES, *ROUNDED])
def test_a_copy_of_a_number_is_found(copy, rng):
    table = bundled("diabetes")
    make = {**COPIES, **ROUNDED}[copy]
    leaking = table.plus(later=make(table.target, rng))
    assert found(leaking.check()) == {("target-copy", "later")}


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_of_classes_is_found(name, copy, rng):
    table = bundled(name)
    leaking = table.plus(later=COPIES[copy](table.target, rng))
    expected = {("target-copy", "later")}
    if copy in ("text", "one row in a hundred altered"):
        rules = {rule for rule, column in found(leaking.check()) if column == "later"}
        assert rules <= {"target-copy", "target-code"}
        assert rules
    else:
        assert found(leaking.check()) == expected


@pytest.mark.parametrize("name", ["diabetes", *CLASSES])
@pytest.mark.parametrize("copy", COPIES)
def test_a_shuffled_copy_is_innocent(name, copy, rng):
    table = bundled(name)
    innocent = rng.permutation(COPIES[copy](table.target, rng))
    assert table.plus(later=innocent).check() == []


@pytest.mark.parametrize("name", ["diabetes", *CLASSES])
def test_tables_as_they_are_have_no_findings(name):
    assert bundled(name).check() == []


@pytest.mark.parametrize("ignore", [["target-copy"], ["target-copy:later"]])
def test_a_copy_is_silenced(ignore):
    table = bundled("diabetes")
    leaking = table.plus(later=2 * table.target, other=table.target)
    left = found(leaking.check(ignore=ignore))
    assert left == ({("target-copy", "other")} if ":" in ignore[0] else set())


def test_a_finding_says_column_rows_and_way_out():
    table = bundled("diabetes")
    (finding,) = table.plus(later=2 * table.target).check()
    assert finding.is_grave
    assert "442" in finding.evidence
    assert "ignore=['target-copy:later']" in finding.advice
    assert "'later'" in str(finding)


def test_each_of_several_targets_is_looked_at(rng):
    table = bundled("diabetes")
    targets = np.stack([rng.normal(size=442), table.target], axis=1)
    leaking = table.plus(later=-table.target)
    from cerebros.estimators.guards import check_table

    findings = check_table(leaking.columns, targets, is_classification=False, n_folds=5)
    assert found(findings) == {("target-copy", "later")}
    assert "target 1" in findings[0].evidence
