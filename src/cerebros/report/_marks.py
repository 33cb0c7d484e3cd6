"""The marks of the picture: a box for each node, a wire for each connection."""

from __future__ import annotations

from math import sqrt
from xml.etree.ElementTree import Element

from cerebros.plan import Connection, NetworkPlan, describe_connection
from cerebros.report._curves import Point
from cerebros.report._elements import add, number, path_of
from cerebros.report._grid import Box
from cerebros.report._links import Kind
from cerebros.report._wires import Wire
from cerebros.report._words import anchor_of, node_in_words

_THIN = 1.3
_THICK = 9.0
_DIAMOND = 4.6


def stroke_width(copies: int) -> float:
    """Thickness whose square is proportional to the copies, up to about fifty."""
    return min(_THIN * sqrt(copies), _THICK)


def add_wire(parent: Element, wire: Wire, badge: Point | None) -> None:
    """Draw a connection, with its gate if it has one."""
    link = wire.link
    gated = " gated" if badge else ""
    group = add(
        parent,
        "g",
        class_=f"connection {link.kind.value}{gated}",
        data_source=link.source,
        data_target=link.target,
        data_copies=link.connection.copies,
    )
    words = describe_connection(link.connection)
    add(group, "title", f"unit {link.target} reads {words}")
    add_line(group, path_of(wire.curves), link.connection.copies)
    if link.kind in (Kind.LATERAL, Kind.BACKWARD):
        add_tip(group, wire.curves[-1][-1])
    if badge:
        add_gate(group, badge, link.connection)


def add_line(parent: Element, path: str, copies: int = 1) -> None:
    add(parent, "path", class_="line", d=path, stroke_width=stroke_width(copies))


def add_tip(parent: Element, end: Point) -> None:
    """An arrowhead that points to the right."""
    x, y = end
    triangle = f"M{number(x - 6.5)} {number(y - 3.2)}v6.4L{number(x)} {number(y)}z"
    add(parent, "path", class_="tip", d=triangle)


def add_gate(parent: Element, at: Point, connection: Connection | None = None) -> None:
    """A diamond; its name shows when the connection is looked at."""
    x, y = at
    r = _DIAMOND
    diamond = f"M{number(x - r)} {number(y)}l{r}-{r}l{r} {r}l-{r} {r}z"
    add(parent, "path", class_="gate", d=diamond)
    if connection:
        add(parent, "text", connection.gate, class_="gate-name", x=x - 9, y=y + 3.5)


def add_node(parent: Element, plan: NetworkPlan, box: Box) -> None:
    """Draw a node: its number, its width, and how it merges."""
    node = box.node
    group = add(
        parent,
        "g",
        class_=f"node {' '.join(_roles(plan, node))}",
        id=anchor_of(plan, node),
        data_node=node,
    )
    add(group, "title", node_in_words(plan, node))
    add_box(group, box, str(node), f"{plan.widths[node]:,}")
    if node >= plan.n_inputs and plan.unit(node).merge == "add":
        add_plus(group, (box.x, box.y))


def _roles(plan: NetworkPlan, node: int) -> list[str]:
    if node < plan.n_inputs:
        return ["input"]
    unit = plan.unit(node)
    output = ["output"] if node in plan.outputs else []
    return ["unit", *output, unit.merge, *([] if unit.steps else ["passes-on"])]


def add_box(parent: Element, box: Box, name: str, width: str) -> None:
    """A rounded box with a name on its left and a number of features on its right."""
    add(
        parent,
        "rect",
        class_="box",
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        rx=6,
    )
    y = box.middle + 4.3
    add(parent, "text", name, class_="name", x=box.x + 9.0, y=y)
    add(parent, "text", width, class_="width", x=box.right - 8.0, y=y)


def add_plus(parent: Element, at: Point) -> None:
    """The mark of a unit that adds what it reads."""
    x, y = at
    add(parent, "circle", class_="plus", cx=x, cy=y, r=6.5)
    cross = f"M{number(x - 3.5)} {number(y)}h7M{number(x)} {number(y - 3.5)}v7"
    add(parent, "path", class_="plus-sign", d=cross)
