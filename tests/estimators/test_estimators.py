"""Fitting tables: what users pass in, and what they get back."""

import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from cerebros.errors import DataError, SearchError, StoreError
from cerebros.estimators import (
    CerebrosClassifier,
    CerebrosRegressor,
    EncodingSettings,
    Folds,
    GroupFolds,
    GuardWarning,
    Holdout,
    PopulationSettings,
    TimeFolds,
    load,
)
from cerebros.estimators._committee import Committee
from cerebros.spaces import WideMLP, WideWiring

QUICK = PopulationSettings(epochs=8, folds=2, checkpoints=4)
SMALL = WideWiring(levels=(1, 1), neurons=16)  # one program, quickly compiled


def regressor(**settings):
    given = {"time_budget": None, "n_trials": 2, "population": QUICK, "space": SMALL}
    return CerebrosRegressor(**given | settings)


def classifier(**settings):
    given = {"time_budget": None, "n_trials": 2, "population": QUICK, "space": SMALL}
    return CerebrosClassifier(**given | settings)


@pytest.fixture(scope="module")
def diabetes():
    table, target = load_diabetes(return_X_y=True, as_frame=True)
    return table, target


@pytest.fixture(scope="module")
def mixed():
    """A table of every kind of column, with missing values; numbers and classes."""
    rng = np.random.default_rng(0)
    n = 160
    size = rng.lognormal(size=n)
    town = rng.choice(["Ulm", "Köln", "Bonn", "<b>"], n, p=[0.4, 0.4, 0.17, 0.03])
    price = 3 * size + (town == "Ulm") + rng.normal(0, 0.2, n)
    table = pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.1, np.nan, size),
            "town": np.where(rng.random(n) < 0.1, None, town),
            "garden": rng.random(n) < 0.5,
            "sold": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), "D"),
            "rooms": rng.integers(1, 6, n),
        }
    )
    return table, price, np.where(price > np.median(price), "dear", "cheap")


# --- What comes in --------------------------------------------------------------------


def test_frames_of_pandas_and_polars_and_texts_are_read_as_they_are(mixed):
    table, price, _ = mixed
    plain = regressor().fit(table, price).predict(table)
    as_polars = pl.from_pandas(table)
    np.testing.assert_array_equal(
        regressor().fit(as_polars, price).predict(as_polars), plain
    )


def test_an_array_is_learned_like_a_frame_of_the_same_numbers(diabetes):
    table, target = diabetes
    from_frame = regressor().fit(table, target).predict(table)
    from_array = regressor().fit(table.to_numpy(), target).predict(table.to_numpy())
    np.testing.assert_array_equal(from_frame, from_array)


def test_the_order_of_rows_does_not_matter(mixed):
    table, price, _ = mixed
    order = np.random.default_rng(1).permutation(len(table))
    straight = regressor().fit(table, price).predict(table)
    shuffled = regressor().fit(table.iloc[order], price[order]).predict(table)
    np.testing.assert_array_equal(straight, shuffled)


def test_a_row_of_weight_three_is_learned_like_three_rows(diabetes):
    table, target = diabetes
    often = np.where(np.arange(len(table)) < 40, 3, 1)
    repeated = np.repeat(np.arange(len(table)), often)
    silent = regressor(ignore=("duplicate-rows",))
    model = silent.fit(table.iloc[repeated], target.iloc[repeated])
    weighted = regressor().fit(table, target, sample_weight=often)
    np.testing.assert_array_equal(model.predict(table), weighted.predict(table))
    assert weighted.oof_predictions_.shape == (len(table), 1)


def test_equal_rows_of_a_coarse_table_stay_apart():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"a": rng.integers(0, 3, 300), "b": rng.choice(["x", "y"], 300)}
    )
    silent = classifier(ignore=("duplicate-rows",))
    model = silent.fit(table, rng.random(300) < 0.5)
    assert model.score_report_.model.n_rows == 300


