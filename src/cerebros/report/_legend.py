"""The legend: only what occurs in the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cerebros.plan import NetworkPlan
from cerebros.report._curves import arc
from cerebros.report._elements import add, path_of
from cerebros.report._grid import Box, box_height
from cerebros.report._layout import Layout
from cerebros.report._links import Kind
from cerebros.report._marks import add_box, add_gate, add_line, add_plus, add_tip

_ROW = 40.0
_LETTER = 6.1
_BETWEEN = 26.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A sample, drawn right of and around the height of a point, and its meaning."""

    css_class: str
    width: float
    draw: Callable[[Element, float, float], None]
    words: str

    @property
    def total_width(self) -> float:
        return self.width + 8.0 + _LETTER * len(self.words) + _BETWEEN


def add_legend(
    parent: Element, plan: NetworkPlan, layout: Layout, x: float, y: float, width: float
) -> float:
    """Draw the legend from a left top corner on, in rows of a given width.

    Returns:
        The height that it takes.
    """
    group = add(parent, "g", class_="legend")
    at, row = x, y + _ROW / 2
    for entry in _entries(plan, layout):
        if at > x and at + entry.total_width - _BETWEEN > x + width:
            at, row = x, row + _ROW
        sample = add(group, "g", class_=entry.css_class)
        entry.draw(sample, at, row)
        words_x = at + entry.width + 8.0
        add(group, "text", entry.words, class_="words", x=words_x, y=row + 4.0)
        at += entry.total_width
    return row + _ROW / 2 - y


def _entries(plan: NetworkPlan, layout: Layout) -> list[_Entry]:
    kinds = {wire.link.kind for wire in layout.wires}
    connections = [wire.link.connection for wire in layout.wires]
    most = max(connection.copies for connection in connections)
    merges = {unit.merge for unit in plan.units}
    optional = [
        (True, _Entry("unit", 92.0, _units, "number, neurons (taller: more)")),
        (True, _Entry("output", 42.0, _output, "output")),
        ("add" in merges, _Entry("", 14.0, _plus, "adds; others concatenate")),
        (
            not all(unit.steps for unit in plan.units),
            _Entry("passes-on", 42.0, _idle, "no steps: passes on"),
        ),
        (
            most > 1,
            _Entry(
                "forward",
                62.0 if most > 2 else 40.0,
                _thicknesses(most),
                f"1 to {most} copies",
            ),
        ),
        (Kind.SKIP in kinds, _Entry("skip", 34.0, _line, "skips levels")),
        (Kind.LATERAL in kinds, _Entry("lateral", 26.0, _lateral, "same level")),
        (Kind.BACKWARD in kinds, _Entry("backward", 34.0, _back, "from further right")),
        (
            any(connection.gate for connection in connections),
            _Entry("gated", 12.0, _gate, "gate"),
        ),
    ]
    return [entry for occurs, entry in optional if occurs]


def _units(parent: Element, x: float, y: float) -> None:
    for k, width in enumerate((4, 64)):
        height = min(box_height(width), _ROW - 4)
        box = Box(0, x + 50.0 * k, y - height / 2, 42.0, height)
        add_box(parent, box, "7", str(width))


def _output(parent: Element, x: float, y: float) -> None:
    add_box(parent, Box(0, x, y - 11.0, 42.0, 22.0), "9", "1")


def _idle(parent: Element, x: float, y: float) -> None:
    add_box(parent, Box(0, x, y - 11.0, 42.0, 22.0), "8", "4")


def _plus(parent: Element, x: float, y: float) -> None:
    add_plus(parent, (x + 7.0, y))


def _thicknesses(most: int) -> Callable[[Element, float, float], None]:
    def draw(parent: Element, x: float, y: float) -> None:
        for k, copies in enumerate(sorted({1, (1 + most) // 2, most})):
            add_line(parent, f"M{x + 22 * k:g} {y:g}h18", copies)

    return draw


def _line(parent: Element, x: float, y: float) -> None:
    add_line(parent, f"M{x:g} {y:g}h32")


def _back(parent: Element, x: float, y: float) -> None:
    _line(parent, x, y)
    add_tip(parent, (x + 34.0, y))


def _lateral(parent: Element, x: float, y: float) -> None:
    start, end = (x + 20.0, y - 9.0), (x + 20.0, y + 9.0)
    add_line(parent, path_of([arc(start, end, 16.0)]))
    add_tip(parent, end)


def _gate(parent: Element, x: float, y: float) -> None:
    add_gate(parent, (x + 6.0, y))
