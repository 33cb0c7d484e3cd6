"""The original's network that is still to be built, from a spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cerebros.compat._connectivity import (
    DenseAutoMlStructuralComponent,
    DenseLateralConnectivity,
)
from cerebros.compat._functions import (
    simple_sigmoid,
    zero_7_exp_decay,
    zero_95_exp_decay,
)
from cerebros.compat._inputs import (
    arguments_of,
    base_models_of,
    input_shapes_of,
    metrics_of,
    warn_of_unknown,
)
from cerebros.compat._project_files import trial_name
from cerebros.compat._spec import skeleton_of
from cerebros.lowering import initial_weights, to_keras
from cerebros.plan import NetworkPlan
from cerebros.report import write_picture
from cerebros.spaces import RandomWiring, Rounding
from cerebros.training import Front, TrainingSettings, compile_model


class NeuralNetworkFuture(DenseAutoMlStructuralComponent, DenseLateralConnectivity):
    """A network of given levels, units and neurons, wired at random.

    The wiring arguments are explained in `DenseAutoMlStructuralComponent` and
    `DenseLateralConnectivity`, the training arguments in
    `SimpleCerebrosRandomSearch`.

    Args:
        input_shapes: for each input the shape of a row: a number, tuple, or digits.
        output_shapes: width of each output; must be those of the spec.
        neural_network_spec: levels of units, the inputs' first: `{"0": [{"1":
            InputUnit}], "1": [{"4": DenseUnit}], "2": [{"1": FinalDenseUnit}]}`.
        project_name: folder for the picture.
        trial_number: with `subtrial_number` and the seed it decides the wiring and
            the initial weights.
        subtrial_number: see there.
        model_graph_file: where the picture goes; by default in the project folder.
        **unknown: accepted with one warning that names them.

    Attributes:
        plan: the wired network.
        materialized_neural_network: its Keras model, after `materialize()`.

    Raises:
        ValueError: if an argument is out of range, or the spec is no network.
    """

    def __init__(
        self,
        input_shapes: Sequence[Any],
        output_shapes: Sequence[int],
        neural_network_spec: Mapping[str, Any],
        project_name: str | Path = "cerebros-auto-ml-test",
        trial_number: int = 0,
        subtrial_number: int = 0,
        activation: Any = "elu",
        final_activation: Any = None,
        minimum_skip_connection_depth: int = 1,
        maximum_skip_connection_depth: int = 7,
        predecessor_level_connection_affinity_factor_first: float = 5,
        predecessor_level_connection_affinity_factor_first_rounding_rule: Rounding = "ceil",
        predecessor_level_connection_affinity_factor_main: float = 0.7,
        predecessor_level_connection_affinity_factor_main_rounding_rule: Rounding = "ceil",
        predecessor_level_connection_affinity_factor_decay_main: Any = zero_7_exp_decay,
        seed: int = 8675309,
        max_consecutive_lateral_connections: int = 7,
        gate_after_n_lateral_connections: int = 3,
        gate_activation_function: Any = simple_sigmoid,
        p_lateral_connection: float = 0.97,
        p_lateral_connection_decay: Any = zero_95_exp_decay,
        num_lateral_connection_tries_per_unit: int = 1,
        learning_rate: float = 0.005,
        loss: Any = "mse",
        metrics: Sequence[Any] | None = None,
        base_models: Sequence[Any] = ("",),
        model_graph_file: str | Path | None = None,
        **unknown: Any,
    ) -> None:
        arguments = dict(locals())
        warn_of_unknown("NeuralNetworkFuture", unknown)
        DenseAutoMlStructuralComponent.__init__(
            self, **arguments_of(DenseAutoMlStructuralComponent, arguments)
        )
        DenseLateralConnectivity.__init__(
            self, **arguments_of(DenseLateralConnectivity, arguments)
        )
        self.neural_network_spec = dict(neural_network_spec)
        self.materialized_neural_network: Any = None
        self._shapes = input_shapes_of(input_shapes)
        stems = base_models_of(base_models, n_inputs=len(self._shapes))
        self._front = Front.of(stems or [None] * len(self._shapes))
        given = {i for i, stem in enumerate(self._front.stems) if stem is not None}
        if others := given - {*self._front.raw}:
            raise ValueError(
                f"base_models holds something else than a Keras model for the inputs "
                f"{sorted(others)}, whose width is not known without data; give what "
                "it makes of them as the input, and '' here"
            )
        self._settings = TrainingSettings(
            learning_rate=float(learning_rate),
            loss=loss,
            metrics=metrics_of(metrics),
        )
        name = trial_name(int(trial_number), int(subtrial_number))
        self.model_graph_file = Path(
            model_graph_file or Path(project_name) / "model_graphs" / f"{name}.html"
        )
        entropy = [seed, 4, int(trial_number), int(subtrial_number)]
        self._rng = np.random.default_rng(entropy)
        self.plan: NetworkPlan = self._wired(output_shapes)

    def _wired(self, output_shapes: Sequence[int]) -> NetworkPlan:
        skeleton = skeleton_of(
            self.neural_network_spec,
            input_widths=self._front.widths(self._shapes),
            final_activation=self.final_activation,
        )
        widths = [output.width for output in skeleton.ports.outputs]
        if widths != [int(width) for width in output_shapes]:
            raise ValueError(
                f"the last level of the spec has the widths {widths}, but "
                f"output_shapes is {list(output_shapes)}"
            )
        space = RandomWiring(
            activation=self.activation,
            vertical=self.vertical,
            lateral=self.lateral,
            copies="drawn",
        )
        return space.sample_wiring(skeleton, self._rng).plan

    def materialize(self) -> None:
        """Build `materialized_neural_network`, an uncompiled Keras model."""
        self.materialized_neural_network = to_keras(
            self.plan,
            initial_weights(self.plan, self._rng),
            input_shapes=self._shapes,
            stems=self._front.keras_stems,
            seed=self.seed,
        )

    def compile_neural_network(self) -> None:
        """Compile it with Adam, the loss and the metrics.

        Raises:
            RuntimeError: if `materialize()` has not been called.
        """
        if self.materialized_neural_network is None:
            raise RuntimeError("there is no network yet; call materialize() first")
        compile_model(self.materialized_neural_network, self._settings)

    def get_graph(self) -> Path:
        """Write a picture of the network that opens offline, and say where."""
        self.model_graph_file.parent.mkdir(parents=True, exist_ok=True)
        write_picture(self.model_graph_file, self.plan, title="network")
        return self.model_graph_file
