"""The original's groups of arguments that say how networks are wired."""

from __future__ import annotations

from typing import Any

from cerebros.compat._functions import (
    activation_of,
    decay_of,
    gate_of,
    simple_sigmoid,
    zero_7_exp_decay,
    zero_95_exp_decay,
)
from cerebros.spaces import LateralWiring, Rounding, VerticalWiring
from cerebros.training import whole_number

_LATERAL_DISTANCES = 1024  # more units than any level has


class DenseAutoMlStructuralComponent:
    """Arguments for wires from level to level; see `VerticalWiring`.

    Args:
        minimum_skip_connection_depth: shortest skip connection, in levels.
        maximum_skip_connection_depth: longest skip connection, in levels.
        predecessor_level_connection_affinity_factor_first: draws of a first-level
            unit, per input.
        predecessor_level_connection_affinity_factor_first_rounding_rule: `"ceil"` or
            `"floor"`.
        predecessor_level_connection_affinity_factor_main: draws of later units, per
            unit of the level that they read.
        predecessor_level_connection_affinity_factor_main_rounding_rule: `"ceil"` or
            `"floor"`.
        predecessor_level_connection_affinity_factor_decay_main: factor on these
            draws, by distance - 1.
        activation: of hidden units.
        final_activation: of output units; None for none.
        seed: of every random draw.

    Raises:
        ValueError: if a value is out of range or unknown.
    """

    def __init__(
        self,
        minimum_skip_connection_depth: int = 1,
        maximum_skip_connection_depth: int = 7,
        predecessor_level_connection_affinity_factor_first: float = 5,
        predecessor_level_connection_affinity_factor_first_rounding_rule: Rounding = "ceil",
        predecessor_level_connection_affinity_factor_main: float = 0.7,
        predecessor_level_connection_affinity_factor_main_rounding_rule: Rounding = "ceil",
        predecessor_level_connection_affinity_factor_decay_main: Any = zero_7_exp_decay,
        activation: Any = "elu",
        final_activation: Any = None,
        seed: int = 8675309,
    ) -> None:
        self.seed = whole_number("seed", seed, least=0)
        self.activation = activation_of("activation", activation)
        self.final_activation = activation_of("final_activation", final_activation)
        self.vertical = VerticalWiring(
            input_density=float(predecessor_level_connection_affinity_factor_first),
            density=float(predecessor_level_connection_affinity_factor_main),
            decay=decay_of(
                "predecessor_level_connection_affinity_factor_decay_main",
                predecessor_level_connection_affinity_factor_decay_main,
                n_distances=int(maximum_skip_connection_depth) + 1,
            ),
            input_rounding=predecessor_level_connection_affinity_factor_first_rounding_rule,
            rounding=predecessor_level_connection_affinity_factor_main_rounding_rule,
            min_skip=int(minimum_skip_connection_depth),
            max_skip=int(maximum_skip_connection_depth),
        )


class DenseLateralConnectivity:
    """Arguments for wires within a level; see `LateralWiring`.

    Args:
        max_consecutive_lateral_connections: successes in a row before a try fails.
        gate_after_n_lateral_connections: ungated connections before a gated one.
        gate_activation_function: a name, a Keras activation, or `simple_sigmoid`.
        p_lateral_connection: probability of a try.
        p_lateral_connection_decay: factor on it, by units in between.
        num_lateral_connection_tries_per_unit: tries for each pair of units.

    Raises:
        ValueError: if a value is out of range or unknown.
    """

    def __init__(
        self,
        max_consecutive_lateral_connections: int = 7,
        gate_after_n_lateral_connections: int = 3,
        gate_activation_function: Any = simple_sigmoid,
        p_lateral_connection: float = 0.97,
        p_lateral_connection_decay: Any = zero_95_exp_decay,
        num_lateral_connection_tries_per_unit: int = 1,
    ) -> None:
        self.lateral = LateralWiring(
            probability=float(p_lateral_connection),
            decay=decay_of(
                "p_lateral_connection_decay",
                p_lateral_connection_decay,
                n_distances=_LATERAL_DISTANCES,
            ),
            tries=int(num_lateral_connection_tries_per_unit),
            max_consecutive=int(max_consecutive_lateral_connections),
            gate_after=int(gate_after_n_lateral_connections),
            gate=gate_of("gate_activation_function", gate_activation_function),
        )
