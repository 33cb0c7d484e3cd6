"""Losses, metrics and optimizers that are given as names, objects or functions."""

import keras
import numpy as np
import pytest

from cerebros.training import TrainingSettings, display_name, named


@pytest.mark.parametrize(
    "make",
    [
        lambda: "mse",
        lambda: keras.losses.Huber(delta=2.0),
        lambda: keras.losses.Huber,
        lambda: keras.losses.mean_squared_error,
        lambda: keras.metrics.AUC(curve="PR"),
        lambda: keras.metrics.AUC,
        lambda: keras.metrics.Precision(class_id=1),
        lambda: keras.optimizers.Adam(0.01),
        lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
        ),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    ],
)
def test_what_is_made_the_same_way_is_equal_however_much_was_made_before(make):
    first, second = named(make()), named(make())
    assert first == second
    assert hash(first) == hash(second)
    assert named(first) is first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mse", "mae"),
        (keras.losses.Huber(delta=1.0), keras.losses.Huber(delta=2.0)),
        (keras.losses.CategoricalFocalCrossentropy(), "mse"),
        (keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError()),
        (keras.losses.mean_squared_error, keras.losses.mean_absolute_error),
        (keras.metrics.AUC(), keras.metrics.AUC(curve="PR")),
        (keras.metrics.AUC(), keras.metrics.AUC(name="area")),
        (keras.optimizers.Adam(0.01), keras.optimizers.Adam(0.02)),
        (
            keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
            keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.2)),
        ),
    ],
)
def test_what_differs_in_kind_or_configuration_is_not_equal(one, other):
    assert named(one) != named(other)


def test_a_class_is_its_object_with_the_usual_configuration():
    assert named(keras.metrics.AUC) == named(keras.metrics.AUC())


def test_a_fresh_metric_has_the_configuration_and_none_of_the_state():
    metric = keras.metrics.AUC(curve="PR", num_thresholds=7)
    described = named(metric)
    metric.update_state([0, 1], [0.2, 0.7])
    used = float(metric.result())
    first, second = described.fresh(), described.fresh()
    assert first is not second
    assert metric not in (first, second)
    first.update_state([0, 1], [0.9, 0.1])
    assert float(metric.result()) == used
    assert [np.sum(np.asarray(v)) for v in second.variables] == [0, 0, 0, 0]
    assert {(m.curve, m.num_thresholds, m.name) for m in (first, second)} == {
        (metric.curve, 7, "auc")
    }


def test_a_fresh_optimizer_starts_over():
    optimizer = keras.optimizers.Adam(0.01)
    described = named(optimizer)
    optimizer.build([keras.Variable(np.zeros(2))])
    fresh = described.fresh()
    assert not fresh.built
    assert float(fresh.learning_rate) == pytest.approx(0.01)


def distance(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


def test_a_function_is_its_own_fresh_copy():
    described = named(distance)
    assert described.fresh() is distance
    assert named(keras.losses.mean_squared_error).config == ""


def test_functions_of_one_name_are_told_apart_by_their_code():
    def made(power):
        body = f"def distance(y, p):\n    return (y - p) ** {power}\n"
        names = {}
        exec(compile(body, "<test>", "exec"), names)
        return names["distance"]

    assert named(made(2)) == named(made(2))
    assert named(made(2)) != named(made(4))


class Weighted(keras.losses.Loss):
    """A loss whose class says nothing about its configuration."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def call(self, y_true, y_pred):
        return self.weight * distance(y_true, y_pred)


@pytest.mark.parametrize("loss", [Weighted(3.0), keras.losses.Huber(delta=2.0)])
def test_a_loss_keeps_what_its_configuration_leaves_out(loss):
    y_true, y_pred = np.zeros((1, 2), np.float32), np.full((1, 2), 9, np.float32)
    assert float(named(loss).fresh()(y_true, y_pred)) == float(loss(y_true, y_pred))


def test_losses_of_other_weights_are_not_equal():
    assert named(Weighted(3.0)) == named(Weighted(3.0))
    assert named(Weighted(3.0)) != named(Weighted(4.0))


def test_a_metric_that_keras_cannot_make_again_is_used_as_it_is():
    metric = keras.metrics.MeanMetricWrapper(distance)
    assert named(metric).fresh() is metric


def test_metrics_of_the_same_name_are_numbered_in_their_order():
    for _ in range(2):  # however many Keras has numbered before
        settings = TrainingSettings(
            metrics=["mae", keras.metrics.AUC(), keras.metrics.AUC(curve="PR")]
        )
        _, roc, precision_recall = settings.metrics
        assert (roc.fresh().name, precision_recall.fresh().name) == ("auc", "auc_1")
        assert precision_recall.fresh().curve == keras.metrics.AUC(curve="PR").curve


def test_a_name_of_one_s_own_stays():
    assert named(keras.metrics.AUC(name="area_1")).fresh().name == "area_1"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("mse", "mse"),
        ("MSE", "mse"),
        ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy"),
        (keras.losses.CategoricalFocalCrossentropy, "categorical_focal_crossentropy"),
        (keras.losses.LogCosh(), "log_cosh"),
        (keras.losses.mean_squared_error, "mean_squared_error"),
        (keras.metrics.AUC(), "auc"),
        (keras.metrics.F1Score(), "f1_score"),
        (keras.metrics.MeanIoU(2), "mean_io_u"),
    ],
)
def test_names_are_shown_as_keras_writes_them(value, name):
    assert display_name(named(value)) == name


@pytest.mark.parametrize("value", [3, None, ["mse"], {"loss": "mse"}])
def test_anything_else_is_refused(value):
    with pytest.raises(TypeError, match="is a name or a Keras object, but got"):
        named(value)