def test_rows_of_no_weight_are_not_learned(diabetes):
    table, target = diabetes
    weights = (np.arange(len(table)) < 300).astype(float)
    spoilt = target.where(weights > 0, 1e6)
    model = regressor().fit(table, spoilt, sample_weight=weights)
    short = regressor().fit(table[:300], target[:300])
    np.testing.assert_array_equal(model.predict(table), short.predict(table))
    assert np.isnan(model.oof_predictions_[300:]).all()


def test_weights_that_are_no_whole_numbers_matter(diabetes):
    table, target = diabetes
    weights = np.where(target > target.median(), 5.5, 0.5)
    usual = regressor().fit(table, target).predict(table)
    high = regressor().fit(table, target, sample_weight=weights).predict(table)
    assert high.mean() > usual.mean() + 5


def test_several_targets_are_learned_together(diabetes):
    table, target = diabetes
    both = pd.DataFrame({"a": target, "b": -2 * target + 5})
    model = regressor(n_trials=1).fit(table, both)
    answers = model.predict(table)
    assert answers.shape == (len(table), 2)
    assert model.predict_interval(table[:4]).shape == (4, 2, 2)
    assert model.predictor_.target_names == ("a", "b")
    assert np.corrcoef(answers[:, 0], answers[:, 1])[0, 1] < -0.9


def test_labels_come_back_as_they_were():
    table, numbers = load_iris(return_X_y=True, as_frame=True)
    words = np.array(["setosa", "versicolor", "virginica"])[numbers]
    for labels in (words, words.astype(object), numbers.to_numpy(), pd.Series(words)):
        model = classifier().fit(table, labels)
        found = model.predict(table)
        assert set(found) <= set(np.asarray(labels))
        shares = model.predict_proba(table)
        assert shares.shape == (150, 3)
        np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_balanced_classes_raise_the_share_of_the_rare_one(mixed):
    table, price, _ = mixed
    rare = price > np.quantile(price, 0.9)
    usual = classifier().fit(table, rare).predict_proba(table)[:, 1].mean()
    balanced = classifier(class_weight="balanced").fit(table, rare)
    assert balanced.predict_proba(table)[:, 1].mean() > 1.3 * usual


# --- Within scikit-learn --------------------------------------------------------------


def test_pipelines_cross_validation_and_grids(diabetes):
    table, target = diabetes
    pipeline = make_pipeline(
        FunctionTransformer(lambda x: x * 100).set_output(transform="pandas"),
        TransformedTargetRegressor(
            regressor(n_trials=1), func=np.log, inverse_func=np.exp
        ),
    )
    scores = cross_val_score(pipeline, table, target, cv=2)
    assert np.isfinite(scores).all()
    grid = GridSearchCV(regressor(n_trials=1), {"ensemble": [True, False]}, cv=2)
    assert grid.fit(table, target).best_params_["ensemble"] in (True, False)


# --- What comes out -------------------------------------------------------------------


def test_a_fit_tells_what_it_did(mixed):
    table, _, labels = mixed
    model = classifier(n_trials=3).fit(table, labels)
    board = model.leaderboard_
    assert set(board["kind"]) == {"ensemble", "trial", "baseline"}
    assert board["score"].is_monotonic_increasing  # a loss
    assert {"constant", "linear", "gradient boosting"} <= set(board["model"])
    assert model.trials_["trial"].tolist() == [0, 1, 2]
    assert model.trials_["ensemble_weight"].sum() == pytest.approx(1)
    assert len(model.history_) == 3 * QUICK.checkpoints
    assert model.best_plan_.output_widths == (2,)
    words = "\nlog_loss on rows used neither for training nor for selection (lower is"
    assert words in f"\n{model.score_report_}"
    assert model.oof_predictions_.shape == (len(table), 2)


def test_the_reported_score_is_that_of_the_unseen_answers(diabetes):
    table, target = diabetes
    model = regressor().fit(table, target)
    again = mean_squared_error(target, model.oof_predictions_) ** 0.5
    assert model.score_report_.model.score == pytest.approx(again, rel=1e-5)
    assert model.score_report_.model.selection <= model.score_report_.model.score


