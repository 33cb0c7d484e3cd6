"""The arithmetic that a training cannot do without."""

from __future__ import annotations

from cerebros.plan import Dense, NetworkPlan, Unit
from cerebros.training import TrainingContext


def useful_flop(plan: NetworkPlan, context: TrainingContext) -> int:
    """Floating-point operations of all products with connected weights.

    A training row takes each weight three times: forward, for the weight's own
    gradient, and, unless it reads an input, for the gradient of its source. A
    validation row takes it once. A connection counts once whatever its copies;
    normalizations, activations and the optimizer are left out. A multiply-add is 2.
    """
    rows, settings = len(context.split.train), context.settings
    batch_rows = settings.batch_rows(rows)
    n_trained = rows // batch_rows * batch_rows * settings.epochs
    n_validated = len(context.split.validation) * settings.epochs
    all_weights, of_hidden = n_weights(plan)
    return 2 * (n_trained * (2 * all_weights + of_hidden) + n_validated * all_weights)


def n_weights(plan: NetworkPlan) -> tuple[int, int]:
    """Entries of all kernels, copies left out, and of those that read hidden units."""
    n_all = n_of_hidden = 0
    for _, unit in plan.nodes():
        width, hidden_width = _read(unit, plan)
        for step in unit.steps:
            if isinstance(step, Dense):
                n_all += width * step.width
                n_of_hidden += hidden_width * step.width
                width = hidden_width = step.width
    return n_all, n_of_hidden


def _read(unit: Unit, plan: NetworkPlan) -> tuple[int, int]:
    """Distinct features that a unit reads, and those of them that are not inputs."""
    widths = [plan.widths[c.source] for c in unit.connections]
    is_hidden = [c.source >= plan.n_inputs for c in unit.connections]
    if unit.merge == "add":
        return widths[0], widths[0] * any(is_hidden)
    hidden = [w for w, yes in zip(widths, is_hidden, strict=True) if yes]
    return sum(widths), sum(hidden)
