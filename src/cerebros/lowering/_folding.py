"""Copies folded into one: a smaller plan that predicts the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cerebros.lowering._reference import EPSILON
from cerebros.lowering._weights import NamedStep, Weights, check_weights, named_steps
from cerebros.plan import Dense, NetworkPlan, Normalize, Unit


def fold_copies(
    plan: NetworkPlan, weights: Mapping[str, npt.ArrayLike]
) -> tuple[NetworkPlan, Weights]:
    """Read every source once, without changing what is predicted.

    What the first dense step of a unit computes from a copy is linear in the source,
    so the copies' kernels can be summed. A unit is left as it is if it has no dense
    step, or if it adds what it reads. Folding is for prediction: the smaller network
    would train differently.

    Args:
        plan: the network, with copies.
        weights: its arrays, see `weight_shapes`.

    Returns:
        A plan whose concatenating units have copies of 1, and its weights.

    Raises:
        LoweringError: if the weights do not belong to the plan.
    """
    check_weights(plan, weights)
    doubles = {key: np.asarray(w, np.float64) for key, w in weights.items()}
    units = list(plan.units)
    for node, unit in plan.nodes():
        if _is_foldable(unit):
            units[node - plan.n_inputs] = _without_copies(unit)
            doubles |= _folded_arrays(plan, node, doubles)
    folded = replace(plan, units=tuple(units))
    return folded, {key: w.astype(np.float32) for key, w in doubles.items()}


def _is_foldable(unit: Unit) -> bool:
    return (
        unit.merge == "concatenate"
        and any(c.copies > 1 for c in unit.connections)
        and any(isinstance(step, Dense) for step in unit.steps)
    )


def _without_copies(unit: Unit) -> Unit:
    return replace(
        unit, connections=tuple(replace(c, copies=1) for c in unit.connections)
    )


@dataclass(slots=True)
class _Affine:
    """What the steps before the dense one do to a feature: `factor * x + offset`."""

    factor: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]

    def then_normalize(
        self, named: NamedStep, weights: Mapping[str, npt.NDArray[np.float64]]
    ) -> _Affine:
        mean = weights[f"{named.name}/mean"]
        factor = 1 / np.sqrt(weights[f"{named.name}/variance"] + EPSILON)
        offset = -mean * factor
        if isinstance(named.step, Normalize) and named.step.scale_shift:
            scale = weights[f"{named.name}/scale"]
            factor, offset = factor * scale, offset * scale
            offset = offset + weights[f"{named.name}/shift"]
        return _Affine(self.factor * factor, self.offset * factor + offset)


def _folded_arrays(
    plan: NetworkPlan, node: int, weights: Mapping[str, npt.NDArray[np.float64]]
) -> dict[str, npt.NDArray[np.float64]]:
    """New arrays of the unit's steps up to its first dense one."""
    steps = named_steps(plan, node)
    n_before = next(i for i, s in enumerate(steps) if isinstance(s.step, Dense))
    dense, normalizations = steps[n_before], steps[:n_before]
    owner = _owners(plan, node)  # (merged feature,) → feature after folding
    first = np.unique(owner, return_index=True)[1]  # one merged feature for each

    identity = _Affine(np.ones(dense.width), np.zeros(dense.width))
    drawn, kept = identity, _Affine(identity.factor[first], identity.offset[first])
    arrays: dict[str, npt.NDArray[np.float64]] = {}
    for named in normalizations:
        if not isinstance(named.step, Normalize):
            continue
        drawn = drawn.then_normalize(named, weights)
        own = {
            f"{named.name}/{key}": weights[f"{named.name}/{key}"][first]
            for key in ("mean", "variance")
        }
        if named.step.scale_shift:
            own[f"{named.name}/scale"] = np.ones(len(first))
            own[f"{named.name}/shift"] = np.zeros(len(first))
        kept = kept.then_normalize(named, own)
        arrays |= own

    kernel = weights[f"{dense.name}/kernel"]
    ratio = drawn.factor / kept.factor[owner]
    rest = drawn.offset - ratio * kept.offset[owner]
    summed = np.zeros((len(first), kernel.shape[1]))
    np.add.at(summed, owner, ratio[:, None] * kernel)
    arrays[f"{dense.name}/kernel"] = summed
    arrays[f"{dense.name}/bias"] = weights[f"{dense.name}/bias"] + rest @ kernel
    return arrays


def _owners(plan: NetworkPlan, node: int) -> npt.NDArray[np.intp]:
    """For each merged feature, the feature of the folded merge that it becomes."""
    owners, start = [], 0
    for c in plan.unit(node).connections:
        width = plan.widths[c.source]
        owners += [np.arange(start, start + width)] * c.copies
        start += width
    return np.concatenate(owners)