@pytest.mark.parametrize("ensemble", [True, False])
def test_the_best_single_trial_has_one_score_everywhere(mixed, ensemble):
    table, _, labels = mixed
    model = classifier(n_trials=3, ensemble=ensemble).fit(table, labels)
    best = model.score_report_.best_trial
    of_trials = model.trials_[model.trials_["is_best"]]
    board = model.leaderboard_
    of_board = board[board["model"].str.startswith("best single trial")]
    (number,) = of_trials["trial"]
    assert best.name == f"best single trial ({number})"
    assert f"trial {number}" not in set(board["model"])
    assert len(board[board["kind"] == "trial"]) == 3
    for frame in (of_trials, of_board):
        assert frame["score"].tolist() == [best.score]
        assert frame["selection_score"].tolist() == [best.selection]
    assert best.selection == model.trials_["selection_score"].min()
    if not ensemble:
        assert model.score_report_.model.score == best.score
        assert of_trials["ensemble_weight"].tolist() == [1]


def test_progress_names_the_metric_in_its_units(diabetes, capsys):
    table, target = diabetes
    model = regressor(metric="mae", verbose=1).fit(table, target)
    said = capsys.readouterr().out.splitlines()
    for number, expected in enumerate(model.trials_["selection_score"]):
        (line,) = [x for x in said if x.startswith(f"trial {number}: ")]
        assert line.startswith(f"trial {number}: mae {expected:.4g} (best so far")
    constant = model.leaderboard_.set_index("model").loc["constant", "score"]
    assert any(x.startswith(f"baseline constant: mae {constant:.4g}, ") for x in said)
    assert any("scores of trials are selection scores" in line for line in said)


def test_rows_of_no_weight_do_not_judge_where_rows_keep_their_places(diabetes):
    table, target = diabetes
    weights = np.where(np.arange(len(table)) % 2, 1.0, 0.0)
    spoilt = target + np.where(weights > 0, 0, 1000)
    model = regressor(n_trials=1, validation=KFold(3, shuffle=True, random_state=0))
    model.fit(table, spoilt, sample_weight=weights)
    report = model.score_report_
    assert report.model.n_rows == weights.sum()
    assert report.model.score < 250  # with the others about 700
    assert np.isnan(model.oof_predictions_[weights == 0]).all()
    widths = np.diff(model.predict_interval(table[:20]), axis=1)
    assert widths.max() < 1000


def test_the_model_is_an_ordinary_keras_model(diabetes):
    table, target = diabetes
    model = regressor(n_trials=1, population=PopulationSettings(epochs=4, folds=2))
    model.fit(table, target)
    features = model.predictor_.encoding.transform(_columns(table))
    (networks,) = model.predictor_.networks
    inputs = list(features[: networks.plan.n_inputs])
    answers = model.to_keras().predict(
        inputs if len(inputs) > 1 else inputs[0], verbose=0
    )
    np.testing.assert_allclose(answers, networks.answers(*features)[0], atol=1e-5)


def _columns(table):
    from cerebros.estimators.table import columns_of

    return columns_of(table)


def test_intervals_hold_about_their_share_and_are_nested(diabetes):
    table, target = diabetes
    model = regressor(population=PopulationSettings(epochs=30, folds=5))
    model.fit(table[:300], target[:300])
    wide = model.predict_interval(table[300:], alpha=0.1)
    narrow = model.predict_interval(table[300:], alpha=0.5)
    inside = (wide[:, 0] <= target[300:]) & (target[300:] <= wide[:, 1])
    assert 0.8 < inside.mean() < 0.98
    assert (wide[:, 0] <= narrow[:, 0]).all()
    assert (narrow[:, 1] <= wide[:, 1]).all()
    with pytest.raises(ValueError, match="alpha must hold 0 < alpha < 1"):
        model.predict_interval(table, alpha=1.5)


