"""What a table holds is decided by `fit`, and a row's answer by the row alone."""

import json
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cerebros.errors import DataError
from cerebros.estimators import (
    CerebrosClassifier,
    CerebrosRegressor,
    EncodingSettings,
    GroupFolds,
    PopulationSettings,
    TimeFolds,
    load,
)
from cerebros.spaces import WideWiring

SETTINGS = {
    "time_budget": None,
    "n_trials": 1,
    "population": PopulationSettings(epochs=8, folds=2, checkpoints=4),
    "space": WideWiring(levels=(1, 1), neurons=16),
}
UNNAMED = "X does not have valid feature names"
N_ROWS = 120


def regressor(**settings):
    return CerebrosRegressor(**SETTINGS | settings)


def classifier(**settings):
    return CerebrosClassifier(**SETTINGS | settings)


def numbers():
    rng = np.random.default_rng(5)
    made = rng.normal(size=N_ROWS).round(3)
    other = rng.normal(size=N_ROWS).round(3)
    codes = rng.choice(["01", "02", "1A"], N_ROWS)
    target = made * 2 + other + (codes == "02") + rng.normal(size=N_ROWS) * 0.1
    table = {"made": made, "other": other, "code": codes}
    return pd.DataFrame(table).astype({"code": object}), target


def as_texts(table):
    """Decimal commas in one column, and each cell text."""
    texts = table.astype(str).astype(object)
    texts["made"] = texts["made"].str.replace(".", ",").astype(object)
    return texts


@pytest.fixture(scope="module")
def fitted():
    table, target = numbers()
    return regressor().fit(table, target), table, target


def test_numbers_in_text_are_learned_as_numbers(fitted):
    model, table, target = fitted
    texts = as_texts(table)
    other = regressor().fit(texts, target)
    assert other.findings_ == model.findings_
    np.testing.assert_array_equal(other.predict(texts), model.predict(table))
    np.testing.assert_array_equal(other.predict(table), model.predict(table))


def test_one_stray_text_is_a_missing_value_and_is_said(fitted):
    _, table, target = fitted
    spoilt, gap = as_texts(table), table.copy()
    spoilt.loc[7, "other"], gap.loc[7, "other"] = "?", np.nan
    model = regressor().fit(spoilt, target)
    (finding,) = [f for f in model.findings_ if f.rule == "unread-values"]
    assert (finding.column, finding.is_grave) == ("other", False)
    assert "1 of its 120 values are no numbers" in finding.evidence
    assert "'?'" in finding.evidence
    expected = regressor().fit(gap, target).predict(gap)
    with pytest.warns(UserWarning, match="'other': 1 of its 120 values"):
        np.testing.assert_array_equal(model.predict(spoilt), expected)
    silenced = regressor(ignore=["unread-values:other"]).fit(spoilt, target)
    assert silenced.findings_ == []


def test_what_can_be_read_in_two_ways_is_said(fitted):
    _, table, target = fitted
    table = table.assign(day=[f"{1 + i % 12}/{1 + i % 11}/2001" for i in range(N_ROWS)])
    (finding,) = regressor().fit(table, target).findings_
    assert (finding.rule, finding.column) == ("ambiguous-values", "day")
    assert "'2/2/2001'" not in finding.evidence
    assert "the month first, and not" in finding.evidence


def test_a_row_is_answered_alike_alone_and_among_others(fitted, tmp_path):
    _, table, target = fitted
    texts = as_texts(table)
    other = regressor().fit(texts, target)
    other.save(tmp_path / "m.cerebros")
    loaded = load(tmp_path / "m.cerebros")
    whole = loaded.predict(texts)
    rows = [i for i in range(N_ROWS) if texts.loc[i, "code"] != "1A"]
    for i in rows[:10]:
        np.testing.assert_allclose(loaded.predict(texts.iloc[[i]]), whole[i], rtol=1e-5)
    np.testing.assert_allclose(loaded.predict(texts.iloc[rows]), whole[rows], rtol=1e-5)
    assert loaded.schema == other.predictor_.schema


