"""An old script from start to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from cerebros.compat import SimpleCerebrosRandomSearch
from cerebros.plan import plan_from_json
from cerebros.search import SqlStore


@pytest.fixture
def features(arguments: dict[str, Any]) -> np.ndarray:
    return arguments["training_data"][0]


@pytest.fixture
def target(arguments: dict[str, Any]) -> np.ndarray:
    return arguments["labels"][0]


def files(folder: Path, kind: str) -> list[str]:
    return sorted(path.name for path in (folder / kind).iterdir())


def test_a_script_runs_and_leaves_its_files(
    arguments: dict[str, Any],
    features: np.ndarray,
    target: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = SimpleCerebrosRandomSearch(
        **arguments, number_of_tries_per_architecture_moity=2
    )
    best = search.run_random_search()

    project = Path(arguments["project_name"])
    history = pd.read_csv(project / "oracle.csv")
    assert len(history) == 2 * 2 * 2
    assert history["val_root_mean_squared_error"].min() == best
    trials = history[["trial_number", "subtrial_number"]].drop_duplicates()
    assert trials.to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    names = [f"tr_{t:016d}_subtrial_{s:016d}" for t in (0, 1) for s in (0, 1)]
    assert files(project, "models") == [f"{name}.keras" for name in names]
    assert files(project, "model_graphs") == [f"{name}.html" for name in names]
    endings = [f"{name}.{ending}" for name in names for ending in ("json", "txt")]
    assert files(project, "model_architectures") == endings

    architectures = project / "model_architectures"
    plans = [plan_from_json((architectures / f"{n}.json").read_text()) for n in names]
    assert plans[0].widths == plans[1].widths
    assert plans[0] != plans[2]
    assert "FinalDenseUnit" in (architectures / f"{names[0]}.txt").read_text()

    model = search.get_best_model()
    n_train = int(len(target) * 0.65)
    predicted = np.asarray(model.predict(features[n_train:], verbose=0))[:, 0]
    error = np.sqrt(np.mean((predicted - target[n_train:]) ** 2))
    np.testing.assert_allclose(error, best, rtol=1e-5)
    row = history["val_root_mean_squared_error"].idxmin()
    number, subtrial = history.loc[row, ["trial_number", "subtrial_number"]].astype(int)
    saved = keras.saving.load_model(
        project / "models" / f"tr_{number:016d}_subtrial_{subtrial:016d}.keras"
    )
    np.testing.assert_array_equal(
        saved.predict(features, verbose=0), model.predict(features, verbose=0)
    )

    # The same call has nothing left to train, so it needs no trainer.
    monkeypatch.setattr(
        "cerebros.search.executors.KerasExecutor.train",
        lambda *_, **__: pytest.fail("a finished search trains again"),
    )
    again = SimpleCerebrosRandomSearch(
        **arguments, number_of_tries_per_architecture_moity=2
    )
    assert again.run_random_search() == best


def test_meta_trials_neither_collide_nor_repeat(arguments: dict[str, Any]) -> None:
    project = Path(arguments["project_name"])
    arguments |= {"number_of_architecture_moities_to_try": 1, "epochs": 1}
    for meta in (0, 3):
        SimpleCerebrosRandomSearch(
            **arguments, meta_trial_number=meta
        ).run_random_search()
    name = f"tr_{0:016d}_subtrial_{0:016d}.keras"
    assert files(project, "models") == [f"meta_3_{name}", name]
    first, second = (
        pd.read_csv(project / f"{prefix}oracle.csv") for prefix in ("", "meta_3_")
    )
    plans = [
        plan_from_json(path.read_text())
        for path in sorted((project / "model_architectures").glob("*.json"))
    ]
    assert plans[0] != plans[1]
    pd.testing.assert_frame_equal(first, second)  # oracle.csv shows the latest


def test_running_statistics_are_those_of_the_original(
    arguments: dict[str, Any],
) -> None:
    """Momentum 0.99, and nothing is taken out of what they begin with."""
    arguments |= {"number_of_architecture_moities_to_try": 1, "epochs": 1}
    search = SimpleCerebrosRandomSearch(**arguments)
    search.run_random_search()
    layers = [
        layer
        for layer in search.get_best_model().layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert layers
    assert {layer.momentum for layer in layers} == {0.99}
    n_rows = len(arguments["labels"][0]) * (1 - arguments["validation_split"])
    n_steps = max(1, int(n_rows) // arguments["batch_size"])
    least = 0.99**n_steps  # what the start of every variance, 1, still weighs
    for layer in layers:
        assert np.asarray(layer.moving_variance).min() >= least * 0.999


def test_patience_stops_if_it_is_given(arguments: dict[str, Any]) -> None:
    arguments |= {
        "number_of_architecture_moities_to_try": 1,
        "metric_to_rank_by": "val_loss",
        "direction": "max",  # it only gets worse, so that it must stop
        "learning_rate": 0.1,
        "epochs": 30,
    }
    search = SimpleCerebrosRandomSearch(**arguments, patience=2)
    search.run_random_search()
    history = pd.read_csv(Path(arguments["project_name"]) / "oracle.csv")
    assert len(history) == history["val_loss"].idxmax() + 1 + 2 < 30


def test_a_copy_of_the_target_is_reported_loudly(
    arguments: dict[str, Any], features: np.ndarray, target: np.ndarray
) -> None:
    frame = pd.DataFrame(features, columns=["a", "b", "c"]).assign(c=target / 7 - 3)
    arguments |= {"number_of_architecture_moities_to_try": 1, "epochs": 1}
    search = SimpleCerebrosRandomSearch(**arguments | {"training_data": [frame]})
    with pytest.warns(UserWarning, match="column 'c'"):
        assert np.isfinite(search.run_random_search())


def test_two_inputs_behind_base_models_and_two_outputs(
    arguments: dict[str, Any], features: np.ndarray, target: np.ndarray
) -> None:
    frozen = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, activation="relu")]
    )
    frozen.trainable = False
    images = np.random.default_rng(1).normal(size=(60, 4, 4, 1))
    before = [np.array(w) for w in map(keras.ops.convert_to_numpy, frozen.weights)]
    search = SimpleCerebrosRandomSearch(
        **arguments
        | {
            "input_shapes": [(4, 4, 1), 3],
            "output_shapes": [1, 2],
            "training_data": [images, features],
            "labels": [target, np.c_[target, -target]],
            "metric_to_rank_by": "val_loss",
            "base_models": [frozen, ""],
            "number_of_architecture_moities_to_try": 1,
            "metrics": [keras.metrics.MeanAbsoluteError(name="off_by")],
        }
    )
    search.run_random_search()
    history = pd.read_csv(Path(arguments["project_name"]) / "oracle.csv")
    assert {"val_output_0_off_by", "val_output_1_off_by"} <= set(history)
    first, second = search.get_best_model().predict([images, features], verbose=0)
    assert (first.shape, second.shape) == ((60, 1), (60, 2))
    after = [np.array(w) for w in map(keras.ops.convert_to_numpy, frozen.weights)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_texts_go_through_a_transformer_fitted_on_the_first_rows(
    arguments: dict[str, Any], features: np.ndarray
) -> None:
    words = np.array(["free", "prize", "home", "lunch", "late"])
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, 4)) for _ in range(60)]
    texts[-1] = "never seen"
    search = SimpleCerebrosRandomSearch(
        **arguments
        | {
            "input_shapes": [1, 3],
            "training_data": [texts, features],
            "base_models": [CountVectorizer(), ""],
            "number_of_architecture_moities_to_try": 1,
        }
    )
    assert np.isfinite(search.run_random_search())
    assert search.get_best_model().input_shape == [(None, 5), (None, 3)]


def test_classes_by_a_keras_loss_object(
    arguments: dict[str, Any], features: np.ndarray
) -> None:
    labels = np.eye(3)[np.arange(60) % 3]
    search = SimpleCerebrosRandomSearch(
        **arguments
        | {
            "output_shapes": [3],
            "labels": [labels],
            "final_activation": "softmax",
            "loss": keras.losses.CategoricalCrossentropy(),
            "metrics": [keras.metrics.CategoricalAccuracy()],
            "metric_to_rank_by": "val_categorical_accuracy",
            "direction": "maximize",
            "number_of_architecture_moities_to_try": 1,
        }
    )
    assert 0 <= search.run_random_search() <= 1
    predicted = search.get_best_model().predict(features, verbose=0)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-5)


def test_all_searches_of_a_project_are_in_one_database(
    arguments: dict[str, Any],
) -> None:
    arguments |= {"number_of_architecture_moities_to_try": 1, "epochs": 1}
    made = [
        SimpleCerebrosRandomSearch(**arguments, learning_rate=rate)
        for rate in (0.001, 0.01)
    ]
    for search in made:
        search.run_random_search()
    stores = [search._store() for search in made]
    assert all(isinstance(store, SqlStore) for store in stores)
    rates = [store.definition()["training"]["learning_rate"] for store in stores]
    assert rates == [0.001, 0.01]
    assert [len(store.trials()) for store in stores] == [1, 1]


TENSORFLOW_SCRIPT = """
import sys
import tensorflow as tf
import numpy as np
from cerebros.simplecerebrosrandomsearch.simple_cerebros_random_search import (
    SimpleCerebrosRandomSearch,
)
from cerebros.units.units import DenseUnit