def test_the_threshold_follows_the_metric():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"noise": rng.normal(size=400)})
    rare = rng.random(400) < 0.35  # so f1 asks for answering True nearly always
    usual = classifier(population=PopulationSettings(epochs=8, folds=3))
    by_f1 = classifier(metric="f1", population=PopulationSettings(epochs=8, folds=3))
    assert usual.fit(table, rare).predictor_.certainty.threshold == 0.5
    assert by_f1.fit(table, rare).predictor_.certainty.threshold < 0.4
    assert by_f1.predict(table).mean() > 0.8


# --- Splits ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "validation",
    [3, Folds(n=3), Holdout(share=0.3), TimeFolds(n=2), KFold(3), TimeSeriesSplit(3)],
)
def test_every_kind_of_validation_answers(diabetes, validation):
    table, target = diabetes
    model = regressor(n_trials=1, validation=validation).fit(table, target)
    assert np.isfinite(model.predict(table)).all()
    assert np.isfinite(model.score_report_.model.score)
    if isinstance(validation, (Holdout, TimeFolds, TimeSeriesSplit)):
        # In the end, one network learns from all rows.
        assert sum(own.n_folds for own in model.predictor_.networks) == 1


def test_groups_may_be_a_column_or_given(diabetes):
    table, target = diabetes
    groups = np.arange(len(table)) // 10
    named = table.assign(ward=groups)
    model = regressor(n_trials=1, validation=GroupFolds(column="ward", n=3))
    model.fit(named, target)
    assert "ward" not in model.predictor_.encoding.encoders
    by_argument = regressor(n_trials=1, validation=GroupFolds(n=3))
    by_argument.fit(table, target, groups=groups)
    by_splitter = regressor(n_trials=1, validation=GroupKFold(3))
    by_splitter.fit(table, target, groups=groups)
    for fitted in (by_argument, by_splitter):
        assert np.isfinite(fitted.predict(table)).all()
    with pytest.raises(DataError, match="validation names the column 'wrad'"):
        regressor(validation=GroupFolds(column="wrad")).fit(named, target)
    with pytest.raises(ValueError, match="GroupFolds needs groups"):
        regressor(validation=GroupFolds()).fit(table, target)


def test_a_copy_of_the_target_is_warned_about_and_may_be_silenced(diabetes):
    table, target = diabetes
    leaking = table.assign(answer=np.log(target))
    with pytest.warns(GuardWarning, match="answer"):
        regressor(n_trials=1).fit(leaking, target)
    silent = regressor(n_trials=1, ignore=("target-copy", "strong-column"))
    assert not [f for f in silent.fit(leaking, target).findings_ if f.is_grave]


def test_drift_is_told_when_predicting(mixed):
    table, price, _ = mixed
    model = regressor(n_trials=1).fit(table, price)
    assert model.drift(table) == []
    moved = table.assign(size=table["size"] + 1000)
    assert [finding.column for finding in model.drift(moved)] == ["size"]


# --- Spaces and settings --------------------------------------------------------------


@pytest.mark.parametrize(
    "space",
    [
        "mlp",
        "residual_mlp",
        "mixed",
        WideWiring(neurons=16, activation="relu"),
        WideMLP(neurons=8, levels=(1, 2), activation="gelu"),
    ],
)
def test_every_space_can_be_searched(diabetes, space):
    table, target = diabetes
    model = regressor(space=space, n_trials=3).fit(table, target)
    assert np.isfinite(model.predict(table)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"space": "random_wirin"}, "did you mean 'random_wiring'"),
        ({"space": 3}, "space must be one of"),
        ({"metric": "log_los"}, "metric 'log_los' is not known"),
        ({"time_budget": -1}, "time_budget must be positive"),
        ({"n_trials": 0}, "n_trials must be a whole number"),
        ({"n_trials": None}, "cannot both be None"),
        ({"validation": 1}, "n must be at least 2"),
        ({"validation": "kfold"}, "validation must be None"),
    ],
)
def test_a_bad_setting_is_named(diabetes, settings, message):
    with pytest.raises(ValueError, match=message):
        regressor(**settings).fit(*diabetes)


