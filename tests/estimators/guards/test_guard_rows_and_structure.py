import numpy as np
import pytest
from guarded_tables import CLASSES, bundled, found

ALL = ["diabetes", *CLASSES]


def repeated(table, rng, n_times=5):
    """Every row some times with noise, as visits of a patient; and the patient."""
    n_rows = len(table.target)
    rows = rng.permutation(np.repeat(np.arange(n_rows), n_times))
    visits = table.at(rows)
    noisy = {
        name: values + 0.02 * values.std() * rng.normal(size=len(rows))
        for name, values in visits.columns.items()
    }
    names = np.array([f"P{number:04d}" for number in rng.permutation(n_rows)], object)
    return visits.plus(**noisy), names[rows]


def doubled(table, rng):
    return table.at(rng.permutation(np.tile(np.arange(len(table.target)), 2)))


@pytest.mark.parametrize("name", ALL)
def test_doubled_rows_are_found(name, rng):
    table = doubled(bundled(name), rng)
    (finding,) = table.check()
    assert (finding.rule, finding.column) == ("duplicate-rows", None)
    assert finding.is_grave
    assert f" of {len(table.target):,} rows (50%)" in finding.evidence
    assert table.check(ignore=["duplicate-rows"]) == []
    assert table.check(is_random_split=False) == []


def test_doubled_rows_are_found_behind_an_identifier(rng):
    table = doubled(bundled("diabetes"), rng)
    table = table.plus(row=np.arange(len(table.target)))
    assert found(table.check()) == {("duplicate-rows", None), ("identifier", "row")}


def test_doubled_rows_in_one_group_stay_together(rng):
    table = bundled("diabetes")
    rows = np.tile(np.arange(len(table.target)), 2)
    assert table.at(rows).check(groups=rows) == []
    apart = rng.permutation(rows)
    assert found(table.at(rows).check(groups=apart)) == {("duplicate-rows", None)}


def test_a_few_doubled_rows_are_innocent(rng):
    table = bundled("diabetes")
    rows = np.r_[np.arange(442), rng.choice(442, 40, replace=False)]
    assert table.at(rows).check() == []


def test_rows_of_a_few_categories_are_equal_by_chance(rng):
    columns = {f"x{i}": rng.integers(3, size=1000).astype(float) for i in range(3)}
    table = bundled("iris").at(rng.integers(150, size=1000))
    table = type(table)(columns, table.target, is_classification=True)
    assert table.check() == []


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer", "wine"])
@pytest.mark.parametrize("is_number", [False, True])
def test_patients_are_found(name, is_number, rng):
    table, patients = repeated(bundled(name), rng)
    if is_number:
        patients = np.array([float(patient[1:]) for patient in patients])
    finding, *others = table.plus(patient=patients).check()
    assert not others
    assert (finding.rule, finding.column) == ("groups", "patient")
    assert finding.is_grave
    assert 'GroupFolds("patient")' in finding.advice


def test_patients_are_silenced_or_known(rng):
    table, patients = repeated(bundled("diabetes"), rng)
    table = table.plus(patient=patients)
    assert table.check(ignore=["groups:patient"]) == []
    assert table.check(groups=patients) == []


@pytest.mark.parametrize("name", ALL)
def test_shuffled_patients_are_innocent(name, rng):
    table, patients = repeated(bundled(name), rng)
    assert table.plus(patient=rng.permutation(patients)).check() == []


def test_a_whole_number_that_matters_is_no_group(rng):
    age = rng.integers(20, 90, size=1000).astype(float)
    table = bundled("diabetes").at(rng.integers(442, size=1000))
    columns = {"age": age, "other": rng.normal(size=1000)}
    target = age + 10 * rng.normal(size=1000)
    assert type(table)(columns, target, is_classification=False).check() == []


def dated(table, rng):
    """Dates in the order of which the target goes up and down; rows in no order."""
    n_rows = len(table.target)
    wave = np.sin(np.arange(n_rows) / n_rows * 20) + 0.3 * rng.normal(size=n_rows)
    place = np.argsort(np.argsort(wave))
    dates = np.empty(n_rows, "datetime64[D]")
    days = np.datetime64("2020-01-01") + np.arange(n_rows)
    dates[np.argsort(table.target, kind="stable")[place]] = days
    rows = rng.permutation(n_rows)
    return table.at(rows), dates[rows]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_date_is_found(name, as_text, rng):
    table, dates = dated(bundled(name), rng)
    if as_text:
        dates = dates.astype(str).astype(object)
    finding, *others = table.plus(day=dates).check()
    assert not others
    assert (finding.rule, finding.column) == ("time-order", "day")
    assert 'TimeFolds("day")' in finding.advice
    assert table.plus(day=dates).check(ignore=["time-order:day"]) == []
    assert table.plus(day=dates).check(is_random_split=False) == []
    assert table.plus(day=rng.permutation(dates)).check() == []


def test_rows_in_time_are_noted_without_a_date(rng):
    table = bundled("diabetes")
    steps = np.cumsum(rng.normal(size=442))
    target = table.target + 3 * table.target.std() * steps / steps.std()
    table = type(table)(table.columns, target, is_classification=False)
    (finding,) = table.check()
    assert (finding.rule, finding.column) == ("time-order", None)
    assert not finding.is_grave
    assert table.check(ignore=["time-order"]) == []
    assert table.at(rng.permutation(442)).check() == []


@pytest.mark.parametrize("name", ALL)
def test_rows_sorted_by_the_target_are_innocent(name):
    table = bundled(name)
    assert table.at(np.argsort(table.target, kind="stable")).check() == []
