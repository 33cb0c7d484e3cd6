"""The original's structural spec, and the skeleton that it describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cerebros.compat._units import DenseUnit, FinalDenseUnit, InputUnit
from cerebros.plan import NetworkPlan
from cerebros.spaces import Output, Ports, Skeleton

Spec: TypeAlias = dict[str, list[dict[str, type]]]
"""`{"0": [{"1": InputUnit}], "1": [{"4": DenseUnit}], "2": [{"1": FinalDenseUnit}]}`."""


def spec_of(skeleton: Skeleton, unit_type: type = DenseUnit) -> Spec:
    """Write a skeleton as a spec."""
    levels: list[list[dict[str, type]]] = [
        [{"1": InputUnit} for _ in skeleton.ports.input_widths],
        *([{str(n): unit_type} for n in level] for level in skeleton.hidden),
        [{str(output.width): FinalDenseUnit} for output in skeleton.ports.outputs],
    ]
    return {str(i): level for i, level in enumerate(levels)}


def skeleton_of_plan(plan: NetworkPlan) -> Skeleton:
    """The levels and widths of a plan that a spec was wired to."""
    levels: list[list[int]] = [[] for _ in range(plan.n_levels + 1)]
    for node in range(plan.n_inputs, plan.n_nodes):
        levels[plan.level(node)].append(plan.widths[node])
    outputs = tuple(Output(width) for width in plan.output_widths)
    hidden = tuple(tuple(level) for level in levels[1:-1])
    return Skeleton(Ports(plan.input_widths, outputs), hidden)


def skeleton_of(
    spec: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    input_widths: Sequence[int],
    final_activation: str,
) -> Skeleton:
    """Read a spec, written by hand or drawn.

    Args:
        spec: levels by number; each a list of `{"<neurons>": <class of unit>}`.
        input_widths: features of each input.
        final_activation: of the output units.

    Raises:
        ValueError: if levels are missing, an entry is no unit, or the inputs differ;
            the message names the level.
    """
    keys = [str(i) for i in range(len(spec))]
    if set(map(str, spec)) != set(keys) or len(spec) < 2:
        raise ValueError(
            'a spec has levels "0" (inputs), "1", … up to the outputs, but got '
            f"{sorted(map(str, spec))}"
        )
    by_key = {str(key): level for key, level in spec.items()}
    widths = [
        tuple(_neurons(entry, f"level {key!r} of the spec") for entry in by_key[key])
        for key in keys
    ]
    if empty := [key for key, level in zip(keys, widths, strict=True) if not level]:
        raise ValueError(
            f"every level of a spec needs a unit; levels {empty} have none"
        )
    if len(widths[0]) != len(input_widths):
        raise ValueError(
            f"level '0' of the spec has {len(widths[0])} inputs, but input_shapes has "
            f"{len(input_widths)}"
        )
    outputs = tuple(Output(width, final_activation) for width in widths[-1])
    return Skeleton(Ports(tuple(input_widths), outputs), tuple(widths[1:-1]))


def _neurons(entry: Mapping[str, Any], where: str) -> int:
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise ValueError(
            f"{where} holds {entry!r}, but each unit is one {{'<neurons>': <class>}}"
        )
    text = str(next(iter(entry)))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(
            f"{where} has a unit of {text!r} neurons; must be digits, >= 1"
        )
    return int(text)


def spec_text(spec: Spec) -> str:
    """A spec as text, one level a line, classes by name."""
    lines = [
        f"'{key}': [{', '.join(_entry_text(entry) for entry in level)}]"
        for key, level in spec.items()
    ]
    return "{" + ",\n ".join(lines) + "}\n"


def _entry_text(entry: Mapping[str, type]) -> str:
    return ", ".join(f"{{'{n}': {unit.__name__}}}" for n, unit in entry.items())
