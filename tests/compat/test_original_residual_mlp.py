"""The original `ResidualMLP`, alone and in tandem behind a base model."""

import keras
import numpy as np
import pytest

from residualmlp.residual_mlp import ResidualMLP

SMALL = {
    "input_shape": (6, 6, 3),
    "blocks": [[2, 12, 4], [2, 10, 3]],
    "residual_bypass_dense_layers": [[], [5]],
    "inter_block_layers_per_block": [7],
    "final_dense_layers": [8],
    "number_of_classes": 4,
}


def images(n=40, shape=(6, 6, 3), seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype("float32")


def a_base(shape=(6, 6, 3)):
    x = inputs = keras.Input(shape)
    x = keras.layers.Conv2D(5, 3, activation="relu", name="conv")(x)
    return keras.Model(inputs, x)


def test_the_defaults_are_those_of_the_original():
    model = ResidualMLP().make_tandem_model()
    assert model.input_shape == (None, 32, 32, 3)
    assert model.output_shape == (None, 10)
    widths = [
        layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)
    ]
    assert widths == [400, 350, 300, 250, 200, 75, 35, 10]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.0007)
    assert isinstance(model.loss, keras.losses.CategoricalCrossentropy)
    rates = [
        layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)
    ]
    assert sorted(rates) == [0.2, 0.2, 0.35]


def test_it_learns_and_has_its_metrics():
    keras.utils.set_random_seed(0)
    model = ResidualMLP(**SMALL, learning_rate=0.01).make_tandem_model()
    classes = np.arange(80) % 4
    x = images(80) + classes[:, None, None, None]
    y = keras.utils.to_categorical(classes, 4)
    history = model.fit(x, y, epochs=20, batch_size=20, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert {*history} == {
        "loss",
        "top_1_accuracy",
        "top_2_accuracy",
        "top_3_accuracy",
        "precision",
        "recall",
    }


def test_a_base_model_stands_in_front():
    base = a_base()
    model = ResidualMLP(
        **SMALL, base_model=base, base_model_input_shape=(6, 6, 3)
    ).make_tandem_model()
    x = images(3)
    features = np.asarray(base(x)).reshape(3, -1)
    alone = ResidualMLP(**SMALL | {"input_shape": (features.shape[1],)})
    head = alone.make_tandem_model()
    head.set_weights(model.get_weights()[len(base.weights) :])
    np.testing.assert_allclose(
        model.predict(x, verbose=0), head.predict(features, verbose=0), rtol=1e-5
    )


def test_images_are_resized_and_given_three_channels():
    model = ResidualMLP(
        **SMALL | {"input_shape": (4, 4, 1)},
        bw_images=True,
        base_model=a_base((9, 9, 3)),
        base_model_input_shape=(9, 9, 3),
    ).make_tandem_model()
    assert model.input_shape == (None, 4, 4, 1)
    assert model.predict(images(2, (4, 4, 1)), verbose=0).shape == (2, 4)


def test_gray_images_without_a_base_model():
    model = ResidualMLP(
        **SMALL | {"input_shape": (4, 4, 1)}, bw_images=True
    ).make_tandem_model()
    assert model.predict(images(2, (4, 4, 1)), verbose=0).shape == (2, 4)


def test_regression_and_two_classes():
    regression = ResidualMLP(
        "regression",
        **SMALL | {"number_of_classes": 1},
        final_activation=None,
        loss=keras.losses.MeanSquaredError,
    ).make_tandem_model()
    log = regression.evaluate(images(8), np.zeros(8), verbose=0, return_dict=True)
    assert {*log} == {"loss", "root_mean_squared_error", "mean_absolute_error"}
    binary = ResidualMLP(
        **SMALL | {"number_of_classes": 1},
        final_activation="sigmoid",
        loss=keras.losses.BinaryCrossentropy(),
    ).make_tandem_model()
    log = binary.evaluate(images(8), np.arange(8) % 2, verbose=0, return_dict=True)
    assert {*log} == {"loss", "accuracy", "precision", "recall", "auc"}


def test_class_numbers_as_targets():
    model = ResidualMLP(
        **SMALL, loss=keras.losses.SparseCategoricalCrossentropy
    ).make_tandem_model()
    log = model.evaluate(images(8), np.arange(8) % 4, verbose=0, return_dict=True)
    assert "top_1_accuracy" in log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": [[3, 9, 3], [1, 9, 3]]}, r"block 0 \[3, 9, 3\]: .*3 \* 3 = 9"),
        ({"blocks": [[3, 9], [1, 9, 3]]}, r"block 0 must be \[j, k, l\]"),
        ({"residual_bypass_dense_layers": [[]]}, "has 1 lists, but blocks has 2"),
        ({"problem_type": "ranking"}, "'classification' or 'regression'"),
        ({"problem_type": "regression"}, "number_of_classes=1, final_activation=None"),
        ({"number_of_classes": 1}, "'sigmoid'"),
        ({"bw_images": True}, "one channel"),
        ({"b_norm_or_dropout_last_layers": "batch"}, "'dropout' or 'bnorm'"),
        ({"activation": "rleu"}, "relu"),
    ],
)
def test_contradictions_name_the_way_out(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResidualMLP(**SMALL | arguments)


def test_a_base_model_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="flatten_after_base_model=True"):
        ResidualMLP(
            **SMALL,
            base_model=a_base(),
            base_model_input_shape=(6, 6, 3),
            flatten_after_base_model=False,
        ).make_tandem_model()
    with pytest.raises(ValueError, match="images have 2 channels, but 3 are read"):
        ResidualMLP(
            **SMALL | {"input_shape": (6, 6, 2)},
            base_model=a_base(),
            base_model_input_shape=(6, 6, 3),
        ).make_tandem_model()
    with pytest.raises(ValueError, match="but the base model reads"):
        ResidualMLP(
            **SMALL, base_model=a_base(), base_model_input_shape=(9, 9, 3)
        ).make_tandem_model()
    x = keras.Input((6, 6, 3))
    two = keras.Model(x, [keras.layers.Flatten()(x), keras.layers.Flatten()(x)])
    with pytest.raises(ValueError, match="2 outputs"):
        ResidualMLP(
            **SMALL, base_model=two, base_model_input_shape=(6, 6, 3)
        ).make_tandem_model()
