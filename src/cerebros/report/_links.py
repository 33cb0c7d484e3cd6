"""How each connection lies between the columns, and what it has to pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from cerebros.plan import Connection, NetworkPlan
from cerebros.report._grid import CLEARANCE, Column, Opening


class Kind(Enum):
    """Where a connection leads; the values are the CSS classes of the picture."""

    FORWARD = "forward"
    SKIP = "skip"
    LATERAL = "lateral"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True)
class Link:
    """A connection with its two ends.

    Attributes:
        source: the node that is read.
        target: the unit that reads.
        connection: copies and gate.
        kind: to the next column, further, within a column, or to the left.
        span: for a lateral link, how many boxes further down it ends; else 0.
        passes: the openings through which it passes the columns in between.
    """

    source: int
    target: int
    connection: Connection
    kind: Kind
    span: int
    passes: tuple[Opening, ...]


def find_links(plan: NetworkPlan, columns: Sequence[Column]) -> tuple[Link, ...]:
    """Every connection of a plan, in the order of computation."""
    places = {
        box.node: (i, k)
        for i, column in enumerate(columns)
        for k, box in enumerate(column.boxes)
    }
    links = []
    for target, unit in plan.nodes():
        end, row = places[target]
        for c in unit.connections:
            start, source_row = places[c.source]
            kind = _kind(end - start)
            span = row - source_row if kind is Kind.LATERAL else 0
            passes = _passes(columns, places[c.source], places[target])
            links.append(Link(c.source, target, c, kind, span, passes))
    return tuple(links)


def _kind(distance: int) -> Kind:
    if distance == 0:
        return Kind.LATERAL
    if distance < 0:
        return Kind.BACKWARD
    return Kind.FORWARD if distance == 1 else Kind.SKIP


def _passes(
    columns: Sequence[Column], start: tuple[int, int], end: tuple[int, int]
) -> tuple[Opening, ...]:
    """In every column on the way, the opening nearest to the straight line."""
    source, target = (columns[i].boxes[k] for i, k in (start, end))
    x, y = source.right, source.middle
    passes = []
    for i in range(start[0] + 1, end[0]):
        share = (columns[i].x - x) / (target.x - x)
        place, y = _nearest_opening(columns[i], y + share * (target.middle - y))
        x = columns[i].right
        passes.append((i, place))
    return tuple(passes)


def _nearest_opening(column: Column, y: float) -> tuple[int, float]:
    """The place of the opening nearest to a height, and where in it a wire passes."""
    nearest = (float("inf"), 0, y)
    for place in range(len(column.boxes) + 1):
        above, below = column.opening(place)
        reached = min(max(y, above + CLEARANCE), below - CLEARANCE)
        nearest = min(nearest, (abs(reached - y), place, reached))
    return nearest[1], nearest[2]
