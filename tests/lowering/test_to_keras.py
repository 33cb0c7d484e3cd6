"""The Keras model of a plan: what it predicts, holds, is called, and refuses."""

import random
from dataclasses import replace

import jax
import keras
import numpy as np
import pytest
from agreement import (
    assert_agree,
    assert_keras_is_the_plan,
    everything,
    example_of,
    examples,
    predictions,
    random_inputs,
    random_weights,
)
from hypothesis import given, settings

from cerebros.errors import LoweringError
from cerebros.lowering import (
    OutputScale,
    evaluate_reference,
    initial_weights,
    read_weights,
    to_keras,
    write_weights,
)
from cerebros.plan import ACTIVATIONS, GATES, Dense, Draft, Dropout, Normalize
from cerebros.testing import plans

# Keras warns of a softmax over one number, which a plan may hold.
pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax:UserWarning")


@settings(max_examples=15, derandomize=True)
@given(examples(plans(max_width=2, max_units=6)))
def test_random_networks_are_the_same_in_keras(example):
    assert_keras_is_the_plan(example)


@pytest.fixture
def double_precision():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    with jax.enable_x64(True):
        yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def without_normalizing(plan):
    units = (
        replace(
            unit, steps=tuple(s for s in unit.steps if not isinstance(s, Normalize))
        )
        for unit in plan.units
    )
    return replace(plan, units=tuple(units))


# What Keras computes in double precision when asked to: not tanh, nor normalization.
DOUBLE = plans(
    max_width=2,
    max_units=6,
    activations=sorted(ACTIVATIONS - {"tanh"}),
    gates=sorted(GATES - {"tanh"}),
).map(without_normalizing)


@pytest.mark.usefixtures("double_precision")
def test_random_networks_are_the_same_in_double_precision():
    @settings(max_examples=10, derandomize=True)
    @given(examples(DOUBLE))
    def compare(example):
        model = to_keras(example.plan, example.weights)
        inputs = [x.astype(np.float64) for x in example.inputs]
        for got, wanted in zip(
            predictions(model, inputs), example.outputs, strict=True
        ):
            assert got.dtype == np.float64
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)

    compare()


def test_layers_are_named_after_their_nodes():
    model = to_keras(everything())
    assert [layer.name for layer in model.inputs] == ["input_0", "input_1"]
    assert model.output_names == ["output_0", "output_1", "output_2"]
    assert {layer.name for layer in model.layers} == {
        *("input_0", "input_1"),
        *("unit_2_concatenate", "unit_2_normalize", "unit_2_dense"),
        *("unit_3_gate_2_tanh", "unit_3_concatenate", "unit_3_normalize"),
        *("unit_3_dropout", "unit_3_dense", "unit_3_dense_2", "unit_3_normalize_2"),
        *("unit_4_gate_1_sigmoid", "unit_4_add", "unit_4_dropout"),
        *("unit_5_gate_4_softplus", "unit_5"),
        *("unit_6_concatenate", "unit_6_dense"),
        *("unit_7_concatenate", "unit_7_normalize", "unit_7_dense"),
        *("output_0", "output_1", "output_2"),
    }


def test_copies_are_repeated_inputs_of_the_merge():
    merge = to_keras(everything()).get_layer("unit_3_concatenate")
    assert [t.shape[-1] for t in merge.input] == [2, 2, 2, 2, 2, 2]
    names = [t._keras_history.operation.name for t in merge.input]
    assert names == ["unit_2_dense"] * 3 + ["unit_3_gate_2_tanh"] * 2 + ["input_1"]


def test_steps_have_the_settings_of_the_plan():
    model = to_keras(everything())
    normalize = model.get_layer("unit_3_normalize")
    assert (normalize.epsilon, normalize.momentum) == (1e-3, 0.99)
    assert (normalize.center, normalize.scale) == (False, False)
    assert model.get_layer("unit_3_normalize_2").scale
    assert model.get_layer("unit_3_dropout").rate == 0.4


def test_a_single_output_is_not_renamed():
    net = Draft()
    model = to_keras(net.plan(net.unit(net.input(4), Dense(2))))
    assert model.output_names == ["unit_1_dense"]
    assert model.predict(np.zeros((3, 4)), verbose=0).shape == (3, 2)


