"""What the original's arguments mean, and what is said when they are wrong."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from cerebros.compat import (
    DenseLateralConnectivity,
    SimpleCerebrosRandomSearch,
    simple_sigmoid,
    zero_7_exp_decay,
    zero_95_exp_decay,
)
from cerebros.errors import DataError
from cerebros.spaces import ExponentialDecay, TabulatedDecay

DEFAULTS = {
    "activation": "elu",
    "final_activation": None,
    "number_of_architecture_moities_to_try": 1,
    "number_of_tries_per_architecture_moity": 1,
    "minimum_skip_connection_depth": 1,
    "maximum_skip_connection_depth": 7,
    "predecessor_level_connection_affinity_factor_first": 5,
    "predecessor_level_connection_affinity_factor_first_rounding_rule": "ceil",
    "predecessor_level_connection_affinity_factor_main": 0.7,
    "predecessor_level_connection_affinity_factor_main_rounding_rule": "ceil",
    "predecessor_level_connection_affinity_factor_decay_main": zero_7_exp_decay,
    "seed": 8675309,
    "max_consecutive_lateral_connections": 7,
    "gate_after_n_lateral_connections": 3,
    "gate_activation_function": simple_sigmoid,
    "p_lateral_connection": 0.97,
    "p_lateral_connection_decay": zero_95_exp_decay,
    "num_lateral_connection_tries_per_unit": 1,
    "learning_rate": 0.005,
    "loss": "mse",
    "epochs": 7,
    "patience": 7,
    "project_name": "cerebros-auto-ml-test",
    "batch_size": 200,
    "meta_trial_number": 0,
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_are_the_original_ones(name: str) -> None:
    parameters = inspect.signature(SimpleCerebrosRandomSearch).parameters
    assert parameters[name].default == DEFAULTS[name]


def test_functions_take_numbers_and_arrays() -> None:
    x = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(zero_7_exp_decay(x), [1, 0.7, 0.49])
    np.testing.assert_allclose(zero_95_exp_decay(x), [1, 0.95, 0.9025])
    np.testing.assert_allclose(simple_sigmoid(x), 1 / (1 + np.exp(-x)))
    assert zero_7_exp_decay(0) == zero_95_exp_decay(0) == 1
    assert simple_sigmoid(0) == 0.5


def test_wiring_arguments_are_translated(arguments: dict[str, Any]) -> None:
    made = SimpleCerebrosRandomSearch(
        **arguments,
        predecessor_level_connection_affinity_factor_first=15.0313,
        predecessor_level_connection_affinity_factor_main=10.046,
        predecessor_level_connection_affinity_factor_main_rounding_rule="floor",
        predecessor_level_connection_affinity_factor_decay_main=lambda d: 1 / (1 + d),
        max_consecutive_lateral_connections=23,
        p_lateral_connection=0.19668,
        num_lateral_connection_tries_per_unit=20,
        minimum_skip_connection_depth=2,
        maximum_skip_connection_depth=4,
    )
    assert made.vertical.input_density == 15.0313
    assert made.vertical.density == 10.046
    assert (made.vertical.input_rounding, made.vertical.rounding) == ("ceil", "floor")
    assert made.vertical.decay == TabulatedDecay((1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5))
    assert (made.vertical.min_skip, made.vertical.max_skip) == (2, 4)
    assert made.lateral.decay == ExponentialDecay(0.95)
    assert made.lateral.gate == "sigmoid"
    assert (made.lateral.max_consecutive, made.lateral.tries) == (23, 20)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (simple_sigmoid, "sigmoid"),
        ("swish", "silu"),
        ("tanh", "tanh"),
        (keras.activations.hard_sigmoid, "hard_sigmoid"),
        (keras.activations.swish, "silu"),
        (keras.layers.LeakyReLU(), "leaky_relu"),
        (keras.layers.ReLU(), "relu"),
        (keras.layers.ELU(), "elu"),
    ],
)
def test_gates_are_names_or_keras_activations(given: Any, meant: str) -> None:
    made = DenseLateralConnectivity(gate_activation_function=given)
    assert made.lateral.gate == meant


@pytest.mark.parametrize("given", [["3"], [3], [(3,)], 3])
def test_an_input_shape_is_a_number_a_tuple_or_digits(
    given: Any, arguments: dict[str, Any]
) -> None:
    made = SimpleCerebrosRandomSearch(**arguments | {"input_shapes": given})
    assert made._strategy.ports.input_widths == (3,)


@pytest.mark.parametrize(
    ("name", "value", "fragments"),
    [
        ("direction", "upwards", ["direction", "minimize", "'upwards'"]),
        ("validation_split", 1.0, ["validation_split", "0 < share < 1", "1.0"]),
        ("validation_split", 0, ["validation_split", "0 < share < 1"]),
        ("minimum_levels", 0, ["minimum_levels", ">= 1", "0"]),
        ("minimum_levels", 4, ["minimum_levels", "maximum_levels", "4 and 3"]),
        ("minimum_units_per_level", 3, ["maximum_units_per_level", "3 and 2"]),
        ("maximum_neurons_per_unit", 0, ["maximum_neurons_per_unit", ">= 1"]),
        ("activation", "eluu", ["activation", "did you mean 'elu'"]),
        ("gate_activation_function", lambda x: x, ["gate", "<lambda>"]),
        (
            "predecessor_level_connection_affinity_factor_main_rounding_rule",
            "round",
            ["rounding", "ceil", "'round'"],
        ),
        ("p_lateral_connection", 1.5, ["probability", "1.5"]),
        ("epochs", 0, ["epochs", ">= 1"]),
        ("seed", -1, ["seed", ">= 0", "-1"]),
        ("seed", None, ["seed", "whole number"]),
        ("number_of_architecture_moities_to_try", 0, ["number_of_arch", ">= 1"]),
        ("number_of_tries_per_architecture_moity", 0, ["number_of_tries", ">= 1"]),
        ("input_shapes", ["three"], ["input_shapes", "'three'"]),
        ("input_shapes", [4], ["input_shapes", "(4,)", "(3,)"]),
        ("base_models", ["", ""], ["base_models"]),
    ],
)
def test_a_bad_argument_is_named(
    name: str, value: Any, fragments: list[str], arguments: dict[str, Any]
) -> None:
    if name == "base_models":
        value = [keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), ""]
    with pytest.raises(ValueError) as caught:
        SimpleCerebrosRandomSearch(**arguments | {name: value})
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_text_columns_are_named(arguments: dict[str, Any]) -> None:
    frame = pd.DataFrame({"area": range(60), "street": ["Pave"] * 60, "rooms": 3})
    with pytest.raises(DataError, match=r"column 'street' holds 'Pave'"):
        SimpleCerebrosRandomSearch(**arguments | {"training_data": [frame]})


def test_an_unknown_metric_lists_the_known_before_training(
    arguments: dict[str, Any], tmp_path: Any
) -> None:
    made = SimpleCerebrosRandomSearch(
        **arguments | {"metric_to_rank_by": "val_root_mean_squared_eror"}
    )
    with pytest.raises(ValueError, match=r"did you mean 'val_root_mean_squared_error'"):
        made.run_random_search()
    assert not (tmp_path / "project").exists()


def test_unknown_keywords_are_named_in_one_warning(arguments: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match="model_graphs, number_of_generations") as seen:
        SimpleCerebrosRandomSearch(
            **arguments, number_of_generations=3, model_graphs="model_graphs"
        )
    assert len(seen) == 1


def test_a_model_before_the_search_is_an_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="run_random_search"):
        SimpleCerebrosRandomSearch(**arguments).get_best_model()


def test_specs_are_drawn_one_after_another(arguments: dict[str, Any]) -> None:
    made = SimpleCerebrosRandomSearch(**arguments | {"maximum_neurons_per_unit": 99})
    assert made.get_neural_network_spec() is None
    made.parse_neural_network_structural_spec_random()
    first = made.get_neural_network_spec()
    made.parse_neural_network_structural_spec_random()
    second = made.get_neural_network_spec()
    assert first is not None
    assert first != second
    assert [list(level) for level in first["0"]] == [["1"]]
    assert first[max(first)][0].keys() == {"1"}
    again = SimpleCerebrosRandomSearch(**arguments | {"maximum_neurons_per_unit": 99})
    assert again.parse_neural_network_structural_spec_random() == first
