"""The one weight format: names and shapes, derived from a plan.

Every step has a name, `unit_7_dense`, and each of its arrays a key,
`unit_7_dense/kernel`. All lowerings read and write this format.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.plan import Dense, Dropout, NetworkPlan, Normalize, Step

Array: TypeAlias = npt.NDArray[np.float32]
Weights: TypeAlias = dict[str, Array]
"""Arrays by key, as in `unit_7_dense/kernel`; see `weight_shapes`."""


@dataclass(frozen=True, slots=True)
class NamedStep:
    """A step of a unit, with its name and the number of features that enter it."""

    name: str
    step: Step
    width: int


_KINDS = {Dense: "dense", Dropout: "dropout", Normalize: "normalize"}


def named_steps(plan: NetworkPlan, node: int) -> list[NamedStep]:
    """The steps of a unit by name: `unit_7_normalize`, `unit_7_dense`.

    A kind that comes again in the same unit is numbered: `unit_7_dense_2`.
    """
    named, times = [], Counter[str]()
    for step, width in plan.steps(node):
        kind = _KINDS[type(step)]
        times[kind] += 1
        suffix = f"_{times[kind]}" if times[kind] > 1 else ""
        named.append(NamedStep(f"unit_{node}_{kind}{suffix}", step, width))
    return named


def weight_shapes(plan: NetworkPlan) -> dict[str, tuple[int, ...]]:
    """Key and shape of every array that a network of this plan has.

    Shapes:
        dense: `kernel` (features in, neurons), `bias` (neurons,).
        normalize: `scale`, `shift` (features,), if it has them; `mean`, `variance`
            (features,), which are running statistics and not trained.

    Features in stand in the order of the merge, copies included.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for node, _ in plan.nodes():
        for named in named_steps(plan, node):
            shapes |= _step_shapes(named)
    return shapes


def _step_shapes(named: NamedStep) -> dict[str, tuple[int, ...]]:
    name, step, width = named.name, named.step, named.width
    if isinstance(step, Dense):
        return {f"{name}/kernel": (width, step.width), f"{name}/bias": (step.width,)}
    if isinstance(step, Normalize):
        trained = ("scale", "shift") if step.scale_shift else ()
        return {f"{name}/{key}": (width,) for key in (*trained, "mean", "variance")}
    return {}


def initial_weights(plan: NetworkPlan, rng: np.random.Generator) -> Weights:
    """Weights of an untrained network, the same on every machine and backend.

    Kernels are uniform within ±sqrt(6 / (features in + neurons)), copies counted;
    scales and variances are 1, everything else is 0.

    Reference:
        Glorot and Bengio, 2010, "Understanding the difficulty of training deep
        feedforward neural networks".
    """
    return {
        key: _initial(key, shape, rng) for key, shape in weight_shapes(plan).items()
    }


def _initial(key: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    kind = key.rpartition("/")[2]
    if kind == "kernel":
        limit = math.sqrt(6 / sum(shape))
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    return np.full(shape, kind in ("scale", "variance"), np.float32)


def check_weights(plan: NetworkPlan, weights: Mapping[str, npt.ArrayLike]) -> None:
    """Make sure that weights belong to a plan.

    Raises:
        LoweringError: if arrays are missing, unknown, or of another shape; all
            problems are listed.
    """
    expected = weight_shapes(plan)
    problems = [f"{key} is missing" for key in expected if key not in weights]
    problems += [f"{key} is unknown" for key in weights if key not in expected]
    problems += [
        f"{key} has shape {np.shape(weights[key])}, but the plan asks for {shape}"
        for key, shape in expected.items()
        if key in weights and np.shape(weights[key]) != shape
    ]
    if problems:
        listed = "\n- ".join(problems)
        raise LoweringError(f"These weights do not belong to the plan:\n- {listed}")
