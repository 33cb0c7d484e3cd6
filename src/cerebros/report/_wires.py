"""The way of every connection: smooth curves that go around the boxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import inf

from cerebros.report._curves import Curve, Point, arc, detour, ease, straight
from cerebros.report._grid import CLEARANCE, Box, Column, Opening
from cerebros.report._links import Kind, Link
from cerebros.report._ports import find_ports

_LANE = 4.0
_OUTER_LANES = 64.0
_BACKWARD_LANE = 9.0


@dataclass(frozen=True, slots=True)
class Wire:
    """A connection with the curves along which it is drawn."""

    link: Link
    curves: tuple[Curve, ...]


def draw_wires(links: Sequence[Link], columns: Sequence[Column]) -> tuple[Wire, ...]:
    """Give every link its curves, in the order of the links."""
    boxes = {box.node: box for column in columns for box in column.boxes}
    lanes = _lanes(links, columns, boxes)
    ports = find_ports(links, boxes, lanes)
    lowest = max(
        [box.bottom for box in boxes.values()] + [y for ys in lanes for y in ys]
    )
    detours = count(1)
    wires = []
    for i, link in enumerate(links):
        source, target = boxes[link.source], boxes[link.target]
        end = (target.x, ports.enters[i])
        curves: tuple[Curve, ...]
        if link.kind is Kind.LATERAL:
            curves = (arc((source.x, ports.leaves[i]), end, bulge_of(link)),)
        elif link.kind is Kind.BACKWARD:
            lane = lowest + _BACKWARD_LANE * (1 + next(detours))
            curves = detour((source.right, ports.leaves[i]), end, lane)
        else:
            passed = [columns[column] for column, _ in link.passes]
            stops = list(zip(passed, lanes[i], strict=True))
            curves = _passage((source.right, ports.leaves[i]), stops, end)
        wires.append(Wire(link, curves))
    return tuple(wires)


def bulge_of(link: Link) -> float:
    """How far a lateral connection reaches out of its column, in pixels."""
    return min(14.0 + 7.0 * (link.span - 1), 58.0)


def _lanes(
    links: Sequence[Link], columns: Sequence[Column], boxes: Mapping[int, Box]
) -> list[list[float]]:
    """For every link, the height at which it passes each column on its way."""
    lanes: list[list[float]] = [[] for _ in links]
    passing: dict[Opening, list[int]] = defaultdict(list)
    for i, link in enumerate(links):
        for opening in link.passes:
            passing[opening].append(i)
    for column, place in sorted(passing):  # from left to right
        members = sorted(
            (_straight_on(links[i], lanes[i], columns, boxes), i)
            for i in passing[column, place]
        )
        wanted = [y for y, _ in members]
        heights = _spread(wanted, *columns[column].opening(place))
        for (_, i), y in zip(members, heights, strict=True):
            lanes[i].append(y)
    return lanes


def _straight_on(
    link: Link,
    lanes: Sequence[float],
    columns: Sequence[Column],
    boxes: Mapping[int, Box],
) -> float:
    """The height that leads straight from the last column passed to the target."""
    source, target = boxes[link.source], boxes[link.target]
    x, y = source.right, source.middle
    if lanes:
        x, y = columns[link.passes[len(lanes) - 1][0]].right, lanes[-1]
    share = (columns[link.passes[len(lanes)][0]].x - x) / (target.x - x)
    return y + share * (target.middle - y)


def _spread(wanted: Sequence[float], above: float, below: float) -> list[float]:
    """Heights in an opening near those wanted, which increase; none twice."""
    n = len(wanted)
    if above == -inf:
        return [-y for y in _spread([-y for y in reversed(wanted)], -below, inf)][::-1]
    if below == inf:
        step = min(_LANE, _OUTER_LANES / n)
        least = above + CLEARANCE - step
        return [least := max(y, least + step) for y in wanted]
    step = min(_LANE, (below - above - CLEARANCE) / n)
    return [(above + below) / 2 + step * (k - (n - 1) / 2) for k in range(n)]


def _passage(
    start: Point, stops: Sequence[tuple[Column, float]], end: Point
) -> tuple[Curve, ...]:
    """From box to box, straight through the openings and smooth in between."""
    curves = []
    for column, y in stops:
        enter, leave = (column.x - column.margin, y), (column.right + 4.0, y)
        curves += [ease(start, enter), straight(enter, leave)]
        start = leave
    return (*curves, ease(start, end))
