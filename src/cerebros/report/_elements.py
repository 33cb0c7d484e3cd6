"""Small means to write SVG: elements, numbers, paths, and text that is safe in XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from cerebros.report._curves import Curve

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def clean(text: object) -> str:
    """The text, with a � for every character that no XML or UTF-8 file may hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", str(text))


def number(value: float) -> str:
    """A coordinate with at most one decimal, so that files stay small."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def add(
    parent: Element, tag: str, content: str | None = None, **attributes: object
) -> Element:
    """Append an element; `class_` and `data_node` become `class` and `data-node`."""
    named = {
        name.rstrip("_").replace("_", "-"): (
            number(value) if isinstance(value, float) else clean(value)
        )
        for name, value in attributes.items()
    }
    child = SubElement(parent, tag, named)
    child.text = None if content is None else clean(content)
    return child


def path_of(curves: Sequence[Curve]) -> str:
    """The `d` attribute of a path along curves that follow each other."""
    (x, y) = curves[0][0]
    parts = [f"M{number(x)} {number(y)}"]
    for start, first, second, end in curves:
        if (start, end) == (first, second):
            parts.append(f"L{number(end[0])} {number(end[1])}")
        else:
            points = (first, second, end)
            parts.append("C" + " ".join(f"{number(x)} {number(y)}" for x, y in points))
    return "".join(parts)