rng = np.random.default_rng(0)
x = tf.constant(rng.normal(size=(50, 3)))
y = tf.constant(rng.normal(size=(50, 1)), dtype=tf.float32)
search = SimpleCerebrosRandomSearch(
    unit_type=DenseUnit, input_shapes=[3], output_shapes=[1], training_data=[x],
    labels=[y], validation_split=0.3, direction="min",
    metric_to_rank_by="val_root_mean_squared_error", minimum_levels=2, maximum_levels=2,
    minimum_units_per_level=1, maximum_units_per_level=1, minimum_neurons_per_unit=1,
    maximum_neurons_per_unit=2, activation=tf.keras.activations.elu, epochs=1,
    loss=tf.keras.losses.MeanSquaredError(), batch_size=11,
    metrics=[tf.keras.metrics.RootMeanSquaredError()], project_name=sys.argv[1],
)
print("best", search.run_random_search(), tf.keras.backend.backend())
print("shape", search.get_best_model().predict(x, verbose=0).shape)
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_tensors_and_tf_keras_objects_are_taken(backend: str, tmp_path: Path) -> None:
    import os

    done = subprocess.run(
        [sys.executable, "-c", TENSORFLOW_SCRIPT, str(tmp_path / "project")],
        capture_output=True,
        text=True,
        env=os.environ | {"KERAS_BACKEND": backend},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith(backend)
    assert done.stdout.splitlines()[1] == "shape (50, 1)"
