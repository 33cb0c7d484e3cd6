"""Labels that are texts of NumPy, and halves of characters, in every place."""

import numpy as np
import pandas as pd
import pytest

from cerebros.errors import DataError
from cerebros.estimators import CerebrosClassifier, PopulationSettings, load
from cerebros.spaces import WideWiring

HALF = "\udc80"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 2))
IS_HIGH = X[:, 0] > 0


def fitted(table, labels):
    return CerebrosClassifier(
        time_budget=None,
        n_trials=1,
        population=PopulationSettings(epochs=40, folds=2),
        space=WideWiring(levels=(1, 1), neurons=16),
        ignore=["strong-column", "target-code"],
    ).fit(table, labels)


def test_labels_that_are_texts_of_numpy_go_into_an_onnx_file(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    labels = np.array([np.str_("high" if own else "low") for own in IS_HIGH], object)
    model = fitted(X, labels)
    model.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    rows = {own.name: X[:, [i]] for i, own in enumerate(session.get_inputs())}
    (answers,) = session.run(["label"], rows)
    assert answers.tolist() == model.predict(X).tolist()
    assert (answers == labels).mean() > 0.8


def test_halves_of_characters_are_learned_saved_and_read(tmp_path):
    names = pd.Index(["number", "group" + HALF], dtype=object)
    groups = np.where(IS_HIGH, "a" + HALF, "b")
    table = pd.concat(
        [pd.Series(X[:, 1]), pd.Series(groups.tolist(), dtype=object)], axis=1
    )
    table.columns = names
    labels = np.where(IS_HIGH, "yes" + HALF, "no").astype(object)
    model = fitted(table, labels)
    answers = model.predict(table)
    assert (answers == labels).mean() > 0.95
    model.save(tmp_path / "model.cerebros")
    again = load(tmp_path / "model.cerebros")
    assert again.predict(table).tolist() == answers.tolist()
    pytest.importorskip("onnx")
    said = r"UTF-8.*'\\udc80' is in '(group|a|yes)\\udc80', .*replace it in the table"
    with pytest.raises(DataError, match=said):
        model.to_onnx(tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
