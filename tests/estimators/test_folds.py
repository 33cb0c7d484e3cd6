import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from cerebros.errors import DataError
from cerebros.estimators._validation import (
    Folds,
    GroupFolds,
    Holdout,
    TimeFolds,
    folds_of,
)


def made(validation, strata, *, n_folds=5, is_classification=True, **more):
    strata = np.asarray(strata)
    return folds_of(
        validation,
        len(strata),
        n_folds=n_folds,
        strata=strata,
        is_classification=is_classification,
        **more,
    )


def judging(folds):
    return [fold for fold in folds if len(fold.valid)]


def check(folds, n_rows):
    """Every row judges once, and nobody is judged by what was trained on it."""
    judged = np.concatenate([fold.valid for fold in folds])
    assert sorted(judged.tolist()) == list(range(n_rows))
    for fold in folds:
        assert fold.answers
        assert len(fold.train)
        assert not np.isin(fold.train, fold.valid).any()


CLASSES = st.lists(st.integers(0, 4), min_size=2, max_size=60)


@given(CLASSES, st.integers(2, 12), st.booleans(), st.integers(0, 9))
def test_folds_spread_classes_and_targets_evenly(strata, n, is_classification, seed):
    strata = np.array(strata)
    folds = made(
        Folds(), strata, n_folds=n, is_classification=is_classification, seed=seed
    )
    assert len(folds) == min(n, len(strata))
    check(folds, len(strata))
    sizes = [len(fold.valid) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    if is_classification:
        for k in np.unique(strata):
            counts = [(strata[fold.valid] == k).sum() for fold in folds]
            assert max(counts) - min(counts) <= 1


def test_target_values_are_spread_over_folds():
    target = np.random.default_rng(0).permutation(np.arange(100.0))
    for fold in made(Folds(), target, is_classification=False):
        np.testing.assert_array_equal(np.sort(target[fold.valid]) // 5, np.arange(20))


def test_a_class_smaller_than_the_folds_is_judged_in_some():
    strata = np.array([0] * 40 + [1] * 2)
    folds = made(Folds(), strata)
    assert sum((strata[fold.valid] == 1).any() for fold in folds) == 2
    assert all((strata[fold.train] == 1).any() for fold in folds)


def test_a_seed_decides_folds():
    strata = np.arange(40) % 2
    one, same, other = (made(Folds(), strata, seed=seed) for seed in (1, 1, 2))
    assert all((a.valid == b.valid).all() for a, b in zip(one, same, strict=True))
    assert any((a.valid != b.valid).any() for a, b in zip(one, other, strict=True))


@given(CLASSES, st.floats(0.01, 0.99), st.booleans(), st.integers(0, 9))
def test_a_holdout_is_about_its_share_of_each_class(strata, share, is_class, seed):
    strata = np.array(strata)
    judge, final = made(
        Holdout(share=share), strata, is_classification=is_class, seed=seed
    )
    assert not judge.answers
    assert final.answers
    assert final.train.tolist() == list(range(len(strata)))
    assert not len(final.valid)
    both = np.concatenate([judge.train, judge.valid])
    assert sorted(both.tolist()) == list(range(len(strata)))
    assert len(judge.train) >= 1
    n_held = min(max(1, round(share * len(strata))), len(strata) - 1)
    assert len(judge.valid) == n_held
    for k in np.unique(strata):
        expected = (strata == k).sum() * n_held / len(strata)
        assert abs((strata[judge.valid] == k).sum() - expected) < 1


def test_a_holdout_is_spread_over_target_values():
    target = np.random.default_rng(0).permutation(np.arange(100.0))
    judge, _ = made(Holdout(share=0.4), target, is_classification=False)
    counts, _ = np.histogram(target[judge.valid], bins=10)
    assert set(counts) == {4}


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=60),
    st.integers(2, 12),
    st.integers(0, 5),
)
def test_groups_are_never_on_both_sides(groups, n, seed):
    groups = np.array(groups)
    settings = {"n_folds": n, "groups": groups, "seed": seed}
    if len(set(groups)) < 2:
        with pytest.raises(DataError, match="at least 2 groups"):
            made(GroupFolds(), np.zeros(len(groups)), **settings)
        return
    folds = made(GroupFolds(), np.zeros(len(groups)), **settings)
    assert len(folds) == min(n, len(set(groups)))
    check(folds, len(groups))
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.valid])