def test_initial_weights_are_those_of_the_seed():
    plan = everything()
    weights = read_weights(to_keras(plan, seed=5), plan)
    expected = initial_weights(plan, np.random.default_rng(5))
    for key, array in weights.items():
        np.testing.assert_array_equal(array, expected[key])


def test_a_clone_gets_initial_values_of_its_own():
    net = Draft()
    x = net.input(3)
    plan = net.plan(net.unit(x.times(2), Normalize(), Dense(2)))
    trained = random_weights(plan, np.random.default_rng(0))
    clone = keras.models.clone_model(to_keras(plan, trained))
    weights = read_weights(clone, plan)
    for key, expected in initial_weights(plan, np.random.default_rng(0)).items():
        if key.endswith("/kernel"):
            limit = np.sqrt(6 / sum(expected.shape))
            assert 0 < np.abs(weights[key]).max() <= limit
        else:
            np.testing.assert_array_equal(weights[key], expected)


def test_weights_are_written_and_read():
    plan = everything()
    model = to_keras(plan)
    weights = random_weights(plan, np.random.default_rng(1))
    write_weights(model, plan, weights)
    for key, array in read_weights(model, plan).items():
        np.testing.assert_array_equal(array, weights[key], strict=True)


def test_weights_of_another_plan_are_refused():
    net = Draft()
    other = net.plan(net.unit(net.input(4), Dense(2)))
    with pytest.raises(LoweringError, match="do not belong to the plan"):
        to_keras(everything(), initial_weights(other, np.random.default_rng(0)))
    with pytest.raises(
        LoweringError, match="has no layer 'unit_1_dense', so it was not"
    ):
        read_weights(to_keras(everything()), other)


def test_dropout_follows_the_seed():
    net = Draft()
    x = net.input(30)
    plan = net.plan(
        [net.unit(x, Dropout(0.5)), net.unit(x, Dropout(0.5), Dropout(0.5))]
    )
    rows = np.ones((4, 30), np.float32)

    def training_outputs(seed):
        model = to_keras(plan, seed=seed)
        return [np.asarray(t) for t in model(rows, training=True)]

    one, again, other = (training_outputs(seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one[0], other[0])
    assert set(np.unique(one[0])) == {0, 2}
    assert set(np.unique(one[1])) == {0, 4}
    assert not np.array_equal(one[0] > 0, one[1] > 0)  # units drop independently
    np.testing.assert_array_equal(to_keras(plan)(rows)[0], rows)


def test_global_random_state_is_left_alone():
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    model = to_keras(everything(), input_shapes=[(3,), (2, 1)])
    now = random.getstate(), np.random.get_state()  # noqa: NPY002
    np.testing.assert_equal(now, state)
    assert len(model.inputs) == 2


def test_outputs_are_scaled_to_the_units_of_the_target():
    example = example_of(everything())
    scales = [OutputScale((200.0,), (50.0,)), None, OutputScale((1.0, 2.0), (3.0, 4.0))]
    model = to_keras(example.plan, example.weights, output_scales=scales)
    assert model.output_names == ["output_0", "output_1", "output_2"]
    price, shares, pair = example.outputs
    expected = [price * 50 + 200, shares, pair * [3, 4] + [1, 2]]
    assert_agree(predictions(model, example.inputs), expected, rtol=1e-5)


def one_of_each(*widths):
    """A plan that adds up all features of all its inputs."""
    net = Draft()
    plan = net.plan(net.unit([net.input(width) for width in widths], Dense(1)))
    return plan, {
        f"unit_{len(widths)}_dense/kernel": np.ones((sum(widths), 1)),
        f"unit_{len(widths)}_dense/bias": np.zeros(1),
    }


def test_inputs_of_other_shapes_are_flattened():
    plan, weights = one_of_each(6, 1, 2)
    model = to_keras(plan, weights, input_shapes=[(2, 3), (), (2,)])
    assert model.input_shape == [(None, 2, 3), (None,), (None, 2)]
    rows = [np.ones((5, 2, 3)), np.full(5, 10), np.full((5, 2), 100)]
    np.testing.assert_array_equal(predictions(model, rows)[0], np.full((5, 1), 216))


def picture_stem():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Conv2D(2, 3, kernel_initializer="ones"),
        ],
        name="picture",
    )  # gives (2, 2, 2)


