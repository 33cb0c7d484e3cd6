import numpy as np
import pytest
from guarded_tables import CLASSES, bundled, found


def in_bins(y):
    bins = np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y)
    return np.array(["low", "lower", "higher", "high"], object)[bins]


def text_codes(y, rng, n_codes=2):
    codes = rng.permutation(n_codes * (int(y.max()) + 1))
    drawn = codes[n_codes * y.astype(int) + rng.integers(n_codes, size=len(y))]
    return np.array([f"code {code}" for code in drawn], object)


def test_bins_of_the_target_are_found(rng):
    table = bundled("diabetes")
    bins = in_bins(table.target)
    assert found(table.plus(later=bins).check()) == {("target-code", "later")}
    assert table.plus(later=rng.permutation(bins)).check() == []


def test_a_flag_of_high_targets_is_found(rng):
    table = bundled("diabetes")
    flag = table.target > np.quantile(table.target, 0.8)
    assert found(table.plus(later=flag).check()) == {("target-code", "later")}
    assert table.plus(later=rng.permutation(flag)).check() == []


@pytest.mark.parametrize("name", CLASSES)
def test_codes_of_classes_are_found(name, rng):
    table = bundled(name)
    codes = text_codes(table.target, rng)
    assert found(table.plus(later=codes).check()) == {("target-code", "later")}
    assert table.plus(later=rng.permutation(codes)).check() == []


def test_what_is_missing_may_be_a_code(rng):
    table = bundled("breast_cancer")
    gaps = np.where(table.target == 1, np.nan, rng.normal(size=len(table.target)))
    (finding,) = table.plus(later=gaps).check()
    assert (finding.rule, finding.column) == ("target-code", "later")
    assert "missing" in finding.evidence


def test_different_texts_are_no_code():
    table = bundled("breast_cancer")
    names = np.array([_name(i) for i in range(len(table.target))], object)
    assert table.plus(name=names).check() == []


def _name(i):
    return "".join(chr(97 + i // 26**k % 26) for k in range(3))


@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_a_strong_column_of_a_number_is_found(noise, rng):
    table = bundled("diabetes")
    y = table.target
    later = y + noise * y.std() * rng.normal(size=len(y))
    ((rule, column),) = found(table.plus(later=later).check())
    assert rule in ("target-copy", "strong-column")
    assert column == "later"


def test_a_column_that_turns_back_is_found(rng):
    table = bundled("diabetes")
    y = table.target
    later = np.where(rng.random(len(y)) < 0.5, y, 1000 - y)
    assert found(table.plus(later=later).check()) == {("strong-column", "later")}


def test_a_column_that_predicts_half_is_innocent(rng):
    table = bundled("diabetes")
    y = table.target
    assert table.plus(x=y + 0.3 * y.std() * rng.normal(size=len(y))).check() == []


@pytest.mark.parametrize("name", CLASSES)
def test_ranges_of_classes_are_found(name, rng):
    table = bundled(name)
    later = table.target + 0.9 * rng.random(len(table.target))
    (finding,) = table.plus(later=later).check()
    assert (finding.rule, finding.column) == ("strong-column", "later")
    assert finding.is_grave
    assert table.plus(later=rng.permutation(later)).check() == []
    assert table.plus(later=later).check(ignore=["strong-column:later"]) == []
