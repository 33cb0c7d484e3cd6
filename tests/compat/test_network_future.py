"""A network from a spec that was written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cerebros.denseautomlstructuralcomponent.dense_automl_structural_component import (
    DenseAutoMlStructuralComponent,
    DenseLateralConnectivity,
)
from cerebros.neuralnetworkfuture.neural_network_future import NeuralNetworkFuture
from cerebros.units.units import DenseUnit, FinalDenseUnit, InputUnit, Unit

SPEC: dict[str, Any] = {
    "0": [{"1": InputUnit}, {"1": InputUnit}],
    "1": [{"4": DenseUnit}, {"2": DenseUnit}],
    "2": [{"5": DenseUnit}],
    "3": [{"1": FinalDenseUnit}, {"3": FinalDenseUnit}],
}


def future(folder: Path, **changes: Any) -> NeuralNetworkFuture:
    arguments: dict[str, Any] = {
        "input_shapes": [6, (2, 2)],
        "output_shapes": [1, 3],
        "neural_network_spec": SPEC,
        "project_name": str(folder),
        "trial_number": 2,
        "subtrial_number": 1,
    }
    return NeuralNetworkFuture(**arguments | changes)


def test_it_is_built_compiled_and_trained(tmp_path: Path) -> None:
    made = future(tmp_path)
    assert made.plan.widths == (6, 4, 4, 2, 5, 1, 3)
    made.materialize()
    made.compile_neural_network()
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(20, 6)), rng.normal(size=(20, 2, 2))]
    targets = [rng.normal(size=(20, 1)), rng.normal(size=(20, 3))]
    history = made.materialized_neural_network.fit(inputs, targets, verbose=0).history
    assert np.isfinite(history["loss"][0])


def test_the_picture_is_written(tmp_path: Path) -> None:
    path = future(tmp_path).get_graph()
    name = f"tr_{2:016d}_subtrial_{1:016d}.html"
    assert path == tmp_path / "model_graphs" / name
    assert "<svg" in path.read_text()
    elsewhere = tmp_path / "elsewhere.html"
    future(tmp_path, model_graph_file=str(elsewhere)).get_graph()
    assert elsewhere.exists()


def test_seed_and_trial_numbers_decide_the_wiring(tmp_path: Path) -> None:
    assert future(tmp_path).plan == future(tmp_path).plan
    assert future(tmp_path).plan != future(tmp_path, subtrial_number=7).plan
    assert future(tmp_path).plan != future(tmp_path, seed=1).plan


@pytest.mark.parametrize(
    ("changes", "fragments"),
    [
        ({"output_shapes": [2]}, ["last level", "[1, 3]", "[2]"]),
        ({"input_shapes": [6]}, ["level '0'", "2 inputs", "1"]),
        (
            {"neural_network_spec": {"0": [{"1": InputUnit}], "2": []}},
            ['"0" (inputs), "1"', "['0', '2']"],
        ),
        (
            {"neural_network_spec": SPEC | {"1": []}},
            ["every level", "['1']"],
        ),
        (
            {"neural_network_spec": SPEC | {"2": [{"many": DenseUnit}]}},
            ["level '2'", "'many'"],
        ),
        (
            {"neural_network_spec": SPEC | {"2": [DenseUnit]}},
            ["level '2'", "<neurons>"],
        ),
    ],
)
def test_a_bad_spec_is_named(
    changes: dict[str, Any], fragments: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ValueError) as caught:
        future(tmp_path, **changes)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_compiling_comes_after_building(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="materialize"):
        future(tmp_path).compile_neural_network()


def test_the_original_classes_are_related() -> None:
    assert issubclass(InputUnit, Unit)
    assert issubclass(DenseUnit, Unit)
    assert issubclass(FinalDenseUnit, Unit)
    assert issubclass(NeuralNetworkFuture, DenseAutoMlStructuralComponent)
    assert issubclass(NeuralNetworkFuture, DenseLateralConnectivity)
