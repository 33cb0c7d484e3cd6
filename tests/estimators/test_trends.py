"""Rows that follow in time: no fold sees the future, and trends go on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cerebros.estimators import CerebrosRegressor, PopulationSettings, TimeFolds, load
from cerebros.estimators._fold_tables import encoding_targets, tables_of_folds
from cerebros.estimators._linear_part import LinearPart
from cerebros.estimators._request import Target
from cerebros.estimators._validation import Folds, Holdout, folds_of
from cerebros.estimators.table import EncodingSettings, fit_encoding
from cerebros.spaces import WideWiring

SMALL = WideWiring(levels=(1, 1), neurons=16)
QUICK = PopulationSettings(epochs=60, folds=4, checkpoints=6)


def regressor(**settings):
    given = {"time_budget": None, "n_trials": 4, "population": QUICK, "space": SMALL}
    return CerebrosRegressor(**given | settings)


def rows_between(low, high, n, seed):
    rng = np.random.default_rng(seed)
    t, z = np.sort(rng.uniform(low, high, n)), rng.normal(size=n)
    y = 0.5 * t + np.sin(z) + rng.normal(0, 0.2, n)
    return pd.DataFrame({"t": t, "z": z}), y


@pytest.fixture(scope="module")
def trending():
    return rows_between(0, 10, 400, 0)


@pytest.fixture(scope="module")
def later():
    return rows_between(10, 15, 300, 1)


@pytest.fixture(scope="module", params=[None, TimeFolds(n=3)], ids=["random", "time"])
def model(request, trending):
    ignored = ("time-order",)
    return regressor(validation=request.param, ignore=ignored).fit(*trending)


def rmse(y, answers):
    return np.sqrt(np.mean((y - answers) ** 2))


def test_a_linear_trend_goes_on_beyond_the_rows_of_training(model, later):
    table, y = later
    # Noise is 0.2; answers that end with the training are off by 1.4.
    assert rmse(y, model.predict(table)) < 0.6


def test_intervals_hold_beyond_the_rows_of_training(model, later):
    table, y = later
    low, high = model.predict_interval(table, alpha=0.1).T
    assert ((low <= y) & (y <= high)).mean() > 0.85
    near, far = (model.predict_interval(table.assign(t=t)) for t in (10.0, 25.0))
    assert (np.ptp(far, axis=1) > np.ptp(near, axis=1) + 0.5).all()


def test_the_linear_part_is_in_the_file(model, later, tmp_path):
    model.save(tmp_path / "trend.cerebros")
    loaded = load(tmp_path / "trend.cerebros")
    np.testing.assert_array_equal(loaded.predict(later[0]), model.predict(later[0]))


def test_an_onnx_file_carries_a_trend_on(model, later, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model.to_onnx(tmp_path / "trend.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "trend.onnx")
    table = later[0].copy()
    table.loc[0, "t"] = np.nan
    table.loc[1, "t"] = 1e9
    given = {name: table[[name]].to_numpy() for name in table}
    (found,) = session.run(["prediction"], given)
    np.testing.assert_allclose(found, model.predict(table), rtol=1e-5)


def test_rows_of_no_weight_do_not_shape_the_target(trending):
    table, y = trending
    weights = np.where(np.arange(len(y)) % 7, 1.0, 0.0)
    silent = regressor(validation=TimeFolds(n=2), ignore=("time-order",), n_trials=1)
    spoilt = np.where(weights > 0, y, 1e5)
    one = silent.fit(table, spoilt, sample_weight=weights).predictor_.transforms
    two = silent.fit(table, y, sample_weight=weights).predictor_.transforms
    assert one[0][0].state() == two[0][0].state()


def test_without_a_trend_answers_stay_near_the_range_of_training():
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    y = np.abs(table["a"] + table["b"] + rng.normal(0, 0.5, 200))
    model = regressor(n_trials=2).fit(table, y)
    answers = model.predict(pd.DataFrame({"a": [-1e6, 1e6], "b": [0.0, 1e6]}))
    span = y.max() - y.min()
    assert (answers >= 0).all()  # what is never negative stays so
    assert (answers <= y.max() + 0.1 * span).all()


# --- No fold sees the future ------------------------------------------------------


def target_of(y):
    ones = np.ones(len(y))
    return Target(
        values=np.asarray(y, float)[:, None],
        classes=None,
        names=("y",),
        is_flat=True,
        weights=ones,
        counts=ones,
    )


def tables(columns, y, validation, kinds=("identity", "linear"), unit=None):
    target = target_of(y)
    folds = folds_of(
        validation,
        len(y),
        n_folds=3,
        strata=target.values[:, 0],
        is_classification=False,
        unit=unit,
    )
    encoding = fit_encoding(
        columns,
        EncodingSettings(),
        targets=(target.values - target.values.mean()) / target.values.std(),
        weights=target.weights,
    )
    linear = LinearPart.fit(columns, target.values, target.weights)
    made = tables_of_folds(
        columns,
        target,
        encoding,
        folds,
        kinds,
        linear,
        unit=np.arange(len(y)) if unit is None else unit,
        is_bounded=not isinstance(validation, TimeFolds),
        seed=0,
    )
    return made, folds, encoding


def test_rows_of_the_future_change_nothing_in_an_earlier_fold():
    rng = np.random.default_rng(3)
    n = 240
    columns = {
        "t": np.arange(n, dtype=float),
        "town": rng.choice([f"town {i}" for i in range(90)], n).astype(object),
    }
    y = rng.normal(size=n) + np.arange(n) / 100
    later = np.arange(n) >= 120
    changed = {**columns, "t": columns["t"] + np.where(later, 1e6, 0)}
    other = y + np.where(later, 1e3, 0)
    one, folds, _ = tables(columns, y, TimeFolds(n=3))
    two, _, _ = tables(changed, other, TimeFolds(n=3))
    assert [len(fold.train) for fold in folds] == [60, 120, 180, 240]
    for k in (0, 1):
        (a, b), fold = (own.of_fold(k) for own in (one, two)), folds[k]
        np.testing.assert_array_equal(a.plain[fold.train], b.plain[fold.train])
        np.testing.assert_array_equal(a.encoded[fold.train], b.encoded[fold.train])
        assert a.transforms[0][0].state() == b.transforms[0][0].state()
        for of_a, of_b in zip(a.targets, b.targets, strict=True):
            np.testing.assert_array_equal(of_a[fold.train], of_b[fold.train])


def test_every_fold_in_time_has_as_many_features():
    rng = np.random.default_rng(4)
    columns = {"t": np.round(np.arange(200.0) / 50), "z": rng.normal(size=200)}
    made, _, encoding = tables(columns, rng.normal(size=200), TimeFolds(n=4))
    shapes = {(own.plain.shape, own.encoded.shape) for own in made.each}
    n_plain, n_encoded = encoding.n_features
    assert shapes == {((200, n_plain), (200, n_encoded))}


def test_folds_in_which_each_row_validates_once_share_a_table():
    rng = np.random.default_rng(5)
    columns = {"z": rng.normal(size=90)}
    made, folds, _ = tables(columns, rng.normal(size=90), Folds(n=3))
    (only,) = made.each
    assert only.folds == (0, 1, 2)
    assert len(folds) == 3


def test_copies_tell_each_other_nothing_of_their_targets():
    rng = np.random.default_rng(8)
    towns = np.array([f"town {i}" for i in range(100)], object)
    columns = {"town": np.repeat(towns, 2), "z": np.repeat(rng.normal(size=100), 2)}
    y = np.repeat(rng.normal(size=100), 2)
    made, folds, _ = tables(columns, y, Holdout(), unit=np.repeat(np.arange(100), 2))
    for table, fold in zip(made.each, folds, strict=True):
        own = table.plain[fold.train]
        assert len(own)
        # Of a town there are two rows, which are one unit: nothing is known of it.
        assert not own[:, np.ptp(own, axis=0) > 0][:, 1:].any()


def test_rows_of_no_weight_do_not_scale_targets():
    target = target_of([1.0, 2.0, 3.0, 1e9])
    weighted = replace(target, weights=np.array([1.0, 1.0, 1.0, 0.0]))
    made = encoding_targets(weighted, np.arange(4))
    np.testing.assert_allclose(made[:3, 0], [-(1.5**0.5), 0, 1.5**0.5])


def test_what_was_promised_by_time_holds_for_later_rows():
    """A level that drifts: what is learned of the past is worse for the future."""
    rng = np.random.default_rng(6)
    n = 900
    level = np.cumsum(rng.normal(0, 0.12, n))
    table = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    y = table["a"] + level + rng.normal(0, 0.3, n)
    past = np.arange(n) < 700
    silent = ("time-order",)
    model = regressor(validation=TimeFolds(n=4), ignore=silent, n_trials=2)
    model.fit(table[past], y[past])
    promised = model.score_report_.model.score
    assert promised > 0.8 * rmse(y[~past], model.predict(table[~past]))
