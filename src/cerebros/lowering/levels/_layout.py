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
        LoweringError: if a plan is not levels of matrices, see `ranks_of`.
    """
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


def ranks_of(plan: NetworkPlan) -> list[list[int]]:
    """Hidden units in ranks: each reads inputs and earlier ranks only.

    Raises:
        LoweringError: if the plan is not levels of matrices: one output, one or two
            inputs, units that merge side by side and take one dense step, then
            perhaps one dropout, no copies or gates, and encoded features (the second
            input) read by the first rank and the output only.
    """
    if problems := _problems(plan):
        listed = "\n- ".join(problems)
        raise LoweringError(f"This plan is not levels of matrices:\n- {listed}")
    depth: dict[int, int] = dict.fromkeys(range(plan.n_inputs), 0)
    ranks: list[list[int]] = []
    for node, unit in plan.nodes():
        depth[node] = 1 + max(depth[wire.source] for wire in unit.connections)
        if node == plan.outputs[0]:
            continue
        if depth[node] > len(ranks):
            ranks.append([])
        ranks[depth[node] - 1].append(node)
    encoded = [
        node
        for node, unit in plan.nodes()
        if node != plan.outputs[0]
        and depth[node] > 1
        and any(wire.source == 1 for wire in unit.connections)
    ]
    if plan.n_inputs == 2 and encoded:
        raise LoweringError(
            f"This plan is not levels of matrices: unit {encoded[0]} reads the second "
            "input below the first rank"
        )
    return ranks


def _problems(plan: NetworkPlan) -> list[str]:
    problems = []
    if len(plan.outputs) != 1 or plan.outputs[0] != plan.n_inputs + len(plan.units) - 1:
        problems.append("its last unit must be its only output")
    if plan.n_inputs > 2:
        problems.append(f"it has {plan.n_inputs} inputs, at most two are possible")
    for node, unit in plan.nodes():
        kinds = tuple(type(step) for step in unit.steps)
        if kinds not in ((Dense,), (Dense, Dropout)):
            problems.append(f"the steps of unit {node} must be dense, then dropout")
        if any(wire.copies > 1 or wire.gate is not None for wire in unit.connections):
            problems.append(f"unit {node} reads through copies or gates")
        if unit.merge != "concatenate" and len(unit.connections) > 1:
            problems.append(f"unit {node} adds what it reads")
    return problems
