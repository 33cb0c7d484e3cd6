"""What the population engine cannot train, and why."""

from __future__ import annotations

from collections import Counter

from cerebros.errors import LoweringError
from cerebros.lowering.population import (
    Chain,
    coupled_width,
    has_copies,
    rounded_up,
)
from cerebros.plan import NetworkPlan
from cerebros.training._task import TrainingContext
from cerebros.training.population._grouping import (
    GROUPING,
    cached_chain,
    network_bytes,
    size_for,
)
from cerebros.training.population._head import head_of
from cerebros.training.population._optimizers import optimizer_of


def reason_not_lowerable(plan: NetworkPlan, context: TrainingContext) -> str | None:
    """Why the engine cannot train a network, or None if it can.

    Args:
        plan: the network.
        context: loss, metrics, optimizer and stems are looked at.
    """
    if any(stem is not None for stem in context.stems or ()):
        return "a base model stands in front of it"
    if any(x.ndim > 2 and x.size == 0 for x in context.data.inputs):
        return "an input is empty"
    chain = cached_chain(plan)
    try:
        widths = [chain.stages[number].width for number in chain.outputs]
        head_of(context, list(zip(widths, chain.output_activations, strict=True)))
        optimizer = optimizer_of(context.settings)
    except LoweringError as error:
        return str(error)
    if chain.has_dropout and has_copies(chain):
        return "it has dropout that differs between copies of a connection"
    if optimizer.clip_norm is not None and _splits_variables(chain):
        return (
            "gradients are clipped by the norm of each variable, and some of its "
            "variables belong to several stages"
        )
    if size_for(chain) is None:
        return (
            f"the activation of a layer of {coupled_width(chain)} neurons reads all of "
            "them at once, and the layer is wider than any tile of the engine"
        )
    rows = context.settings.batch_rows(len(context.split.train))
    n_bytes = network_bytes(plan, rounded_up(rows, 16))
    if n_bytes > GROUPING["chunk_bytes"]:
        return (
            f"its training takes about {n_bytes / 2**30:.1f} GiB, and the engine takes "
            f"networks of up to {GROUPING['chunk_bytes'] / 2**30:.1f} GiB"
        )
    return None


def _splits_variables(chain: Chain) -> bool:
    """Whether scales of one normalization are read by several stages."""
    owners: Counter[str] = Counter()
    for stage in chain.stages:
        keys = {r.scale.key for r in stage.reads if r.scale is not None}
        owners.update(keys)
    is_shared = any(n > 1 for n in owners.values())
    is_mixed = any(
        len({r.scale.key for r in stage.reads if r.scale is not None}) > 1
        for stage in chain.stages
    )
    return is_shared or is_mixed
