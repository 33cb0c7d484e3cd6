"""How networks are trained, checked when the settings are made."""

import keras
import pytest

from cerebros.training import KerasObject, TrainingSettings


@pytest.mark.parametrize("name", ["epochs", "batch_size", "patience"])
@pytest.mark.parametrize("value", [0, -3, 1.0, True, "10"])
def test_counts_are_whole_and_at_least_1(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be a whole number >= 1, but"):
        TrainingSettings(**{name: value})


def test_epochs_cannot_be_left_open_but_the_rest_can():
    with pytest.raises(ValueError, match="epochs must be a whole number >= 1"):
        TrainingSettings(epochs=None)
    TrainingSettings(batch_size=None, patience=None)


@pytest.mark.parametrize("value", [0, -0.1, float("nan"), float("inf")])
def test_the_learning_rate_is_positive_and_finite(value):
    with pytest.raises(ValueError, match="learning_rate must be positive and finite"):
        TrainingSettings(learning_rate=value)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_the_decay_is_finite_and_not_negative(value):
    with pytest.raises(ValueError, match="weight_decay must be finite and >= 0, but"):
        TrainingSettings(weight_decay=value)


def test_the_decay_may_be_left_to_the_optimizer_or_switched_off():
    assert TrainingSettings().weight_decay is None
    assert TrainingSettings(weight_decay=0.0).weight_decay == 0


def test_an_unknown_schedule_is_refused_with_what_was_meant():
    with pytest.raises(ValueError, match="schedule 'one-cycle' is not known; did you "):
        TrainingSettings(schedule="one-cycle")


def test_two_schedules_exclude_each_other():
    own = keras.optimizers.schedules.CosineDecay(0.1, 100)
    TrainingSettings(optimizer=keras.optimizers.SGD(own))
    TrainingSettings(optimizer=keras.optimizers.SGD(0.1), schedule="cosine")
    with pytest.raises(ValueError, match="schedule='cosine' and an optimizer"):
        TrainingSettings(optimizer=keras.optimizers.SGD(own), schedule="cosine")


@pytest.mark.parametrize("name", ["loss", "optimizer", "metrics"])
def test_what_keras_cannot_take_is_refused(name):
    with pytest.raises(TypeError, match="a name or a Keras object, but got 3"):
        TrainingSettings(**{name: 3})


def test_objects_are_described_and_settings_stay_comparable():
    def settings(rate):
        return TrainingSettings(
            optimizer=keras.optimizers.SGD(rate),
            loss=keras.losses.Huber(),
            metrics=["mae", keras.metrics.AUC()],
        )

    assert isinstance(settings(0.1).loss, KerasObject)
    assert isinstance(settings(0.1).metrics, tuple)
    assert settings(0.1) == settings(0.1)
    assert hash(settings(0.1)) == hash(settings(0.1))
    assert settings(0.1) != settings(0.2)


def test_a_single_metric_needs_no_list():
    assert TrainingSettings(metrics="mae") == TrainingSettings(metrics=["mae"])


@pytest.mark.parametrize("n_rows", [1, 2, 15, 100, 1000, 1904, 50_000, 10**6])
def test_a_batch_of_one_s_own_is_taken_as_it_is_if_the_rows_suffice(n_rows):
    assert TrainingSettings(batch_size=93).batch_rows(n_rows) == min(93, n_rows)


def test_the_usual_batch_grows_with_the_rows_within_limits():
    sizes = [
        TrainingSettings().batch_rows(n) for n in (1, 10, 100, 1000, 10_000, 10**6)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    assert sizes[1] == 10
    assert all(16 <= size <= 256 for size in sizes[2:])
    assert sizes[-1] == 256