def test_later_strays_are_missing_with_a_remark(fitted):
    model, table, _ = fitted
    spoilt, gap = table.astype(object), table.copy()
    spoilt.loc[3, "made"], gap.loc[3, "made"] = "broken", np.nan
    with pytest.warns(UserWarning, match="no numbers, as the others are"):
        found = model.predict(spoilt)
    np.testing.assert_array_equal(found, model.predict(gap))
    rules = [(finding.rule, finding.column) for finding in model.drift(spoilt)]
    assert ("unread-values", "made") in rules
    with pytest.raises(DataError, match=r"'made' held numbers .* 'broken'"):
        model.predict(spoilt.iloc[[3]])


def test_rows_as_lists_keep_the_type_of_each_column(fitted):
    model, table, target = fitted
    rows = table.to_numpy().tolist()
    other = regressor().fit(rows, target)
    kinds = [own.kind for own in other.predictor_.schema.columns.values()]
    assert kinds == ["number", "number", "text"]
    np.testing.assert_array_equal(other.predict(rows), model.predict(table))


def test_an_array_is_read_by_place_with_the_warning_of_scikit_learn(fitted, tmp_path):
    model, table, target = fitted
    expected = model.predict(table)
    with pytest.warns(UserWarning, match=UNNAMED):
        np.testing.assert_array_equal(model.predict(table.to_numpy()), expected)
    model.save(tmp_path / "m.cerebros")
    loaded = load(tmp_path / "m.cerebros")
    with pytest.warns(UserWarning, match=UNNAMED):
        np.testing.assert_array_equal(loaded.predict(table.to_numpy()), expected)
    with pytest.raises(DataError, match="X has 2 features, but training had 3"):
        loaded.predict(table.to_numpy()[:, :2])
    other = regressor().fit(table.to_numpy(), target)
    with pytest.warns(UserWarning, match="X has feature names, but"):
        np.testing.assert_array_equal(other.predict(table), expected)


