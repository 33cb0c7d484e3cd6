"""Whether a training would fit into memory."""

from __future__ import annotations

import math

from cerebros.plan import NetworkPlan
from cerebros.training._task import TrainingContext

_BYTES = 4


def memory_shortage(plan: NetworkPlan, context: TrainingContext) -> str | None:
    """Say that a training would need more memory than is available, or None.

    The estimate is deliberately low: weights, gradients and two moments of the
    optimizer, and each unit's merged features once for a batch. It catches the
    network that the system would kill the process for, not the close call.
    """
    available = available_memory()
    if available is None:
        return None
    batch_rows = context.settings.batch_rows(len(context.split.train))
    merged = sum(plan.merge_width(node) for node, _ in plan.nodes())
    needed = _BYTES * (4 * plan.n_parameters + merged * batch_rows)
    if needed <= available:
        return None
    return (
        f"the network has {plan.n_parameters:,} parameters and merges {merged:,} "
        f"features for {batch_rows} rows at a time, which needs at least "
        f"{_gibibytes(needed)} GiB, but {_gibibytes(available)} GiB are available; "
        "make units or the batch smaller"
    )


def available_memory() -> int | None:
    """Bytes that a process may still take, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


def _gibibytes(n_bytes: int) -> str:
    return f"{math.ceil(n_bytes / 2**30 * 10) / 10:,}"
