"""A plan as JSON, with a format version, and the content id made from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from cerebros.errors import PlanError
from cerebros.plan._network import (
    Connection,
    Dense,
    Dropout,
    NetworkPlan,
    Normalize,
    Step,
    Unit,
)

FORMAT = "cerebros.plan"
VERSION = 1

_STEPS: dict[str, Callable[..., Step]] = {
    "normalize": Normalize,
    "dropout": Dropout,
    "dense": Dense,
}


def plan_to_json(plan: NetworkPlan, *, indent: int | None = None) -> str:
    """Write a plan as JSON; equal plans give equal text.

    Args:
        plan: the network.
        indent: spaces by which nested parts are indented; None for one line.
    """
    data = {
        "format": FORMAT,
        "version": VERSION,
        "inputs": list(plan.input_widths),
        "units": [_unit_to_data(unit) for unit in plan.units],
        "outputs": list(plan.outputs),
    }
    separators = (",", ":") if indent is None else None
    return json.dumps(data, indent=indent, separators=separators)


def plan_from_json(text: str | bytes) -> NetworkPlan:
    """Read a plan that `plan_to_json` wrote.

    Raises:
        PlanError: if the text is not JSON, not a plan, of a newer format version, or
            describes something that is not a network.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(
            f"This is not a plan file: it is no valid JSON ({error})"
        ) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PlanError(f'This is not a plan file: it lacks "format": "{FORMAT}"')
    version = data.get("version")
    if type(version) is not int or version < 1:
        raise PlanError(
            f"This plan has format version {version!r}, but a version is an int ≥ 1; "
            "the file is damaged"
        )
    if version > VERSION:
        raise PlanError(
            f"This plan has format version {version}, but this release reads version "
            f"{VERSION}; upgrade cerebros to read it"
        )
    _only_keys(data, {"format", "version", "inputs", "units", "outputs"}, "the plan")
    inputs = _list(data, "inputs", "the plan")
    return NetworkPlan(
        input_widths=tuple(inputs),
        units=tuple(
            _unit_from_data(unit, f"unit {node}")
            for node, unit in enumerate(_list(data, "units", "the plan"), len(inputs))
        ),
        outputs=tuple(_list(data, "outputs", "the plan")),
    )


def plan_id(plan: NetworkPlan) -> str:
    """Sixteen hexadecimal digits that name the content of a plan.

    Equal plans have equal ids, on every machine and in every release that writes
    this format version.
    """
    return hashlib.sha256(plan_to_json(plan).encode()).hexdigest()[:16]


def _unit_to_data(unit: Unit) -> dict[str, Any]:
    return {
        "level": unit.level,
        "connections": [_connection_to_data(c) for c in unit.connections],
        "merge": unit.merge,
        "steps": [_step_to_data(step) for step in unit.steps],
    }


def _connection_to_data(connection: Connection) -> dict[str, Any]:
    data: dict[str, Any] = {"source": connection.source}
    if connection.copies != 1:
        data["copies"] = connection.copies
    if connection.gate is not None:
        data["gate"] = connection.gate
    return data


def _step_to_data(step: Step) -> dict[str, Any]:
    if isinstance(step, Dense):
        return {"dense": {"width": step.width, "activation": step.activation}}
    if isinstance(step, Dropout):
        return {"dropout": {"rate": float(step.rate) + 0.0}}  # no -0.0: it equals 0.0
    return {"normalize": {"scale_shift": step.scale_shift}}


def _unit_from_data(data: Any, where: str) -> Unit:
    _only_keys(data, {"level", "connections", "merge", "steps"}, where)
    connections = _list(data, "connections", where)
    return Unit(
        level=data.get("level"),
        connections=tuple(_connection_from_data(c, where) for c in connections),
        steps=tuple(
            _step_from_data(step, where) for step in _list(data, "steps", where)
        ),
        merge=data.get("merge", "concatenate"),
    )


def _connection_from_data(data: Any, where: str) -> Connection:
    _only_keys(data, {"source", "copies", "gate"}, f"a connection of {where}")
    if "source" not in data:
        raise PlanError(f'a connection of {where} lacks "source"; the file is damaged')
    return Connection(data["source"], data.get("copies", 1), data.get("gate"))


def _step_from_data(data: Any, where: str) -> Step:
    if not isinstance(data, dict) or len(data) != 1 or next(iter(data)) not in _STEPS:
        raise PlanError(
            f"{where} has a step {data!r}, but a step is one of {sorted(_STEPS)} "
            "with its settings"
        )
    ((kind, settings),) = data.items()
    try:
        return _STEPS[kind](**settings)
    except TypeError as error:
        raise PlanError(f"{where} has a damaged {kind} step: {error}") from None


def _list(data: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = data.get(key)
    if not isinstance(value, list):
        raise PlanError(f'{where} needs a list "{key}", but has {value!r}')
    return value


def _only_keys(data: Any, known: set[str], where: str) -> None:
    if not isinstance(data, dict):
        raise PlanError(
            f"{where} is {data!r}, but must be an object with {sorted(known)}"
        )
    if unknown := sorted(set(data) - known):
        raise PlanError(
            f"{where} has unknown entries {unknown}; known: {sorted(known)}"
        )