FORMS = {
    "columns": lambda table: table.to_dict("list"),
    "rows": lambda table: table.to_dict("records"),
    "Arrow": pa.Table.from_pandas,
    "polars": pl.from_pandas,
    "lazy": lambda table: pl.from_pandas(table).lazy(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_any_form_is_answered_alike(fitted, form, tmp_path):
    model, table, target = fitted
    made, expected = FORMS[form](table), model.predict(table)
    np.testing.assert_array_equal(model.predict(made), expected)
    np.testing.assert_array_equal(model.predictor_.predict(made), expected)
    np.testing.assert_array_equal(
        regressor().fit(made, target).predict(table), expected
    )


def test_a_column_of_groups_is_not_needed_for_answers(fitted):
    _, table, target = fitted
    groups = np.arange(N_ROWS) // 4
    with_groups = table[["made"]].assign(who=groups, other=table["other"])
    model = regressor(validation=GroupFolds(column="who", n=2)).fit(with_groups, target)
    rest = with_groups.drop(columns="who")
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["made", "other"]
    expected = model.predict(rest)
    np.testing.assert_array_equal(model.predict(with_groups), expected)
    np.testing.assert_array_equal(model.predict(pl.from_pandas(with_groups)), expected)
    np.testing.assert_array_equal(model.predictor_.predict(rest), expected)
    np.testing.assert_array_equal(model.predictor_.predict(with_groups), expected)
    for array in (with_groups.to_numpy(), rest.to_numpy()):
        with pytest.warns(UserWarning, match=UNNAMED):
            np.testing.assert_array_equal(model.predict(array), expected)
    unnamed = regressor(validation=GroupFolds(column="x1", n=2))
    unnamed.fit(with_groups.to_numpy(), target)
    np.testing.assert_array_equal(unnamed.predict(rest.to_numpy()), expected)
    np.testing.assert_array_equal(unnamed.predict(with_groups.to_numpy()), expected)


def keyed():
    table, target = numbers()
    rng = np.random.default_rng(0)
    codes = 526_000_000 + rng.choice(10**6, N_ROWS, replace=False)
    return table.assign(Order=1 + np.arange(N_ROWS), PID=codes), target


def test_columns_that_name_the_rows_are_not_learned_from():
    table, target = keyed()
    model = regressor().fit(table, target)
    assert set(model.predictor_.encoding.encoders) == {"made", "other", "code"}
    assert {"Order", "PID"} <= set(model.predictor_.encoding.unused)
    advice = {f.column: f.advice for f in model.findings_ if f.rule == "identifier"}
    assert set(advice) == {"Order", "PID"}
    assert "It is not learned from" in advice["PID"]
    assert "ignore=['identifier:PID']" in advice["PID"]
    np.testing.assert_array_equal(
        model.predictor_.predict(table),
        model.predictor_.predict(table[["made", "other", "code"]]),
    )
    kept = regressor(ignore=["identifier:PID"]).fit(table, target)
    assert "PID" in kept.predictor_.encoding.encoders
    assert "Order" not in kept.predictor_.encoding.encoders


def test_what_orders_the_rows_in_time_is_learned():
    table, target = keyed()
    model = regressor(validation=TimeFolds(column="Order", n=2)).fit(table, target)
    assert "Order" in model.predictor_.encoding.encoders


def test_a_file_of_the_first_format_is_refused_in_a_sentence(fitted, tmp_path):
    path = tmp_path / "m.cerebros"
    fitted[0].save(path)
    old = path.read_bytes().replace(rb"\"format\": 2", rb"\"format\": 1", 1)
    path.write_bytes(old)
    with pytest.raises(DataError, match=re.escape("has format 1, but this version")):
        load(path)


LABELS = {
    "codes": np.array(["01", "02"], object),
    "NumPy texts": np.array([np.str_("a"), np.str_("b")], object),
    "fixed width": np.array(["a", "b"]),
    "booleans": np.array([False, True]),
    "boolean objects": np.array([False, True], object),
    "whole objects": np.array([np.int64(3), np.int64(7)], object),
    "floats": np.array([1.0, 2.0]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_stay_what_they_were(kind, tmp_path):
    table, target = numbers()
    labels = LABELS[kind]
    model = classifier().fit(table, labels[(target > 0).astype(int)])
    model.save(tmp_path / "m.cerebros")
    for classes in (model.classes_, load(tmp_path / "m.cerebros").classes):
        assert classes.dtype.kind == np.array(labels.tolist()).dtype.kind.replace(
            "U", labels.dtype.kind
        )
        assert classes.tolist() == labels.tolist()
    assert set(model.predict(table).tolist()) <= set(labels.tolist())
    json.dumps(load(tmp_path / "m.cerebros").classes.tolist(), default=str)


def test_texts_keep_what_elsewhere_is_missing():
    table, target = numbers()
    table["code"] = np.where(table["code"] == "1A", "NA", table["code"])
    model = regressor(encoding=EncodingSettings(texts=("code",))).fit(table, target)
    (column,) = [model.predictor_.encoding.encoders["code"]]
    assert column.kept == ("01", "02", "NA")
    read = model.predictor_.columns(table[:3].assign(code=["NA", "", "01"]))
    assert read["code"].tolist() == ["NA", None, "01"]


@pytest.mark.shared
def test_the_keys_of_ames_are_not_learned():
    from pathlib import Path

    path = Path(__file__).parents[2] / "../shared/data/ames"
    files = sorted(path.resolve().glob("*.csv"))
    if not files:
        pytest.skip("needs ../shared/data/ames")
    frame = pd.read_csv(files[0]).iloc[:600]
    frame = frame[["Order", "PID", "area", "Lot.Area", "Neighborhood", "price"]]
    model = regressor().fit(frame.drop(columns="price"), frame["price"])
    used = set(model.predictor_.encoding.encoders)
    assert used == {"area", "Lot.Area", "Neighborhood"}