# --- Bad tables -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t, y: (t, y.where(y > 60)), "Input y contains NaN"),
        (lambda t, y: (t.assign(age=np.inf), y), "column 'age' holds 442 infinite"),
        (lambda t, y: (t.set_axis(["a"] * 10, axis=1), y), "'a' 10 times"),
        (lambda t, y: (t[:0], y[:0]), "0 sample"),
        (lambda t, y: (t[[]], y), "0 feature"),
        (lambda t, y: (t[:1], y[:1]), "n_samples = 1"),
        (lambda t, y: (t, y[:-1]), "inconsistent numbers of samples"),
        (lambda t, y: (t * np.nan, y), "all of it is missing"),
    ],
)
def test_a_bad_table_is_refused_before_any_training(diabetes, spoil, message):
    with pytest.raises(ValueError, match=message):
        regressor().fit(*spoil(*diabetes))


def test_three_rows_are_learned_and_one_is_answered(diabetes):
    table, target = diabetes
    model = regressor(n_trials=1).fit(table[:3], target[:3])
    assert model.predict(table[:1]).shape == (1,)


def test_ten_thousand_columns(diabetes):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 10_000))
    model = regressor(n_trials=1, population=PopulationSettings(epochs=2, folds=2))
    assert model.fit(table, rng.normal(size=40)).predict(table).shape == (40,)


def test_a_column_of_another_type_or_missing_is_named(mixed):
    table, price, _ = mixed
    model = regressor(n_trials=1).fit(table, price)
    with pytest.raises(DataError, match="'size' held numbers in training"):
        model.predict(table.assign(size="big"))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table.rename(columns={"size": "sise"}))
    loose = model.predictor_
    np.testing.assert_array_equal(
        loose.predict(table[table.columns[::-1]]), model.predict(table)
    )
    with pytest.raises(DataError, match="is it the one named 'sise'"):
        loose.predict(table.rename(columns={"size": "sise"}))


def test_unseen_categories_missing_values_and_mixed_objects_are_answered(mixed):
    table, price, _ = mixed
    model = regressor(n_trials=1).fit(table, price)
    odd = table[:5].assign(town=["Rom", None, "Ulm", 3, 4.0])
    odd["size"] = np.nan
    assert np.isfinite(model.predict(odd)).all()


def test_labels_that_were_not_in_training_cannot_be_scored_as_right(mixed):
    table, _, labels = mixed
    model = classifier(n_trials=1).fit(table, labels)
    assert model.score(table, np.full(len(table), "unknown")) == 0


def test_an_offset_of_the_target_changes_no_score(diabetes):
    table, target = diabetes
    plain = regressor().fit(table, target)
    moved = regressor().fit(table, target + 1.7e9)
    scores = [m.score_report_.model.score for m in (moved, plain)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)
    answers = moved.predict(table) - 1.7e9
    np.testing.assert_allclose(answers, plain.predict(table), rtol=1e-3)


def test_class_weights_do_not_weigh_scores(mixed):
    table, price, _ = mixed
    rare = price > np.quantile(price, 0.9)
    model = classifier(class_weight="balanced", metric="accuracy").fit(table, rare)
    constant = model.leaderboard_.set_index("model").loc["constant", "score"]
    assert constant in (
        pytest.approx(1 - rare.mean(), abs=0.02),
        pytest.approx(rare.mean(), abs=0.02),
    )


def test_answers_for_later_times_know_nothing_of_them():
    rng = np.random.default_rng(0)
    times = np.arange(160.0)
    table = pd.DataFrame({"t": times, "x": rng.normal(size=160)})
    silent = {"ignore": ("target-copy", "strong-column", "time-order")}
    model = regressor(validation=TimeFolds(column="t", n=4), n_trials=1, **silent)
    unseen = model.fit(table, times).oof_predictions_[:, 0]
    blocks = np.array_split(np.arange(160), 5)
    for before, block in pairwise(blocks):
        assert np.nanmax(unseen[block]) <= before[-1] + 1e-3


