"""The picture of a network as a standalone SVG file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from xml.etree.ElementTree import Element, tostring

from cerebros.plan import NetworkPlan, describe_plan, summarize_plan
from cerebros.report._drawing import draw
from cerebros.report._elements import clean


def network_to_svg(
    plan: NetworkPlan, *, title: str = "", notes: Mapping[str, str] | None = None
) -> str:
    """Draw a network as a standalone SVG file.

    Levels are columns, from the inputs on the left to the outputs on the right. The
    taller a node, the more features it puts out; the thicker a connection, the more
    copies it has. Pointing at a node or a connection tells what it does. Equal
    arguments give equal text. The file loads nothing from elsewhere.

    Args:
        plan: the network.
        title: a heading above the picture.
        notes: further lines below the heading, as names and values.

    Returns:
        The text of the file.

    Example:
        >>> from cerebros.plan import Dense, Draft
        >>> net = Draft()
        >>> plan = net.plan(net.unit(net.input(4), Dense(1)))
        >>> network_to_svg(plan, title="The smallest").startswith("<svg")
        True
    """
    noted = [f"{name}: {value}" for name, value in (notes or {}).items()]
    summary = summarize_plan(plan)
    svg = draw(plan, [*([title] if title else []), summary, *noted])
    described = (
        _element("title", title or summary),
        _element("desc", describe_plan(plan)),
        _element("style", picture_style()),
    )
    for i, element in enumerate(described):
        svg.insert(i, element)
    svg.set("role", "img")
    return tostring(svg, encoding="unicode") + "\n"


def picture_style() -> str:
    """The style sheet of the picture; the page needs it too."""
    return files("cerebros.report").joinpath("picture.css").read_text("utf-8")


def _element(tag: str, content: str) -> Element:
    element = Element(tag)
    element.text = clean(content)
    return element
