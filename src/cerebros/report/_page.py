"""The picture of a network as a page that answers when it is pointed at."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from xml.etree.ElementTree import tostring

from cerebros.plan import NetworkPlan, describe_plan, plan_id, summarize_plan
from cerebros.report._about import about_network, about_node
from cerebros.report._drawing import draw
from cerebros.report._elements import clean
from cerebros.report._svg import picture_style

_SCALES = 0.64, 1.2  # between which the picture follows the width of the window


def network_to_html(
    plan: NetworkPlan, *, title: str = "", notes: Mapping[str, str] | None = None
) -> str:
    """Draw a network as one self-contained page.

    The picture is that of `network_to_svg`. Pointing at a node, or moving to it with
    the Tab key, shows what it reads and who reads it, and describes it beside the
    picture; a click or Enter keeps it. The address `#unit-7` opens the page with unit 7
    selected. Equal arguments give equal text.

    The page works without a network: it loads nothing, and its content security policy
    lets the browser run nothing but the page's own script.

    Args:
        plan: the network.
        title: heading of the page.
        notes: facts to show below the heading, such as a score, by their names.

    Returns:
        The text of an HTML file.

    Example:
        >>> from cerebros.plan import Dense, Draft
        >>> net = Draft()
        >>> plan = net.plan(net.unit(net.input(4), Dense(1)))
        >>> page = network_to_html(plan, title="Trial 3", notes={"score": "0.12"})
        >>> page.startswith("<!DOCTYPE html>")
        True
    """
    svg = draw(plan)
    svg.set("role", "group")
    svg.set("aria-labelledby", "title")
    svg.set("aria-describedby", "summary")
    style = picture_style() + _resource("page.css") + _fit(float(svg.attrib["width"]))
    script = _resource("page.js")
    about = [about_network(plan), *(about_node(plan, n) for n in range(plan.n_nodes))]
    return _resource("page.html").format(
        policy=_policy(style, script),
        title=escape(clean(title)) or "Network",
        style=style,
        summary=escape(summarize_plan(plan)),
        notes=_notes(notes or {}),
        picture=tostring(svg, encoding="unicode"),
        about="\n".join(about),
        words=escape(describe_plan(plan)),
        plan_id=plan_id(plan),
        script=script,
    )


def _fit(width: float) -> str:
    """Let the picture follow its frame; one too wide to be read so is scrolled."""
    least, most = (round(scale * width) for scale in _SCALES)
    return f"figure .network {{ min-width: {least}px; max-width: {most}px; }}\n"


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded, and only this style and this script may be used."""
    return (
        f"default-src 'none'; style-src {_digest(style)}; "
        f"script-src {_digest(script)}; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _notes(notes: Mapping[str, str]) -> str:
    pairs = "".join(
        f"<div><dt>{escape(clean(name))}</dt><dd>{escape(clean(value))}</dd></div>"
        for name, value in notes.items()
    )
    return f'<dl class="notes">{pairs}</dl>' if pairs else ""


def _resource(name: str) -> str:
    return files("cerebros.report").joinpath(name).read_text("utf-8")