def test_a_name_that_the_table_lacks_is_said(diabetes):
    settings = EncodingSettings(dropped=("agee",))
    with pytest.raises(DataError, match="did you mean 'age'"):
        regressor(encoding=settings).fit(*diabetes)
    with pytest.raises(ValueError, match="must be names of columns"):
        EncodingSettings(dropped="age")


def test_a_trial_that_fails_is_left_out(diabetes, monkeypatch):
    real = Committee.trained

    def fails_once(self, number, *rest):
        if number == 1:
            raise MemoryError("no memory")
        return real(self, number, *rest)

    monkeypatch.setattr(Committee, "trained", fails_once)
    model = regressor(n_trials=3).fit(*diabetes)
    assert model.trials_["trial"].tolist() == [0, 1, 2]
    assert model.trials_["status"].tolist() == ["finished", "failed", "finished"]
    assert model.trials_["reason"][1] == "MemoryError('no memory')"
    assert model.trials_["ensemble_weight"][1] == 0
    assert model.trials_["ensemble_weight"].sum() == pytest.approx(1)
    board = model.leaderboard_
    assert board["status"].tolist().count("failed") == 1
    assert (board["model"].iloc[-1], board["status"].iloc[-1]) == ("trial 1", "failed")


def test_when_all_trials_fail_the_first_error_is_told(diabetes, monkeypatch):
    def fails(self, number, *rest):
        raise MemoryError("no memory")

    monkeypatch.setattr(Committee, "trained", fails)
    with pytest.raises(SearchError, match="no memory"):
        regressor().fit(*diabetes)


@pytest.mark.filterwarnings("ignore:the time budget")
@pytest.mark.parametrize("settings", [(0.1, 2), (float("inf"), 2)])
def test_a_budget_that_is_too_short_or_endless_gives_a_model(diabetes, settings):
    table, target = diabetes
    seconds, n_trials = settings
    model = regressor(time_budget=seconds, n_trials=n_trials).fit(table, target)
    assert np.isfinite(model.predict(table)).all()


# --- Seeds, and going on --------------------------------------------------------------


def test_the_same_seed_gives_the_same_answers_and_another_one_others(mixed):
    table, price, _ = mixed
    first = regressor(random_state=3).fit(table, price).predict(table)
    again = regressor(random_state=3).fit(table, price).predict(table)
    other = regressor(random_state=4).fit(table, price).predict(table)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_a_trial_does_not_depend_on_how_many_there_are(mixed):
    table, price, _ = mixed
    few = regressor(n_trials=4).fit(table, price).history_
    many = regressor(n_trials=6).fit(table, price).history_
    pd.testing.assert_frame_equal(few, many[: len(few)])


_SCRIPT = """
import os
import sys
if sys.argv[3:] and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
from sklearn.datasets import load_diabetes
from cerebros.estimators import CerebrosRegressor, PopulationSettings
from cerebros.spaces import WideWiring
table, target = load_diabetes(return_X_y=True, as_frame=True)
model = CerebrosRegressor(
    time_budget=None, n_trials=4, out=sys.argv[1] or None,
    space=WideWiring(levels=(1, 1), neurons=16),
    population=PopulationSettings(epochs=200, folds=5, checkpoints=10),
)
model.fit(table, target)
model.save(sys.argv[2])
"""


def test_a_fit_that_was_killed_goes_on_and_ends_alike(tmp_path, diabetes):
    folder, path = tmp_path / "work", tmp_path / "whole.cerebros"
    command = [sys.executable, "-c", _SCRIPT, str(folder)]
    killed = subprocess.Popen(
        [*command, str(tmp_path / "never.cerebros")], stdout=subprocess.DEVNULL
    )
    while len(list(folder.glob("trial_*checkpoint*"))) < 6:
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    subprocess.run([*command, str(path)], check=True, capture_output=True)
    alone = tmp_path / "alone.cerebros"
    subprocess.run(
        [sys.executable, "-c", _SCRIPT, "", str(alone), "on one core"],
        check=True,
        capture_output=True,
    )
    table, _ = diabetes
    np.testing.assert_array_equal(load(path).predict(table), load(alone).predict(table))


