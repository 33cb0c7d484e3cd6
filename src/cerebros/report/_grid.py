"""Where the nodes stand: levels are columns, and a column is a stack of boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from cerebros.plan import NetworkPlan

Opening: TypeAlias = tuple[int, int]
"""A column, and a place in it where wires may pass: k is above its k-th box, and as
many as there are boxes is below the last."""

CLEARANCE = 7.0
"""Pixels that a passing wire keeps from a box."""

_LEAST_HEIGHT = 20.0
_MOST_HEIGHT = 84.0
_HEIGHT_PER_DOUBLING = 5.0
_DIGIT = 7.2
_LEAST_OPENING = 18.0
_MOST_OPENING = 34.0
_LANE = 2.4


@dataclass(frozen=True, slots=True)
class Box:
    """The rectangle of one node, in pixels; `x` and `y` are its left top corner."""

    node: int
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Column:
    """The nodes of one level, from top to bottom in the order of their numbers.

    Attributes:
        level: the label of the level.
        boxes: one for each node.
        margin: pixels kept free to the left of the boxes, for lateral connections.
    """

    level: int
    boxes: tuple[Box, ...]
    margin: float

    @property
    def x(self) -> float:
        return self.boxes[0].x

    @property
    def right(self) -> float:
        return self.boxes[0].right

    def opening(self, place: int) -> tuple[float, float]:
        """Upper and lower end of a place for passing wires; outer ones are endless."""
        above = self.boxes[place - 1].bottom if place else -math.inf
        below = self.boxes[place].y if place < len(self.boxes) else math.inf
        return above, below


def levels_of(plan: NetworkPlan) -> dict[int, list[int]]:
    """The nodes of every level that occurs; a level's label may be any number."""
    levels: dict[int, list[int]] = {}
    for node in range(plan.n_nodes):
        levels.setdefault(plan.level(node), []).append(node)
    return dict(sorted(levels.items()))


def box_height(width: int) -> float:
    """Height of a node that puts out `width` features: the same step per doubling."""
    return min(_LEAST_HEIGHT + _HEIGHT_PER_DOUBLING * math.log2(width), _MOST_HEIGHT)


def stand(
    plan: NetworkPlan,
    channels: Sequence[float],
    margins: Sequence[float],
    n_passing: Mapping[Opening, int],
) -> tuple[Column, ...]:
    """Give every node its place.

    Args:
        plan: the network.
        channels: pixels between each two neighboring columns.
        margins: pixels to the left of each column, for its lateral connections.
        n_passing: how many wires pass between two boxes; many need a wider opening.

    Returns:
        The columns from left to right, each centered at height zero.
    """
    width = _box_width(plan)
    columns = []
    x = 0.0
    for i, (level, nodes) in enumerate(levels_of(plan).items()):
        x += margins[i]
        openings = [_opening(n_passing.get((i, k), 0)) for k in range(1, len(nodes))]
        columns.append(
            Column(level, _stack(plan, nodes, openings, x, width), margins[i])
        )
        x += width + (channels[i] if i < len(channels) else 0.0)
    return tuple(columns)


def _box_width(plan: NetworkPlan) -> float:
    digits = len(f"{plan.n_nodes - 1}") + len(f"{max(plan.widths):,}")
    return max(46.0, 24.0 + _DIGIT * digits)


def _opening(n_passing: int) -> float:
    return min(max(_LEAST_OPENING, 10.0 + _LANE * n_passing), _MOST_OPENING)


def _stack(
    plan: NetworkPlan,
    nodes: Sequence[int],
    openings: Sequence[float],
    x: float,
    width: float,
) -> tuple[Box, ...]:
    heights = [box_height(plan.widths[node]) for node in nodes]
    y = -(sum(heights) + sum(openings)) / 2
    boxes = []
    for node, height, opening in zip(nodes, heights, [*openings, 0.0], strict=True):
        boxes.append(Box(node, x, y, width, height))
        y += height + opening
    assert all(a.bottom < b.y for a, b in pairwise(boxes))
    return tuple(boxes)
