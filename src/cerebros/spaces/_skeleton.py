"""A random network before it is wired: which units stand in which level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from cerebros.spaces._space import Ports


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Levels and widths, without wires.

    Attributes:
        ports: the inputs (level 0) and the outputs (the last level).
        hidden: neurons of each unit, level by level from 1; may be empty.

    Raises:
        ValueError: if a level has no unit, or a unit has no neuron.
    """

    ports: Ports
    hidden: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        for level, widths in enumerate(self.hidden, start=1):
            if min(widths, default=0) < 1:
                raise ValueError(
                    "every level needs a unit, and every unit a neuron, but level "
                    f"{level} has the widths {widths!r}"
                )

    @property
    def n_levels(self) -> int:
        """Levels of units, the outputs' included."""
        return len(self.hidden) + 1

    def level_sizes(self) -> list[int]:
        """Number of nodes of every level, inputs first."""
        n_outputs = len(self.ports.outputs)
        return [len(self.ports.input_widths), *map(len, self.hidden), n_outputs]


def number_nodes(level_sizes: Sequence[int]) -> list[range]:
    """The node numbers of every level, in order."""
    return [range(a, b) for a, b in pairwise(accumulate(level_sizes, initial=0))]
