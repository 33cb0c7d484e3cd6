"""A plan in words: one line, or a tree."""

from __future__ import annotations

from cerebros.plan._network import Connection, Dense, Dropout, NetworkPlan, Step, Unit


def summarize_plan(plan: NetworkPlan) -> str:
    """One line: sizes in, levels and units, parameters, sizes out.

    Example:
        >>> from cerebros.plan import Draft
        >>> net = Draft()
        >>> summarize_plan(net.plan(net.unit(net.input(4), Dense(1))))
        '4 → 1 level, 1 unit, 5 parameters → 1'
    """
    inputs = " + ".join(str(width) for width in plan.input_widths)
    outputs = " + ".join(str(width) for width in plan.output_widths)
    levels = _count(plan.n_levels, "level")
    units = _count(len(plan.units), "unit")
    parameters = _count(plan.n_parameters, "parameter")
    return f"{inputs} → {levels}, {units}, {parameters} → {outputs}"


def describe_plan(plan: NetworkPlan) -> str:
    """Several lines: every level, every unit, what it reads and what it does."""
    lines = [summarize_plan(plan), "level 0"]
    lines += [
        f"  input {node}: {_count(width, 'feature')}"
        for node, width in enumerate(plan.input_widths)
    ]
    level = 0
    for node, unit in sorted(plan.nodes(), key=lambda item: item[1].level):
        if unit.level != level:
            level = unit.level
            lines.append(f"level {level}")
        lines += _describe_unit(plan, node, unit)
    return "\n".join(lines)


def _describe_unit(plan: NetworkPlan, node: int, unit: Unit) -> list[str]:
    steps = " → ".join(describe_step(step) for step in unit.steps) or "passes on"
    role = ", output" if node in plan.outputs else ""
    reads = ", ".join(describe_connection(c) for c in unit.connections)
    how = "adds" if unit.merge == "add" else "reads"
    return [
        f"  unit {node}: {steps}{role}",
        f"    {how} {reads} ({_count(plan.merge_width(node), 'feature')})",
    ]


def describe_connection(connection: Connection) -> str:
    """A connection in a few characters, such as `3 ×2 through sigmoid`."""
    copies = f" ×{connection.copies}" if connection.copies > 1 else ""
    gate = f" through {connection.gate}" if connection.gate else ""
    return f"{connection.source}{copies}{gate}"


def describe_step(step: Step) -> str:
    """A step in a few words, such as `dense 8 elu`."""
    if isinstance(step, Dense):
        return f"dense {step.width} {step.activation}"
    if isinstance(step, Dropout):
        return f"dropout {step.rate:g}"
    return "normalize" if step.scale_shift else "normalize (no scale and shift)"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
