"""The spaces of networks for tables: few wide levels, without normalization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from cerebros.plan import (
    ACTIVATIONS,
    Connection,
    Dense,
    Dropout,
    NetworkPlan,
    Step,
    Unit,
    unknown_name,
)
from cerebros.spaces._ranges import Range, check_range, draw_from
from cerebros.spaces._skeleton import Skeleton
from cerebros.spaces._space import Draw, Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class WideWiring:
    """Few levels of wide units, wired at random to all levels above and the inputs.

    The units of a level share its neurons. The first level reads all inputs. A unit
    of a later level draws two units, with replacement, of the level above, and as many
    of each earlier one with probability `skip`; with probability `inputs` it reads the
    first input, too. The output reads every unit.

    Attributes:
        levels: how many hidden levels.
        units: how many units on each, no more than there are neurons.
        neurons: how many neurons all units of a level have together, at most; each
            has a third of its share to all of it.
        activation: of hidden units.
        skip: probability of reading a level further above.
        inputs: probability of reading the first input below the first level.
        direct: whether the output reads the inputs.
        dropout: share of hidden numbers dropped in training; 0 for none.

    Reference:
        Our own; the rules follow the prototype of `docs/what-matters.md`.
    """

    levels: Range = (1, 3)
    units: Range = (1, 3)
    neurons: int = 64
    activation: str = "mish"
    skip: float = 0.7
    inputs: float = 0.5
    direct: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check(self)
        check_range("units", self.units)
        for name in ("skip", "inputs"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{name} is a probability, but got {getattr(self, name)!r}"
                )

    def sample(self, ports: Ports, rng: np.random.Generator) -> Draw:
        """Draw sizes and wires."""
        return self.sample_wiring(self.sample_architecture(ports, rng), rng)

    def sample_architecture(self, ports: Ports, rng: np.random.Generator) -> Skeleton:
        """Draw the number of levels, the units of each, and their neurons."""
        _check_one_output(ports)
        hidden = []
        for _ in range(draw_from(self.levels, rng)):
            n = min(draw_from(self.units, rng), self.neurons)
            most = max(1, self.neurons // n)
            widths = rng.integers(max(1, most // 3), most + 1, size=n)
            hidden.append(tuple(widths.tolist()))
        return Skeleton(ports, tuple(hidden))

    def sample_wiring(self, architecture: Skeleton, rng: np.random.Generator) -> Draw:
        """Draw the wires of a network whose sizes are given."""
        ports, hidden = architecture.ports, architecture.hidden
        nodes = _numbered(len(ports.input_widths), hidden)
        read: list[list[int]] = []
        for level, units in enumerate(nodes):
            for _ in units:
                read.append(self._sources(level, nodes, ports, rng))
        return Draw(_plan(self, ports, hidden, read))

    def _sources(
        self, level: int, nodes: list[range], ports: Ports, rng: np.random.Generator
    ) -> list[int]:
        if level == 0:
            return list(range(len(ports.input_widths)))
        sources = {0} if rng.random() < self.inputs else set()
        for above in range(level):
            if above == level - 1 or rng.random() < self.skip:
                sources |= set(rng.choice(list(nodes[above]), size=2).tolist())
        return sorted(sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class WideMLP:
    """Plain multilayer perceptrons of one to a few wide layers, or residual ones.

    A residual one concatenates to what a layer gives what it was given: each layer
    reads all layers before it and the first input.

    Attributes:
        levels: how many hidden layers.
        neurons: of each layer, at most; at least a third of it.
        activation: of hidden layers.
        is_residual: whether layers have bypasses.
        direct: whether the output reads the inputs.
        dropout: share of hidden numbers dropped in training; 0 for none.

    Reference:
        Concatenated bypasses: Huang et al., 2017, "Densely Connected Convolutional
        Networks".
    """

    levels: Range = (1, 3)
    neurons: int = 64
    activation: str = "mish"
    is_residual: bool = False
    direct: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check(self)

    def sample(self, ports: Ports, rng: np.random.Generator) -> Draw:
        """Draw sizes; the wires follow."""
        return self.sample_wiring(self.sample_architecture(ports, rng), rng)

    def sample_architecture(self, ports: Ports, rng: np.random.Generator) -> Skeleton:
        """Draw the number of layers and their widths."""
        _check_one_output(ports)
        n = draw_from(self.levels, rng)
        low = max(1, self.neurons // 3)
        widths = rng.integers(low, self.neurons + 1, size=n)
        return Skeleton(ports, tuple((width,) for width in widths.tolist()))

    def sample_wiring(self, architecture: Skeleton, rng: np.random.Generator) -> Draw:
        """The network of an architecture; the generator is not used."""
        ports, hidden = architecture.ports, architecture.hidden
        n_inputs = len(ports.input_widths)
        read = [list(range(n_inputs))]
        for level in range(1, len(hidden)):
            above = range(n_inputs, n_inputs + level)
            read.append([0, *above] if self.is_residual else [above[-1]])
        return Draw(_plan(self, ports, hidden, read))


def _check(space: WideWiring | WideMLP) -> None:
    check_range("levels", space.levels)
    if space.neurons < 1:
        raise ValueError(f"neurons must be at least 1, but got {space.neurons!r}")
    if space.activation not in ACTIVATIONS:
        raise ValueError(unknown_name("activation", space.activation, ACTIVATIONS))
    if not 0 <= space.dropout < 1:
        raise ValueError(f"dropout must hold 0 <= rate < 1, but got {space.dropout!r}")


def _check_one_output(ports: Ports) -> None:
    if len(ports.outputs) != 1:
        raise ValueError(
            f"wide networks have one output, but the data ask for {len(ports.outputs)}"
        )


def _numbered(n_inputs: int, hidden: Sequence[Sequence[int]]) -> list[range]:
    ends = list(accumulate((len(level) for level in hidden), initial=n_inputs))
    return [range(a, b) for a, b in pairwise(ends)]


def _plan(
    space: WideWiring | WideMLP,
    ports: Ports,
    hidden: Sequence[Sequence[int]],
    read: Sequence[Sequence[int]],
) -> NetworkPlan:
    """The plan of given sizes and sources; the output reads all that is hidden."""
    n_inputs, (output,) = len(ports.input_widths), ports.outputs
    units, numbers = [], iter(read)
    for level, widths in enumerate(hidden, start=1):
        for width in widths:
            steps: tuple[Step, ...] = (Dense(width, space.activation),)
            if space.dropout:
                steps = (*steps, Dropout(space.dropout))
            wires = tuple(Connection(node) for node in next(numbers))
            units.append(Unit(level, wires, steps))
    first = 0 if space.direct else n_inputs
    last = Unit(
        len(hidden) + 1,
        tuple(Connection(node) for node in range(first, n_inputs + len(units))),
        (Dense(output.width, output.activation),),
    )
    return NetworkPlan(
        ports.input_widths, (*units, last), outputs=(n_inputs + len(units),)
    )
