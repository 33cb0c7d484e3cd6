"""Where everything stands in the picture of a network; geometry only, no drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import dist

from cerebros.plan import NetworkPlan
from cerebros.report._curves import Curve, Point, point_on
from cerebros.report._grid import Box, Column, levels_of, stand
from cerebros.report._links import Kind, Link, find_links
from cerebros.report._wires import Wire, bulge_of, draw_wires

_BADGE = 13.0
_PLACES_ON_A_WIRE = (0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2)


@dataclass(frozen=True, slots=True)
class Layout:
    """The picture of a plan as geometry, in pixels.

    Attributes:
        columns: the levels, from left to right.
        wires: the connections, in the order of computation.
        badges: where the gate of each wire stands; None for a wire without one.
        left: where the picture begins.
        top: upper end of everything.
        right: where it ends.
        bottom: lower end of everything.
    """

    columns: tuple[Column, ...]
    wires: tuple[Wire, ...]
    badges: tuple[Point | None, ...]
    left: float
    top: float
    right: float
    bottom: float

    @property
    def boxes(self) -> list[Box]:
        """Every node's box, in the order of the nodes."""
        boxes = chain.from_iterable(column.boxes for column in self.columns)
        return sorted(boxes, key=lambda box: box.node)


def lay_out(plan: NetworkPlan) -> Layout:
    """Decide where everything stands.

    The nodes are placed twice: at first evenly, to see through which openings the skip
    connections pass, then with openings and channels as wide as their wires need.
    Equal plans give equal layouts.
    """
    n_levels = len(levels_of(plan))
    evenly = stand(plan, [100.0] * n_levels, [0.0] * n_levels, {})
    links = find_links(plan, evenly)
    n_passing = Counter(opening for link in links for opening in link.passes)
    margins = _margins(links, evenly)
    columns = stand(plan, _channels(links, evenly), margins, n_passing)
    wires = draw_wires(links, columns)
    points = [point for wire in wires for curve in wire.curves for point in curve]
    boxes = [box for column in columns for box in column.boxes]
    return Layout(
        columns=columns,
        wires=wires,
        badges=_badges(wires),
        left=columns[0].x - columns[0].margin,
        top=min([box.y for box in boxes] + [y for _, y in points]),
        right=max([box.right for box in boxes] + [x for x, _ in points]),
        bottom=max([box.bottom for box in boxes] + [y for _, y in points]),
    )


def _margins(links: Sequence[Link], columns: Sequence[Column]) -> list[float]:
    """Room to the left of each column for its lateral connections."""
    column_of = {box.node: i for i, c in enumerate(columns) for box in c.boxes}
    margins = [0.0] * len(columns)
    for link in links:
        if link.kind is Kind.LATERAL:
            i = column_of[link.target]
            margins[i] = max(margins[i], bulge_of(link) + 6.0)
    return margins


def _channels(links: Sequence[Link], columns: Sequence[Column]) -> list[float]:
    """Pixels between each two columns: more for many wires and for tall columns."""
    column_of = {box.node: i for i, c in enumerate(columns) for box in c.boxes}
    n_wires = [0] * (len(columns) - 1)
    for link in links:
        for i in range(column_of[link.source], column_of[link.target]):
            n_wires[i] += 1
    return [min(66.0 + 1.6 * n, 150.0) for n in n_wires]


def _badges(wires: Sequence[Wire]) -> tuple[Point | None, ...]:
    """A place for every gate, on its wire and off the other gates where possible."""
    taken: list[Point] = []
    badges: list[Point | None] = []
    for wire in wires:
        if wire.link.connection.gate is None:
            badges.append(None)
            continue
        place = _free_place(wire.curves[-1], taken)
        taken.append(place)
        badges.append(place)
    return tuple(badges)


def _free_place(curve: Curve, taken: Sequence[Point]) -> Point:
    places = [point_on(curve, t) for t in _PLACES_ON_A_WIRE]
    free = [p for p in places if all(dist(p, other) >= _BADGE for other in taken)]
    return (free or places)[0]
