"""At which height each connection leaves its source and enters its target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from cerebros.report._grid import Box
from cerebros.report._links import Kind, Link

_STEP = 6.5
_CORNER = 5.0
_FROM_ABOVE, _FROM_THE_LEFT, _TO_BELOW = range(3)
_VERY_LOW = 1e9


@dataclass(frozen=True, slots=True)
class Ports:
    """Heights of the two ends of every link, in the order of the links."""

    leaves: tuple[float, ...]
    enters: tuple[float, ...]


def find_ports(
    links: Sequence[Link],
    boxes: Mapping[int, Box],
    lanes: Sequence[Sequence[float]],
) -> Ports:
    """Spread the ends of the links over the edges of their boxes.

    A unit is entered on the left and left on the right, in the order of where the
    wires come from and go to, so that they do not cross. Lateral links are a thing of
    the left edge alone: they enter at its top and leave at its bottom, the nearest
    neighbor outermost, so that their arcs lie within each other.

    Args:
        links: the connections.
        boxes: the box of each node.
        lanes: the heights at which each link passes the columns on its way.
    """
    left: dict[int, list[tuple[tuple[float, float], int, bool]]] = defaultdict(list)
    right: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for i, link in enumerate(links):
        if link.kind is Kind.LATERAL:
            left[link.target].append(((_FROM_ABOVE, link.span), i, False))
            left[link.source].append(((_TO_BELOW, -link.span), i, True))
        else:
            came_from, goes_to = _seen_from_the_ends(link, boxes, lanes[i])
            left[link.target].append(((_FROM_THE_LEFT, came_from), i, False))
            right[link.source].append((goes_to, i))
    leaves: dict[int, float] = {}
    enters: dict[int, float] = {}
    for node, departing in right.items():
        for (_, i), y in zip(
            sorted(departing), _along(boxes[node], len(departing)), strict=True
        ):
            leaves[i] = y
    for node, ends in left.items():
        for (_, i, is_departing), y in zip(
            sorted(ends), _along(boxes[node], len(ends)), strict=True
        ):
            (leaves if is_departing else enters)[i] = y
    return Ports(_in_order(leaves), _in_order(enters))


def _seen_from_the_ends(
    link: Link, boxes: Mapping[int, Box], lanes: Sequence[float]
) -> tuple[float, float]:
    """Where a wire comes from, seen from its target, and where it goes to."""
    if link.kind is Kind.BACKWARD:
        return _VERY_LOW, _VERY_LOW
    stops = [boxes[link.source].middle, *lanes, boxes[link.target].middle]
    return stops[-2], stops[1]


def _along(box: Box, n: int) -> Iterator[float]:
    step = min(_STEP, (box.height - 2 * _CORNER) / max(n - 1, 1))
    return (box.middle + step * (k - (n - 1) / 2) for k in range(n))


def _in_order(heights: Mapping[int, float]) -> tuple[float, ...]:
    return tuple(y for _, y in sorted(heights.items(), key=itemgetter(0)))
