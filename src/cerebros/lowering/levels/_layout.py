"""Which networks are levels of matrices, and the sizes of a program for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cerebros.errors import LoweringError
from cerebros.plan import Dense, Dropout, NetworkPlan


@dataclass(frozen=True, slots=True)
class LevelLayout:
    """Static sizes that networks of one program share.

    A network reads the *plain* features of its first input, and perhaps those of a
    second one, the *encoded* features, which stand behind them in one array. Each
    rank of hidden units is a matrix of `width` rows; slots that a network does not
    use are holes.

    Attributes:
        n_plain: features that every rank may read.
        n_features: plain and encoded features; the first rank and the outputs may
            read all of them.
        n_ranks: ranks of hidden units.
        width: slots of a rank.
        n_outputs: numbers that a network answers.
    """

    n_plain: int
    n_features: int
    n_ranks: int
    width: int
    n_outputs: int


def common_level_layout(
    plans: Sequence[NetworkPlan], *, n_plain: int, n_features: int
) -> LevelLayout:
    """The smallest layout that all plans fit, for inputs padded to given widths.

    Raises:
        LoweringError: if a plan is not levels of matrices, see `ranks_of`; if it reads
            more features than there are; or if plans differ in their outputs.
    """
    n_outputs = {plan.output_widths for plan in plans}
    if len(n_outputs) > 1:
        raise LoweringError(f"plans of one program differ in outputs: {n_outputs}")
    for plan in plans:
        _check_inputs(plan, (n_plain, n_features - n_plain))
    ranks = [ranks_of(plan) for plan in plans]
    widths = [
        sum(plan.widths[node] for node in rank)
        for plan, of_plan in zip(plans, ranks, strict=True)
        for rank in of_plan
    ]
    return LevelLayout(
        n_plain=n_plain,
        n_features=n_features,
        n_ranks=max(len(of_plan) for of_plan in ranks),
        width=max(widths),
        n_outputs=plans[0].widths[plans[0].outputs[0]],
    )


def _check_inputs(plan: NetworkPlan, most: tuple[int, int]) -> None:
    for number, (width, limit) in enumerate(zip(plan.input_widths, most, strict=False)):
        if width > limit:
            raise LoweringError(
                f"input {number} of a plan has {width} features, but the layout has "
                f"room for {limit}"
            )


def ranks_of(plan: NetworkPlan) -> list[list[int]]:
    """Hidden units in ranks: each reads inputs and earlier ranks only.

    Raises:
        LoweringError: if the plan is not levels of matrices: one output, one or two
            inputs, hidden units of one activation that merge side by side and take
            one dense step, then perhaps one dropout, no copies or gates, and encoded
            features (the second input) read by the first rank and the output only.
            All that breaks these rules is listed.
    """
    if problems := _problems(plan):
        listed = "\n- ".join(problems)
        raise LoweringError(f"This plan is not levels of matrices:\n- {listed}")
    ranks: list[list[int]] = []
    for node, depth in _depths(plan).items():
        if depth == 0 or node == plan.outputs[0]:
            continue
        if depth > len(ranks):
            ranks.append([])
        ranks[depth - 1].append(node)
    return ranks


def _depths(plan: NetworkPlan) -> dict[int, int]:
    """Of each node: units on the longest way to it from an input, itself included."""
    depths: dict[int, int] = dict.fromkeys(range(plan.n_inputs), 0)
    for node, unit in plan.nodes():
        depths[node] = 1 + max(depths[wire.source] for wire in unit.connections)
    return depths


def _problems(plan: NetworkPlan) -> list[str]:
    problems, depths = [], _depths(plan)
    if len(plan.units) < 2:
        problems.append("it has no hidden unit")
    if len(plan.outputs) != 1 or plan.outputs[0] != plan.n_inputs + len(plan.units) - 1:
        problems.append("its last unit must be its only output")
    if plan.n_inputs > 2:
        problems.append(f"it has {plan.n_inputs} inputs, at most two are possible")
    for node, unit in plan.nodes():
        kinds = tuple(type(step) for step in unit.steps)
        if node in plan.outputs:
            if kinds != (Dense,):
                problems.append(f"the steps of output unit {node} must be one dense")
        elif kinds not in ((Dense,), (Dense, Dropout)):
            problems.append(f"the steps of unit {node} must be dense, then dropout")
        if any(wire.copies > 1 or wire.gate is not None for wire in unit.connections):
            problems.append(f"unit {node} reads through copies or gates")
        if unit.merge != "concatenate" and len(unit.connections) > 1:
            problems.append(f"unit {node} adds what it reads")
        if (
            plan.n_inputs == 2
            and node not in plan.outputs
            and depths[node] > 1
            and any(wire.source == 1 for wire in unit.connections)
        ):
            problems.append(f"unit {node} reads the second input below the first rank")
    if len(activations := activations_of(plan)) > 1:
        problems.append(f"its hidden units have several activations: {activations}")
    return problems


def activations_of(plan: NetworkPlan) -> list[str]:
    """What hidden units apply."""
    return sorted(
        {
            step.activation
            for node, unit in plan.nodes()
            for step in unit.steps
            if isinstance(step, Dense) and node not in plan.outputs
        }
    )
