"""The space of randomly wired networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np

from cerebros.plan import (
    ACTIVATIONS,
    Connection,
    Dense,
    NetworkPlan,
    Normalize,
    Step,
    Unit,
    unknown_name,
)
from cerebros.plan import Dropout as DropoutStep
from cerebros.spaces._lateral import LateralWiring, draw_lateral
from cerebros.spaces._ranges import check_range, draw_from
from cerebros.spaces._repair import adopt_dead_ends
from cerebros.spaces._skeleton import Skeleton, number_nodes
from cerebros.spaces._space import Draw, Ports
from cerebros.spaces._vertical import Sources, VerticalWiring, draw_vertical

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomWiring:
    """Levels of parallel dense units, wired at random to all levels above and sideways.

    Sizes are drawn uniformly from closed ranges, then the wires; see
    `VerticalWiring` and `LateralWiring`. Each unit merges what it reads,
    normalizes, and takes one dense step. A node that nobody reads is then given a
    reader, which the draw reports.

    Attributes:
        levels: how many levels, the outputs' included; `(1, 1)` connects the
            outputs straight to the inputs.
        units: how many units on each hidden level.
        neurons: how many neurons in each hidden unit.
        activation: of hidden units.
        vertical: wires from level to level.
        lateral: wires within a level.
        copies: `"drawn"`, a source drawn m times enters the merge m times;
            `"distinct"`, once.
        scale_shift: whether normalizations have a learned scale and shift.
        dropout: share of a unit's merged features dropped in training; 0 for none.

    Raises:
        ValueError: if a range is empty or begins below 1, or a name is unknown.

    Example:
        >>> from cerebros.spaces import Output
        >>> space = RandomWiring(levels=(2, 2), units=(2, 2), neurons=(3, 3))
        >>> ports = Ports(input_widths=(10,), outputs=(Output(1),))
        >>> draw = space.sample(ports, np.random.default_rng(0))
        >>> draw.plan.widths
        (10, 3, 3, 1)

    Reference:
        The rules are those of `docs/wiring.md`, our own. Random graphs as networks:
        Xie et al., 2019, "Exploring Randomly Wired Neural Networks for Image
        Recognition".
    """

    levels: tuple[int, int] = (2, 5)
    units: tuple[int, int] = (1, 4)
    neurons: tuple[int, int] = (4, 32)
    activation: str = "elu"
    vertical: VerticalWiring = field(default_factory=VerticalWiring)
    lateral: LateralWiring = field(default_factory=LateralWiring)
    copies: Literal["drawn", "distinct"] = "distinct"
    scale_shift: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("levels", "units", "neurons"):
            check_range(name, getattr(self, name))
        if self.activation not in ACTIVATIONS:
            raise ValueError(unknown_name("activation", self.activation, ACTIVATIONS))
        if self.copies not in ("drawn", "distinct"):
            raise ValueError(
                f"copies must be 'drawn' or 'distinct', but got {self.copies!r}"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(
                f"dropout must hold 0 <= rate < 1, but got {self.dropout!r}"
            )

    def sample(self, ports: Ports, rng: np.random.Generator) -> Draw:
        """Draw sizes and wires."""
        return self.sample_wiring(self.sample_architecture(ports, rng), rng)

    def sample_architecture(self, ports: Ports, rng: np.random.Generator) -> Skeleton:
        """Draw the number of levels, the units of each, and their neurons."""
        n_hidden = draw_from(self.levels, rng) - 1
        n_units = [draw_from(self.units, rng) for _ in range(n_hidden)]
        low, high = self.neurons
        neurons = (rng.integers(low, high + 1, size=n) for n in n_units)
        return Skeleton(ports, tuple(tuple(level.tolist()) for level in neurons))

    def sample_wiring(self, architecture: Skeleton, rng: np.random.Generator) -> Draw:
        """Draw the wires of a network whose sizes are given."""
        levels = number_nodes(architecture.level_sizes())
        sources: list[Sources] = []
        for level in range(1, len(levels)):
            units = draw_vertical(levels, level, self.vertical, rng)
            if level < len(levels) - 1 or self.lateral.between_outputs:
                draw_lateral(levels[level], units, self.lateral, rng)
            sources += units
        repairs = adopt_dead_ends(sources, levels, self.vertical, rng)
        units_of_plan = tuple(
            Unit(level, self._connections(drawn), self._steps(width, activation))
            for drawn, (level, width, activation) in zip(
                sources, self._in_order(architecture), strict=True
            )
        )
        input_widths = architecture.ports.input_widths
        outputs = tuple(self._as_numbered(levels[-1]))
        return Draw(NetworkPlan(input_widths, units_of_plan, outputs), repairs)

    def _in_order(self, skeleton: Skeleton) -> Iterator[tuple[int, int, str]]:
        """Level, width and activation of every unit, in order of computation."""
        for level, widths in enumerate(skeleton.hidden, start=1):
            for width in self._as_numbered(widths):
                yield level, width, self.activation
        for output in self._as_numbered(skeleton.ports.outputs):
            yield skeleton.n_levels, output.width, output.activation

    def _as_numbered(self, units: Sequence[T]) -> Sequence[T]:
        """The units of a level in the order of their numbers, or the reverse."""
        return units[::-1] if self.lateral.direction == "left" else units

    def _connections(self, drawn: Sources) -> tuple[Connection, ...]:
        ordered = sorted(drawn.items(), key=lambda item: (item[0][0], item[0][1] or ""))
        if self.copies == "distinct":
            return tuple([Connection(node, 1, gate) for (node, gate), _ in ordered])
        return tuple([Connection(node, n, gate) for (node, gate), n in ordered])

    def _steps(self, width: int, activation: str) -> tuple[Step, ...]:
        normalize, dense = Normalize(self.scale_shift), Dense(width, activation)
        if self.dropout:
            return normalize, DropoutStep(self.dropout), dense
        return normalize, dense
