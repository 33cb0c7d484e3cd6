"""Writing a network by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cerebros.errors import PlanError
from cerebros.plan._network import Connection, Merge, NetworkPlan, Step, Unit


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a draft, to be read by further units.

    Attributes:
        draft: the draft it belongs to.
        position: its place among all nodes of the draft, in the order written.
        copies: how many times a unit that reads this enters it into its merge.
        gate: activation that the signal passes on the way, or None.
    """

    draft: Draft
    position: int
    copies: int = 1
    gate: str | None = None

    def times(self, copies: int) -> Node:
        """The same node, read several times by one unit."""
        return replace(self, copies=copies)

    def gated(self, activation: str = "sigmoid") -> Node:
        """The same node, read through a gate."""
        return replace(self, gate=activation)


class Draft:
    """A network under construction: add inputs and units, then ask for the plan.

    A unit's level is one more than the highest that it reads, unless `level` is
    given; give it to write lateral connections, which stay within a level.

    Example:
        >>> from cerebros.plan import Dense, Draft, Dropout, Normalize, summarize_plan
        >>> net = Draft()
        >>> table, text = net.input(12), net.input(64)
        >>> a = net.unit(table, Normalize(), Dense(8, "elu"))
        >>> b = net.unit([text, a.gated("sigmoid")], Dense(8, "elu"), level=1)
        >>> c = net.unit([a, b], Dropout(0.1), Dense(8, "relu"), merge="add")
        >>> price = net.unit([c.times(2), table], Normalize(), Dense(1))
        >>> sold = net.unit([a, c], Dense(1, "sigmoid"))
        >>> plan = net.plan([price, sold])
        >>> summarize_plan(plan)
        '12 + 64 → 3 levels, 5 units, 886 parameters → 1 + 1'
    """

    def __init__(self) -> None:
        self._input_widths: list[int] = []
        self._nodes: list[Unit | int] = []  # an int is the number of an input

    def input(self, width: int) -> Node:
        """Add an input of `width` features."""
        self._input_widths.append(width)
        return self._added(len(self._input_widths) - 1)

    def unit(
        self,
        reads: Node | Iterable[Node],
        *steps: Step,
        merge: Merge = "concatenate",
        level: int | None = None,
    ) -> Node:
        """Add a unit that reads some nodes and then takes its steps in order.

        Args:
            reads: the nodes read, in the order of the merge.
            *steps: any number of `Normalize`, `Dropout` and `Dense`, in any order.
            merge: `"concatenate"`, or `"add"` for nodes of equal width.
            level: the row it stands in; by default below everything it reads.

        Raises:
            PlanError: if a node of another draft is read.
        """
        sources = [reads] if isinstance(reads, Node) else list(reads)
        self._check_own(sources, "a unit reads")
        levels = [self._level(source.position) for source in sources]
        return self._added(
            Unit(
                level=1 + max(levels, default=0) if level is None else level,
                connections=tuple(
                    Connection(s.position, s.copies, s.gate) for s in sources
                ),
                steps=steps,
                merge=merge,
            )
        )

    def plan(self, outputs: Node | Iterable[Node]) -> NetworkPlan:
        """The network that returns the given nodes.

        Raises:
            PlanError: if it is not a valid network (all problems are listed), or a
                node of another draft is returned.
        """
        returned = [outputs] if isinstance(outputs, Node) else list(outputs)
        self._check_own(returned, "the plan returns")
        numbers = self._numbers()
        units = tuple(
            replace(
                node,
                connections=tuple(
                    replace(c, source=numbers[c.source]) for c in node.connections
                ),
            )
            for node in self._nodes
            if isinstance(node, Unit)
        )
        return NetworkPlan(
            tuple(self._input_widths),
            units,
            outputs=tuple(numbers[node.position] for node in returned),
        )

    def _added(self, node: Unit | int) -> Node:
        self._nodes.append(node)
        return Node(self, len(self._nodes) - 1)

    def _check_own(self, nodes: Iterable[Node], who: str) -> None:
        if any(node.draft is not self for node in nodes):
            raise PlanError(
                f"{who} a node of another draft; a network is written in one draft"
            )

    def _level(self, position: int) -> int:
        node = self._nodes[position]
        return node.level if isinstance(node, Unit) else 0

    def _numbers(self) -> list[int]:
        """The plan's number of each position: inputs first, then units."""
        unit_number = len(self._input_widths)
        numbers = []
        for node in self._nodes:
            if isinstance(node, Unit):
                numbers.append(unit_number)
                unit_number += 1
            else:
                numbers.append(node)
        return numbers
