"""What frozen stems make of the data: computed once, kept, and found again."""

import logging

import keras
import numpy as np
import pytest

from cerebros.caches import CACHE_VARIABLE
from cerebros.errors import StemError
from cerebros.search import search_networks
from cerebros.spaces import RandomWiring
from cerebros.stems import features_of
from cerebros.training import Problem, TrainingSettings, behind_frozen_stems
from cerebros.training.population import reason_not_lowerable

IMAGES = np.random.default_rng(0).uniform(size=(70, 6, 6, 1)).astype("float32")
LABELS = (IMAGES[:, :3].mean(axis=(1, 2, 3)) > 0.5).astype(int)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A folder of programs and features of the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path / "features"


def a_stem(*front, seed=0, is_trained=False):
    stem = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            *front,
            keras.layers.Conv2D(
                3, 3, activation="relu", kernel_initializer=keras.initializers.Ones()
            ),
            keras.layers.Dropout(0.5),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    stem.layers[len(front)].kernel.assign(
        np.random.default_rng(seed).normal(size=(3, 3, 1, 3))
    )
    stem.trainable = is_trained
    return stem


def counted(stem):
    """The stem, and a list that grows with every batch that it sees."""
    batches, run = [], stem.predict_on_batch

    def predict_on_batch(x):
        batches.append(len(x))
        return run(x)

    stem.predict_on_batch = predict_on_batch
    return stem, batches


def files(cache):
    return sorted(path.suffix for path in cache.iterdir())


def test_features_are_those_of_prediction_and_computed_once(cache):
    stem, batches = counted(a_stem())
    features = features_of(stem, IMAGES)
    np.testing.assert_allclose(features, stem.predict(IMAGES, verbose=0), rtol=1e-6)
    assert batches == [64, 64]  # the last is filled up
    again = features_of(stem, IMAGES)
    assert len(batches) == 2
    np.testing.assert_array_equal(again, features)
    assert files(cache) == [".json", ".npy"]


def test_another_process_finds_them_though_layers_have_other_names():
    features_of(a_stem(), IMAGES)
    same, batches = counted(a_stem())
    features_of(same, IMAGES)
    assert batches == []


def test_a_changed_row_or_weight_or_wire_has_another_key(cache):
    features_of(a_stem(), IMAGES)
    changed = IMAGES.copy()
    changed[69, 0, 0, 0] += 1e-3
    x = keras.Input((6, 6, 1))
    y = keras.layers.Flatten()(x)
    first, second = keras.layers.ReLU(max_value=0.5), keras.layers.ReLU(threshold=0.1)
    one = keras.Model(x, second(first(y)))
    other = keras.Model(x, first(second(y)))
    for n, (stem, rows) in enumerate(
        [(a_stem(), changed), (a_stem(seed=1), IMAGES), (one, IMAGES), (other, IMAGES)]
    ):
        stem, batches = counted(stem)
        features_of(stem, rows)
        assert batches
        assert len(files(cache)) == 2 * (n + 2)


@pytest.mark.parametrize("damage", ["cut", "changed", "no word of it"])
def test_a_damaged_file_is_computed_anew(cache, damage, caplog):
    features = np.array(features_of(a_stem(), IMAGES))
    path = next(cache.glob("*.npy"))
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:-20])
    elif damage == "changed":
        path.write_bytes(content[:-4] + b"\0\0\0\1")
    else:
        path.with_suffix(".json").unlink()
    stem, batches = counted(a_stem())
    np.testing.assert_array_equal(features_of(stem, IMAGES), features)
    assert batches
    assert "is damaged" in caplog.text
    features_of(stem, IMAGES)
    assert len(batches) == 2  # it is whole again


def test_no_folder_is_no_obstacle(monkeypatch, cache):
    monkeypatch.setenv(CACHE_VARIABLE, "")
    assert features_of(a_stem(), IMAGES).shape == (70, 3)
    assert not cache.exists()


def context_with(stem):
    problem = Problem.classification(IMAGES, LABELS, stems=[stem])
    return problem.context(TrainingSettings(epochs=1))


def test_what_is_trained_or_augments_stays_in_front(caplog):
    trained = context_with(a_stem(is_trained=True))
    assert behind_frozen_stems(trained) is trained
    augmenting = context_with(a_stem(keras.layers.RandomFlip(name="flip")))
    assert behind_frozen_stems(augmenting) is augmenting
    assert "flip of its stem change rows at random" in caplog.text
    frozen = behind_frozen_stems(context_with(a_stem()))
    assert frozen.stems is None
    assert frozen.data.inputs[0].shape == (70, 3)


def test_features_that_are_not_finite_are_refused():
    x = keras.Input((6, 6, 1))
    stem = keras.Model(x, keras.layers.Rescaling(float("inf"))(x))
    with pytest.raises(
        StemError, match="of input 0 gives numbers that are missing or inf"
    ):
        behind_frozen_stems(context_with(stem))


def test_the_engine_searches_heads_and_a_whole_model_comes_back(caplog):
    """The stem runs once, and the assembled model predicts as the head on features."""
    stem, batches = counted(a_stem())
    with caplog.at_level(logging.INFO):
        found = search_networks(
            Problem.classification(IMAGES, LABELS, stems=[stem]),
            space=RandomWiring(levels=(1, 2), units=(1, 2), neurons=(2, 3)),
            n_architectures=3,
            training=TrainingSettings(epochs=3),
            seed=0,
            show="none",
        )
    assert batches == [64, 64]
    assert "3 networks by" in caplog.text  # of the engine
    trial = found.best_trial
    assert trial.plan.input_widths == (3,)
    assert reason_not_lowerable(trial.plan, behind_frozen_stems(found.context)) is None
    model = found.best_model()
    assert model.input_shape == (None, 6, 6, 1)
    from cerebros.lowering import to_keras

    head = to_keras(trial.plan, found.store.weights(trial.number))
    np.testing.assert_allclose(
        model.predict(IMAGES, verbose=0),
        head.predict(features_of(stem, IMAGES), verbose=0),
        rtol=1e-5,
    )