def test_a_stem_stands_before_the_network():
    plan, weights = one_of_each(8, 3)
    model = to_keras(plan, weights, stems=[picture_stem(), None])
    assert model.input_shape == [(None, 4, 4, 1), (None, 3)]
    assert model.get_layer("picture").output_shape == (None, 2, 2, 2)
    assert model.get_layer("input_0_flatten").output.shape == (None, 8)
    rows = [np.ones((5, 4, 4, 1)), np.ones((5, 3))]
    np.testing.assert_array_equal(
        predictions(model, rows)[0], np.full((5, 1), 8 * 9 + 3)
    )


def test_a_stem_may_read_whole_numbers():
    stem = keras.Sequential(
        [
            keras.Input((2,), dtype="int32"),
            keras.layers.Embedding(10, 3, embeddings_initializer="ones"),
        ]
    )
    plan, weights = one_of_each(6)
    model = to_keras(plan, weights, stems=[stem])
    assert model.inputs[0].dtype == "int32"
    assert predictions(model, [np.array([[1, 9]])])[0] == 6


def two_outputs():
    x = keras.Input((3,))
    return keras.Model(x, [keras.layers.Dense(2)(x), keras.layers.Dense(2)(x)])


def two_inputs():
    a, b = keras.Input((3,)), keras.Input((3,))
    return keras.Model([a, b], keras.layers.Add()([a, b]))


def unbuilt():
    return keras.Sequential([keras.layers.Dense(3)])


KNOWN_SHAPE = "the stem of input_0 must have one input of known shape, but its shape is"
REFUSED = {
    "too wide a stem": (
        lambda: {"stems": [picture_stem()]},
        "input_0 gives 8 features, but the plan reads 3 there; draw the plan with",
    ),
    "too wide a shape": (
        lambda: {"input_shapes": [(2, 2)]},
        "input_0 gives 4 features, but the plan reads 3 there",
    ),
    "stem with two outputs": (
        lambda: {"stems": [two_outputs()]},
        "the stem of input_0 has 2 outputs, but must have one; cut it with keras.",
    ),
    "stem with two inputs": (
        lambda: {"stems": [two_inputs()]},
        f"{KNOWN_SHAPE} [(None, 3), (None, 3)]; build it, or merge its inputs into",
    ),
    "stem that is not built": (
        lambda: {"stems": [unbuilt()]},
        f"{KNOWN_SHAPE} None; build it, or merge its inputs into one",
    ),
    "too many stems": (
        lambda: {"stems": [None, None]},
        "stems has 2 entries, but needs one for each input of the plan, which has 1",
    ),
    "too few shapes": (
        lambda: {"input_shapes": []},
        "input_shapes has 0 entries, but needs one for each input of the plan",
    ),
    "too many scales": (
        lambda: {"output_scales": [None] * 3},
        "output_scales has 3 entries, but needs one for each output of the plan",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(arguments, message):
    plan, _ = one_of_each(3)
    with pytest.raises(LoweringError) as caught:
        to_keras(plan, **arguments())
    assert str(caught.value).startswith(message)


def test_a_trained_model_goes_back_to_the_reference():
    """Training changes everything that `read_weights` reads, statistics included."""
    plan = everything()
    rng = np.random.default_rng(3)
    before = random_weights(plan, rng)
    model = to_keras(plan, before)
    inputs = random_inputs(plan, rng, n_rows=32)
    targets = [rng.normal(size=(32, width)) for width in plan.output_widths]
    model.compile(keras.optimizers.Adam(0.01), ["mse"] * 3)
    model.fit(inputs, targets, batch_size=16, epochs=2, verbose=0)
    after = read_weights(model, plan)
    unchanged = [key for key in before if np.array_equal(before[key], after[key])]
    assert unchanged == []
    expected = evaluate_reference(plan, after, inputs)
    assert_agree(predictions(model, inputs), expected, rtol=1e-5)