def test_a_folder_of_another_fit_is_refused(tmp_path, diabetes):
    table, target = diabetes
    regressor(n_trials=1, out=tmp_path).fit(table, target)
    with pytest.raises(StoreError, match="holds a fit with another data"):
        regressor(n_trials=1, out=tmp_path).fit(table, -target)


# --- Taking it away -------------------------------------------------------------------


def test_a_saved_model_answers_alike_without_the_training_stack(tmp_path, mixed):
    table, _, labels = mixed
    model = classifier().fit(table, labels)
    path = tmp_path / "m.cerebros"
    model.save(path)
    table.to_pickle(tmp_path / "table.pkl")
    script = (
        "import sys\n"
        "from cerebros.estimators import load\n"
        "model = load(sys.argv[1])\n"
        "rows = {'size': [1.0, None], 'town': ['Ulm', None], 'garden': [True, False],"
        " 'sold': ['2024-02-01', '2024-03-01'], 'rooms': [2, 3]}\n"
        "print(model.predict(rows).tolist(), model.predict_proba(rows)[0, 0])\n"
        "heavy = {'jax', 'keras', 'sklearn', 'pandas', 'sqlalchemy', 'scipy'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    answers, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    rows = pd.DataFrame(
        {
            "size": [1.0, None],
            "town": ["Ulm", None],
            "garden": [True, False],
            "sold": pd.to_datetime(["2024-02-01", "2024-03-01"]),
            "rooms": [2, 3],
        }
    )
    expected = model.predict(rows).tolist(), model.predict_proba(rows)[0, 0]
    assert answers == f"{expected[0]} {expected[1]}"


@pytest.mark.parametrize("damage", ["cut", "text", "later"])
def test_a_damaged_file_is_refused(tmp_path, diabetes, damage):
    path = tmp_path / "m.cerebros"
    regressor(n_trials=1).fit(*diabetes).save(path)
    whole = path.read_bytes()
    spoilt = {
        "cut": whole[: len(whole) // 2],
        "text": b"price,size\n1,2\n",
        "later": whole.replace(b'\\"format\\": 2', b'\\"format\\": 9', 1),
    }[damage]
    path.write_bytes(spoilt)
    with pytest.raises(DataError, match="format 9" if damage == "later" else "damaged"):
        load(path)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(tmp_path / "none.cerebros")


def test_a_smaller_predictor_has_as_many_networks_as_asked(diabetes):
    table, target = diabetes
    model = regressor(n_trials=4).fit(table, target)
    full = model.predictor_
    n_all = sum(own.n_folds for own in full.networks)
    for n in (1, 3, 5, n_all, 100):
        small = full.smaller(n)
        assert sum(own.n_folds for own in small.networks) == min(n, n_all)
        assert sum(own.share for own in small.networks) == pytest.approx(1)
    np.testing.assert_allclose(full.smaller(100).predict(table), full.predict(table))


# --- Time -----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:the time budget")  # the machine may be busy
def test_a_time_budget_ends_the_search(diabetes):
    table, target = diabetes
    model = CerebrosRegressor(time_budget=10).fit(table, target)
    assert len(model.trials_) >= 1
    assert np.isfinite(model.predict(table)).all()


def test_encoding_settings_are_followed(mixed):
    table, price, _ = mixed
    settings = EncodingSettings(bins=4, texts=("rooms",), dropped=("sold",))
    model = regressor(n_trials=1, encoding=settings).fit(table, price)
    encoders = model.predictor_.encoding.encoders
    assert "sold" not in encoders
    assert type(encoders["rooms"]).__name__ == "CategoryEncoder"
    assert len(encoders["size"].edges) == 5