def test_groups_of_any_kind_fill_folds_evenly():
    groups = np.array(["a", True, 3.5, "b"] * 10, object)
    folds = made(GroupFolds(), np.zeros(40), n_folds=4, groups=groups)
    assert [len(fold.valid) for fold in folds] == [10] * 4
    groups[0] = None
    with pytest.raises(DataError, match="1 are missing"):
        made(GroupFolds(), np.zeros(40), n_folds=4, groups=groups)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=40), st.integers(1, 8))
def test_time_folds_judge_later_rows_only(times, n):
    order = np.array(times)
    if len(set(times)) < 2:
        with pytest.raises(DataError, match="at least two times"):
            made(TimeFolds(n=n), np.zeros(len(order)), order=order)
        return
    folds = made(TimeFolds(n=n), np.zeros(len(order)), order=order)
    *judges, final = folds
    assert 1 <= len(judges) <= min(n, len(order) - 1)
    assert final.answers
    assert final.train.tolist() == list(range(len(order)))
    for fold in judges:
        assert not fold.answers
        assert order[fold.train].max() < order[fold.valid].min()


def test_time_is_the_order_of_rows_unless_a_column_says_it():
    fold = made(TimeFolds(n=1), np.zeros(6))[0]
    assert (fold.train.tolist(), fold.valid.tolist()) == ([0, 1, 2], [3, 4, 5])
    order = np.array(["2020", "2022", "2021", "2019"], "datetime64[Y]")
    fold = made(TimeFolds(n=1), np.zeros(4), order=order)[0]
    assert (fold.train.tolist(), fold.valid.tolist()) == ([3, 0], [2, 1])


@pytest.mark.parametrize(
    "order",
    [
        np.array([1, np.nan, 2]),
        np.array(["2020", "NaT", "2021"], "datetime64[us]"),
        np.array(["a", None, "b"], object),
    ],
)
def test_rows_without_a_time_are_refused(order):
    with pytest.raises(DataError, match="1 of its values are missing"):
        made(TimeFolds(), np.zeros(3), order=order)


STRATA = np.arange(30) % 3
GROUPS = np.arange(30) // 3
FIRST = np.arange(30) < 9


@pytest.mark.parametrize(
    "splitter",
    [
        KFold(4),
        KFold(5, shuffle=True, random_state=0),
        StratifiedKFold(5),
        GroupKFold(3),
        list(KFold(3).split(STRATA)),
        [(FIRST, ~FIRST), (~FIRST, FIRST)],
    ],
)
def test_splitters_and_pairs_judge_every_row(splitter):
    groups = GROUPS if isinstance(splitter, GroupKFold) else None
    folds = made(splitter, STRATA, groups=groups)
    check(folds, 30)
    if isinstance(splitter, StratifiedKFold):
        assert all((np.bincount(STRATA[f.valid]) == 2).all() for f in folds)


@pytest.mark.parametrize(
    "splitter",
    [
        TimeSeriesSplit(4),
        ShuffleSplit(1, test_size=0.3, random_state=0),
        [(range(10), range(10, 20))],
        [(range(17, 30), range(15)), (range(13), range(15, 30))],  # with gaps
    ],
)
def test_where_not_all_rows_judge_networks_of_all_rows_answer(splitter):
    *judges, final = made(splitter, STRATA)
    assert not any(fold.answers for fold in judges)
    assert final.answers
    assert len(final.train) == 30
    assert not len(final.valid)


@pytest.mark.parametrize(
    ("splitter", "match"),
    [
        (ShuffleSplit(3, test_size=0.5, random_state=0), "more than once"),
        ([], "no folds with rows on both sides"),
        ([([], [1])], "no folds with rows on both sides"),
        ([([0, 1], [1, 2])], "by networks trained on them"),
        ([([0, 1], [30])], "from 0 to 29, but gives 0 to 30"),
        ([([0, -1], [3])], "but gives -1 to 3"),
        (3.5, "a splitter with `split`, but got 3.5"),
    ],
)
def test_splitters_that_judge_badly_are_refused(splitter, match):
    with pytest.raises(ValueError, match=match):
        made(splitter, STRATA)


def test_one_row_cannot_be_split():
    with pytest.raises(DataError, match="n_samples = 1"):
        made(Folds(), [0])


def test_group_folds_need_groups():
    with pytest.raises(ValueError, match="GroupFolds needs groups"):
        made(GroupFolds(), STRATA)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Folds(n=1),
        lambda: GroupFolds(n=0),
        lambda: TimeFolds(n=0),
        lambda: Holdout(share=0.0),
        lambda: Holdout(share=1.0),
        lambda: Holdout(share=float("nan")),
    ],
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(ValueError, match="must"):
        make()
