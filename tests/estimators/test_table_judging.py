from dataclasses import replace

import numpy as np
import pytest

from cerebros.estimators._judging import MOST_CHOOSING_ROWS, Judging
from cerebros.estimators._metrics import metric_of
from cerebros.estimators._request import Target


def target_of(values, *, is_classification=False, **others):
    n = len(values)
    return Target(
        values=values if is_classification else values[:, None].astype(float),
        classes=np.unique(values) if is_classification else None,
        names=("y",),
        is_flat=True,
        **{"weights": np.ones(n), "counts": np.ones(n)} | others,
    )


def judging_of(target, folds, name=None):
    metric = metric_of(name, is_classification=target.classes is not None)
    return Judging.of_folds(folds, target, metric, seed=0)


def test_parts_hold_classes_in_proportion():
    classes = (np.arange(1000) % 100 == 0).astype(int)
    target = target_of(classes, is_classification=True)
    judging = judging_of(target, [np.arange(0, 500), np.arange(500, 1000)])
    assert [classes[part].sum() for part in judging.parts] == [2] * 5
    assert sorted(np.concatenate(judging.parts)) == list(range(1000))


def test_parts_hold_values_in_proportion():
    values = np.random.default_rng(0).lognormal(2, 2, 1000)
    judging = judging_of(target_of(values), [np.arange(1000)])
    limit = np.quantile(values, 0.9)
    assert [(values[part] > limit).sum() for part in judging.parts] == [20] * 5


def test_a_group_is_in_one_part():
    values = np.repeat(np.arange(50.0), 4)
    groups = np.repeat(np.arange(50), 4)
    judging = judging_of(target_of(values, groups=groups), [np.arange(200)])
    found = [set(groups[part]) for part in judging.parts]
    assert len(found) == 5
    assert sum(map(len, found)) == 50
    means = [values[part].mean() for part in judging.parts]
    assert np.ptp(means) < 5  # of 50; they are in proportion


def test_rows_of_no_weight_neither_choose_nor_judge():
    counts = np.where(np.arange(60) % 3, 1.0, 0.0)
    target = target_of(np.arange(60.0), counts=counts, weights=counts)
    judging = judging_of(target, np.array_split(np.arange(60), 3))
    assert judging.rows.tolist() == np.flatnonzero(counts).tolist()
    assert all((counts[part] > 0).all() for part in judging.parts)
    answers = np.where(counts > 0, np.arange(60.0) + 1, 1e9)[:, None]
    assert judging.standing("m", answers).score == pytest.approx(1)
    assert judging.standing("m", answers).n_rows == 40
    none = replace(target, counts=np.zeros(60), weights=np.zeros(60))
    assert len(judging_of(none, np.array_split(np.arange(60), 3)).rows) == 60


def test_rows_that_choose_stand_for_all():
    rng = np.random.default_rng(0)
    classes = (rng.random(60_000) < 0.001).astype(int)
    target = target_of(classes, is_classification=True)
    judging = judging_of(target, np.array_split(rng.permutation(60_000), 5))
    rows = judging.rows[judging.chooses]
    assert len(rows) == pytest.approx(MOST_CHOOSING_ROWS, abs=1)
    assert classes[rows].sum() == classes.sum()  # all of the rare ones
    second = np.full(60_000, 0.01)
    answers = np.stack([1 - second, second], axis=1)[None]
    places = judging.places(judging.chooses)
    found = judging.loss(judging.flat(answers)[:, places], places)
    expected = -np.mean(np.log(np.where(classes, 0.01, 0.99)))
    assert found == pytest.approx(expected, rel=0.002)


def test_losses_without_a_part_know_nothing_of_it():
    values = np.random.default_rng(0).normal(size=90)
    folds = np.array_split(np.arange(90), 3)
    judging = judging_of(target_of(values), folds)
    answers = np.zeros((2, 90, 1))
    before = judging.losses_of(answers)
    assert before.shape == (4,)
    changed = answers.copy()
    changed[:, folds[1]] = 7
    after = judging.losses_of(changed)
    assert after[2] == before[2]
    assert (after[[0, 1, 3]] > before[[0, 1, 3]]).all()
    changed[0, 3] = np.nan
    assert np.isinf(judging.losses_of(changed)).all()


def test_how_far_ahead_a_baseline_is_follows_from_the_parts():
    rng = np.random.default_rng(0)
    values = rng.normal(size=500)
    judging = judging_of(target_of(values), np.array_split(np.arange(500), 5), "mae")
    off = rng.normal(size=500)[:, None]
    model, better = values[:, None] + 2 * off, values[:, None] + off
    ahead = judging.standing("b", better, model=model)
    assert ahead.lead == pytest.approx(np.abs(off).mean())
    assert ahead.is_ahead_beyond_noise
    behind = judging.standing("b", model, model=better)
    assert not behind.is_ahead
    assert np.isnan(judging.standing("m", model).lead)
    noisy = values[:, None] + 2 * rng.permutation(off) * 0.999
    close = judging.standing("b", noisy, model=model)
    assert not close.is_ahead_beyond_noise


def test_every_score_has_the_threshold_that_the_metric_asks_for():
    rng = np.random.default_rng(0)
    second = rng.random(6000) ** 6
    classes = (rng.random(6000) < second).astype(int)
    target = target_of(classes, is_classification=True)
    judging = judging_of(target, np.array_split(np.arange(6000), 5), "f1")
    answers = np.stack([1 - second, second], axis=1)
    at_half = judging.score(answers)
    honest = judging.score(judging.decided(answers))
    assert at_half + 0.01 < honest <= judging.selection_score(answers)
    assert judging.score(judging.of_baseline(answers)) == honest
    of_trial = np.stack([np.full_like(answers, 0.5), answers])
    found = judging.selection_score_of_trial(of_trial)
    assert found == judging.selection_score(answers)


def test_baselines_are_not_calibrated():
    classes = np.arange(300) % 2
    target = target_of(classes, is_classification=True)
    judging = judging_of(target, np.array_split(np.arange(300), 3))
    answers = np.where(classes[:, None] == [0, 1], 0.6, 0.4)
    assert (judging.of_baseline(answers) == answers).all()
    assert (judging.decided(answers) != answers).any()


@pytest.mark.parametrize("n_parts", [3, 5, 10])
def test_what_is_equal_is_rarely_ahead_beyond_noise(n_parts):
    n_ahead = 0
    for seed in range(600):
        rng = np.random.default_rng(seed)
        values, ones = rng.normal(size=90), np.ones(90)
        target = target_of(values, weights=ones, counts=ones)
        judging = judging_of(target, np.array_split(np.arange(90), n_parts))
        one, other = (values + rng.normal(size=(2, 90)))[:, :, None]
        n_ahead += judging.standing("b", one, model=other).is_ahead_beyond_noise
    assert n_ahead < 0.045 * 600
