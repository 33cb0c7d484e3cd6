"""Training on with a thawed stem: from the best heads, as trials of their own."""

import keras
import numpy as np
import pytest
from keras import layers

from cerebros.caches import CACHE_VARIABLE
from cerebros.errors import StemError, StoreError
from cerebros.search import FineTuning, fine_tune, search_networks
from cerebros.spaces import RandomWiring
from cerebros.stems import keras_stem
from cerebros.training import Problem, TrainingSettings

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(90, 6, 6, 1)).astype("float32")
LABELS = (IMAGES[:, :3].mean(axis=(1, 2, 3)) > 0.5).astype(int)


def a_base():
    base = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 3, activation="tanh", name="first"),
            layers.BatchNormalization(name="normalization"),
            layers.Conv2D(3, 3, activation="tanh", name="second"),
        ],
        name="base",
    )
    rng = np.random.default_rng(5)
    base.set_weights([rng.uniform(0.02, 0.2, w.shape) for w in base.get_weights()])
    return base


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield search_networks(
            Problem.classification(IMAGES, LABELS, stems=keras_stem(a_base())),
            space=RandomWiring(levels=(1, 2), units=(1, 2), neurons=(2, 4)),
            n_architectures=4,
            training=TrainingSettings(epochs=3, batch_size=16),
            show="none",
        )


def stem_arrays(tuned, number):
    weights = tuned.store.weights(number)
    return [w for key, w in sorted(weights.items()) if key.startswith("stem_0/")]


def test_the_best_heads_are_trained_on_with_the_chosen_layers(result):
    tuning = FineTuning(
        layers=["second"], n_heads=2, epochs=3, learning_rate=1e-3, patience=None
    )
    before = result.context.stems[0].get_weights()
    tuned = fine_tune(result, tuning, show="none")
    best = result.leaderboard()[:2]
    assert [t.plan for t in tuned.all_trials] == [t.plan for t in best]
    names = [w.path.rpartition("base/")[2] for w in result.context.stems[0].weights]
    for number in (0, 1):
        moved = {
            name.split("/")[0]
            for name, old, new in zip(
                names, before, stem_arrays(tuned, number), strict=True
            )
            if (old != new).any()
        }
        assert moved == {"second"}
    for old, now in zip(before, result.context.stems[0].get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)


def test_the_first_step_begins_at_the_head(result):
    """With rates of nearly nothing, the score is that of the head."""
    tuning = FineTuning(
        n_heads=1, epochs=1, learning_rate=1e-12, stem_learning_rate=1e-12
    )
    tuned = fine_tune(result, tuning, show="none")
    column = result.context.objective.metric
    trial = result.best_trial
    at_best = trial.history[column][trial.best_epoch]
    assert tuned.best_trial.history[column][0] == pytest.approx(at_best, rel=1e-3)


def test_stem_and_head_have_rates_of_their_own(result):
    def moves(rate, stem_rate):
        tuning = FineTuning(
            n_heads=1,
            epochs=1,
            learning_rate=rate,
            stem_learning_rate=stem_rate,
        )
        tuned = fine_tune(result, tuning, show="none")
        old = result.context.stems[0].get_weights()
        stem = max(
            np.abs(a - b).max() for a, b in zip(old, stem_arrays(tuned, 0), strict=True)
        )
        start = result.store.weights(result.best_trial.number)
        now = tuned.store.weights(0)
        kernels = [key for key in start if key.endswith("kernel")]
        head = max(np.abs(start[key] - now[key]).max() for key in kernels)
        return stem, head

    slow_stem, fast_head = moves(1e-2, 1e-6)
    fast_stem, slow_head = moves(1e-6, 1e-2)
    assert fast_stem > 1000 * slow_stem > 0
    assert fast_head > 1000 * slow_head > 0


def test_it_stops_early_and_goes_on_in_a_folder(result, tmp_path):
    tuning = FineTuning(n_heads=1, epochs=30, patience=1, learning_rate=1.0)
    tuned = fine_tune(result, tuning, out=tmp_path, show="none")
    assert len(tuned.best_trial.history["loss"]) < 30
    again = fine_tune(result, tuning, out=tmp_path, show="none")
    assert again.all_trials == tuned.all_trials
    with pytest.raises(StoreError, match="patience"):
        fine_tune(result, FineTuning(n_heads=1, epochs=30), out=tmp_path, show="none")


def test_the_model_goes_from_raw_rows_to_answers(result):
    tuned = fine_tune(result, FineTuning(n_heads=1, epochs=1), show="none")
    model = tuned.best_model()
    assert model.input_shape == (None, 6, 6, 1)
    scores = tuned.scores()
    column = tuned.context.objective.metric.removeprefix("val_")
    assert scores["validation"][column] == pytest.approx(
        tuned.best_trial.score, rel=1e-4
    )
    assert set(scores) == {"validation", "test", "test_of_constant"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": ["third"]}, "no layer 'third'"),
        ({"input": 1}, "input 1 has no stem to thaw; those with one: \\[0\\]"),
        ({"layers": 0}, "a number of layers >= 1"),
    ],
)
def test_what_cannot_be_thawed_is_refused(result, settings, message):
    with pytest.raises(StemError, match=message):
        fine_tune(result, FineTuning(**settings), show="none")


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"stem_learning_rate": -1.0}])
def test_numbers_out_of_range_are_refused(result, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        fine_tune(result, FineTuning(**wrong), show="none")


def test_without_a_stem_there_is_nothing_to_thaw():
    found = search_networks(
        Problem.classification(IMAGES.reshape(90, -1), LABELS),
        space=RandomWiring(levels=(1, 1)),
        n_architectures=1,
        training=TrainingSettings(epochs=1),
        show="none",
    )
    with pytest.raises(StemError, match="no Keras model in front"):
        fine_tune(found, show="none")
