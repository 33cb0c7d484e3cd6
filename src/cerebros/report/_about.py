"""The panel of the page: one article about the network, and one about each node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from cerebros.plan import NetworkPlan, describe_connection
from cerebros.report._words import (
    anchor_of,
    count,
    describe_reader,
    name_of,
    readers_of,
    steps_of,
)

_HINT = (
    "Point at a node to see what it reads and who reads it; click to keep it, and "
    "press Escape to let go."
)


def about_network(plan: NetworkPlan) -> str:
    """An article of facts about the whole network."""
    connections = [c for unit in plan.units for c in unit.connections]
    lateral = [
        c
        for node, unit in plan.nodes()
        for c in unit.connections
        if plan.level(c.source) == plan.level(node)
    ]
    facts = {
        "inputs": f"{plan.n_inputs:,}",
        "units": f"{len(plan.units):,}",
        "outputs": f"{len(plan.outputs):,}",
        "connections": f"{len(connections):,}",
        "copies in all": f"{sum(c.copies for c in connections):,}",
        "lateral": f"{len(lateral):,}",
        "gated": f"{sum(c.gate is not None for c in connections):,}",
        "parameters": f"{plan.n_parameters:,}",
    }
    body = [_facts(facts), f'<p class="hint">{_HINT}</p>']
    return _article("about-network", "Network", body, is_hidden=False)


def about_node(plan: NetworkPlan, node: int) -> str:
    """An article about one node, hidden until it is selected."""
    name = name_of(plan, node).capitalize()
    readers = [
        (reader, describe_reader(reader, connection))
        for reader, connection in readers_of(plan, node)
    ]
    read_by = _links("readers", "Read by", readers, plan)
    if node < plan.n_inputs:
        body = [_facts({"width": count(plan.widths[node], "feature")}), read_by]
        return _article(f"about-{node}", name, body)
    unit = plan.unit(node)
    reads = [(c.source, describe_connection(c)) for c in unit.connections]
    facts = {
        "level": str(unit.level),
        "width": count(plan.widths[node], "neuron"),
        "merge": "adds" if unit.merge == "add" else "concatenates",
        "after the merge": count(plan.merge_width(node), "feature"),
        "parameters": f"{plan.n_parameters_of(node):,}",
    }
    steps = "".join(f"<li>{escape(step)}</li>" for step in steps_of(plan, node))
    body = [
        _facts(facts),
        f'<h3>Steps</h3><ol class="steps">{steps}</ol>',
        _links("reads", "Reads", reads, plan),
        read_by,
    ]
    return _article(f"about-{node}", name, body, is_output=node in plan.outputs)


def _article(
    name: str,
    heading: str,
    body: Iterable[str],
    *,
    is_output: bool = False,
    is_hidden: bool = True,
) -> str:
    role = '<span class="role">output</span>' if is_output else ""
    hidden = " hidden" if is_hidden else ""
    content = f"<h2>{heading}{role}</h2>{''.join(body)}"
    return f'<article id="{name}"{hidden}>{content}</article>'


def _facts(facts: dict[str, str]) -> str:
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in facts.items()
    )
    return f'<dl class="facts">{pairs}</dl>'


def _links(
    css_class: str, heading: str, nodes: Sequence[tuple[int, str]], plan: NetworkPlan
) -> str:
    """A list of nodes that can be clicked, with the connection to each in words."""
    items = "".join(
        f'<li><a href="#{anchor_of(plan, node)}" data-node="{node}">'
        f"{escape(words)}</a></li>"
        for node, words in nodes
    )
    n = f'<span class="n">{len(nodes)}</span>'
    return f'<h3 class="{css_class}">{heading} {n}</h3><ul>{items}</ul>'
