"""The curves that wires are drawn with."""

from __future__ import annotations

from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Curve: TypeAlias = tuple[Point, Point, Point, Point]
"""A cubic Bézier curve: where it starts, two control points, where it ends."""

_TURN = 34.0


def straight(start: Point, end: Point) -> Curve:
    return start, start, end, end


def ease(start: Point, end: Point) -> Curve:
    """Leave and arrive level, and change height in between."""
    middle = (start[0] + end[0]) / 2
    return start, (middle, start[1]), (middle, end[1]), end


def arc(start: Point, end: Point, reach: float) -> Curve:
    """Out to the left by `reach` pixels and back again."""
    out = start[0] - reach * 4 / 3  # a cubic gets three quarters as far as its controls
    return start, (out, start[1]), (out, end[1]), end


def detour(start: Point, end: Point, lane: float) -> tuple[Curve, Curve, Curve]:
    """Turn around, go left at the height `lane`, and turn around again."""
    (x, y), (end_x, end_y) = start, end
    return (
        (start, (x + _TURN, y), (x + _TURN, lane), (x, lane)),
        straight((x, lane), (end_x, lane)),
        ((end_x, lane), (end_x - _TURN, lane), (end_x - _TURN, end_y), end),
    )


def point_on(curve: Curve, t: float) -> Point:
    """The point of a curve at its parameter `t`, from 0 to 1."""
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    return (
        sum(w * x for w, (x, _) in zip(weights, curve, strict=True)),
        sum(w * y for w, (_, y) in zip(weights, curve, strict=True)),
    )
