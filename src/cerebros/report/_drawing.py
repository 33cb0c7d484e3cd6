"""The picture of a network as a tree of SVG elements."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from cerebros.plan import NetworkPlan
from cerebros.report._elements import add, number
from cerebros.report._grid import Column
from cerebros.report._layout import Layout, lay_out
from cerebros.report._legend import add_legend
from cerebros.report._links import Kind
from cerebros.report._marks import add_node, add_wire
from cerebros.report._words import count

_PAD = 26.0
_BAND = 10.0
_LEAST_WIDTH = 660.0
_LINE = 20.0
_LETTER = 7.5
_HEADER = 46.0
_BACK_TO_FRONT = (Kind.SKIP, Kind.FORWARD, Kind.BACKWARD, Kind.LATERAL)


def draw(plan: NetworkPlan, heading: Sequence[str] = ()) -> Element:
    """Draw a network with its legend; the heading's lines stand above it."""
    layout = lay_out(plan)
    natural = layout.right - layout.left + 2 * (_PAD + _BAND)
    width = max(natural, _LEAST_WIDTH)
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "class": "network"})
    paper = add(svg, "rect", class_="paper")
    top = _add_heading(svg, heading, width)
    x, y = (
        (width - natural) / 2 + _PAD + _BAND - layout.left,
        top + _HEADER - layout.top,
    )
    network = add(svg, "g", transform=f"translate({number(x)} {number(y)})")
    _add_levels(network, plan, layout)
    _add_connections(network, layout)
    nodes = add(network, "g", class_="nodes")
    for box in layout.boxes:
        add_node(nodes, plan, box)
    bottom = y + layout.bottom + _PAD
    legend = add_legend(svg, plan, layout, _PAD, bottom, width - 2 * _PAD)
    height = bottom + legend + _PAD / 2
    svg.set("viewBox", f"0 0 {number(width)} {number(height)}")
    for element in (svg, paper):
        element.set("width", number(width))
        element.set("height", number(height))
    return svg


def _add_heading(svg: Element, heading: Sequence[str], width: float) -> float:
    """Write the heading's lines, the first one larger; gives the height they take."""
    group = add(svg, "g", class_="heading")
    y = _PAD / 2
    for i, text in enumerate(heading):
        for line in textwrap.wrap(text, int((width - 2 * _PAD) / _LETTER)):
            y += _LINE
            css_class = "words" if i else "title"
            add(group, "text", line, class_=css_class, x=_PAD, y=y)
    return y + _PAD / 2 if heading else 0.0


def _add_levels(parent: Element, plan: NetworkPlan, layout: Layout) -> None:
    """A pale band and a header for each level."""
    group = add(parent, "g", class_="levels")
    for column in layout.columns:
        add(
            group,
            "rect",
            class_="band",
            x=column.x - _BAND,
            y=layout.top - _BAND,
            width=column.right - column.x + 2 * _BAND,
            height=layout.bottom - layout.top + 2 * _BAND,
            rx=_BAND,
        )
        middle = (column.x + column.right) / 2
        for dy, css_class, text in zip(
            (-34.0, -18.0), ("level", "level-note"), _header(plan, column), strict=True
        ):
            add(group, "text", text, class_=css_class, x=middle, y=layout.top + dy)


def _header(plan: NetworkPlan, column: Column) -> tuple[str, str]:
    nodes = [box.node for box in column.boxes]
    if column.level == 0:
        return "inputs", count(sum(plan.input_widths), "feature")
    if column.level == plan.n_levels and all(node in plan.outputs for node in nodes):
        return "outputs", f"level {column.level}"
    return f"level {column.level}", count(len(nodes), "unit")


def _add_connections(parent: Element, layout: Layout) -> None:
    """All wires, the quiet ones behind; the more there are, the paler they are."""
    opacity = min(max(9.0 / len(layout.wires) ** 0.5, 0.28), 0.85)
    group = add(parent, "g", class_="connections", stroke_opacity=f"{opacity:.2f}")
    pairs = list(zip(layout.wires, layout.badges, strict=True))
    for kind in _BACK_TO_FRONT:
        for wire, badge in pairs:
            if wire.link.kind is kind:
                add_wire(group, wire, badge)
