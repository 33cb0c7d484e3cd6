"""What a picture and its page say about a node, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cerebros.plan import (
    Connection,
    NetworkPlan,
    describe_connection,
    describe_step,
)


def name_of(plan: NetworkPlan, node: int) -> str:
    return f"input {node}" if node < plan.n_inputs else f"unit {node}"


def anchor_of(plan: NetworkPlan, node: int) -> str:
    """The name of a node in addresses, such as `unit-7`."""
    return name_of(plan, node).replace(" ", "-")


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def steps_of(plan: NetworkPlan, node: int) -> list[str]:
    """The steps of a unit in words; for one without steps, that it passes on."""
    return [describe_step(step) for step in plan.unit(node).steps] or ["passes on"]


def readers_of(plan: NetworkPlan, node: int) -> Iterator[tuple[int, Connection]]:
    """Every connection that reads a node, with the unit that it belongs to."""
    for reader, unit in plan.nodes():
        for connection in unit.connections:
            if connection.source == node:
                yield reader, connection


def describe_reader(reader: int, connection: Connection) -> str:
    """A reader in the words of a connection, such as `7 ×2 through sigmoid`."""
    return describe_connection(replace(connection, source=reader))


def node_in_words(plan: NetworkPlan, node: int) -> str:
    """Several lines: what a node is, what it does, what it reads, who reads it."""
    name = name_of(plan, node)
    readers = ", ".join(describe_reader(*reader) for reader in readers_of(plan, node))
    read_by = f"read by {readers}" if readers else "read by no unit"
    if node < plan.n_inputs:
        return f"{name}: {count(plan.widths[node], 'feature')}\n{read_by}"
    unit = plan.unit(node)
    role = ", output" if node in plan.outputs else ""
    reads = ", ".join(describe_connection(c) for c in unit.connections)
    return "\n".join(
        [
            f"{name}: level {unit.level}, {count(plan.widths[node], 'neuron')}{role}",
            " → ".join(steps_of(plan, node)),
            f"{'adds' if unit.merge == 'add' else 'concatenates'} {reads}",
            read_by,
        ]
    )
