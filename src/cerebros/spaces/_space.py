"""What every space is: a way to draw plans that fit the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from cerebros.plan import ACTIVATIONS, NetworkPlan, unknown_name


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a network: its width and the activation of its last layer."""

    width: int
    activation: str = "linear"

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(unknown_name("activation", self.activation, ACTIVATIONS))


@dataclass(frozen=True, slots=True)
class Ports:
    """What the data ask of a network: the width of each input, and each output."""

    input_widths: tuple[int, ...]
    outputs: tuple[Output, ...]

    def __post_init__(self) -> None:
        widths = [*self.input_widths, *(output.width for output in self.outputs)]
        if not self.input_widths or not self.outputs or min(widths) < 1:
            raise ValueError(
                "a network needs at least one input and one output, each of width "
                f">= 1, but got inputs {self.input_widths} and outputs {self.outputs}"
            )


@dataclass(frozen=True, slots=True)
class Repair:
    """A reader that a space gave to a node that nothing had read.

    Attributes:
        node: number of the node that was a dead end.
        reader: number of the unit that reads it now.
    """

    node: int
    reader: int

    def __str__(self) -> str:
        return f"unit {self.reader} was made to read node {self.node}, a dead end"


@dataclass(frozen=True, slots=True)
class Draw:
    """A plan that was drawn, and what was repaired in it."""

    plan: NetworkPlan
    repairs: tuple[Repair, ...] = ()


Architecture = TypeVar("Architecture")


class Space(Protocol[Architecture]):
    """Frozen settings that turn a random generator into plans.

    A draw has two parts, so that a search may try several wirings of one
    architecture: first the sizes, then the wires. Both use only the generator that
    is passed in: the same seed gives the same plan on every machine.
    """

    def sample_architecture(
        self, ports: Ports, rng: np.random.Generator
    ) -> Architecture: ...

    def sample_wiring(
        self, architecture: Architecture, rng: np.random.Generator
    ) -> Draw: ...
