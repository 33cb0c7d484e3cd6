"""All networks of all folds, as few products of large matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators._networks import Networks
from cerebros.estimators.onnx_export._graph import Array, Graph
from cerebros.estimators.onnx_export._table import Features
from cerebros.lowering.levels import (
    LevelLayout,
    common_level_layout,
    pack_weights,
    ranks_of,
)
from cerebros.plan import Dense, NetworkPlan

Floats = npt.NDArray[np.float32]

_MOST_TOGETHER = 5
"""Networks of several trials in one group. What a group computes for some hundred rows
then stays in the cache of a core: all trials of as many ranks in one group took twice
as long, and one row was no faster."""


@dataclass(frozen=True, slots=True)
class Member:
    """One network: which trial of the predictor, by its place, and which fold."""

    trial: int
    fold: int


@dataclass(frozen=True)
class _Group:
    """Networks that one chain of products computes.

    Attributes:
        networks: by their place in the predictor.
        widths: slots of each rank.
        activation: of hidden units.
        is_encoded: whether they read encoded features.
    """

    networks: dict[int, Networks]
    widths: tuple[int, ...]
    activation: str
    is_encoded: bool

    @property
    def n_members(self) -> int:
        return sum(own.n_folds for own in self.networks.values())


def add_members(
    graph: Graph, features: Features, networks: Sequence[Networks]
) -> tuple[str, list[Member]]:
    """Add all networks.

    Returns:
        Name of their answers before the last activation, `(member · output, row)` in
        single precision, and the members in order.

    Raises:
        DataError: if hidden units have different activations, or one that looks at
            several numbers.
        LoweringError: if a plan is not levels of matrices.
    """
    answers, members = [], []
    for group in _groups(networks):
        matrices = _matrices(group, features)
        answers.append(_add_group(graph, features, group, matrices))
        members += [
            Member(trial, fold)
            for trial, own in group.networks.items()
            for fold in range(own.n_folds)
        ]
    return graph.joined(answers), members


def _groups(networks: Sequence[Networks]) -> list[_Group]:
    """A group for each trial; trials of few folds share one with their like."""
    alike: dict[tuple[int, bool, str], list[int]] = {}
    for i, own in enumerate(networks):
        key = (len(ranks_of(own.plan)), own.is_encoded, hidden_activation(own))
        alike.setdefault(key, []).append(i)
    groups = []
    for (_, is_encoded, activation), numbers in alike.items():
        numbers.sort(key=lambda i: _rank_widths(networks[i].plan))
        for chosen in _chunks(numbers, [networks[i].n_folds for i in numbers]):
            widths = [_rank_widths(networks[i].plan) for i in chosen]
            sizes = tuple(map(max, zip(*widths, strict=True)))
            together = {i: networks[i] for i in chosen}
            groups.append(_Group(together, sizes, activation, is_encoded))
    return groups


def _chunks(numbers: list[int], sizes: list[int]) -> list[list[int]]:
    """Neighbours together, up to a total size."""
    chunks: list[list[int]] = []
    total = _MOST_TOGETHER
    for number, size in zip(numbers, sizes, strict=True):
        if total + size > _MOST_TOGETHER:
            chunks.append([])
            total = 0
        chunks[-1].append(number)
        total += size
    return chunks


def hidden_activation(networks: Networks) -> str:
    """The activation of all hidden units.

    Raises:
        DataError: if they differ, or if it looks at several numbers.
    """
    plan = networks.plan
    found = {
        step.activation
        for node, unit in plan.nodes()
        for step in unit.steps
        if isinstance(step, Dense) and node != plan.outputs[0]
    }
    if len(found) != 1 or not found <= set(_ACTIVATE):
        raise DataError(
            f"trial {networks.trial}: in an ONNX file all hidden units have one "
            f"activation, of {', '.join(sorted(_ACTIVATE))}, but got "
            f"{', '.join(sorted(found)) or 'none'}; use save instead of to_onnx"
        )
    return found.pop()


def _rank_widths(plan: NetworkPlan) -> list[int]:
    return [sum(plan.widths[node] for node in rank) for rank in ranks_of(plan)]


def _matrices(group: _Group, features: Features) -> dict[str, Floats]:
    """Matrices of all members, `(member, …)`, see `matrix_shapes`."""
    plans = [own.plan for own in group.networks.values()]
    n_plain, n_encoded = len(features.plain_order), len(features.encoded_order)
    layout = common_level_layout(
        plans, n_plain=n_plain, n_features=n_plain + n_encoded * group.is_encoded
    )
    packed = [
        pack_weights(own.plan, own.of_fold(fold), layout)
        for own in group.networks.values()
        for fold in range(own.n_folds)
    ]
    stacked = {key: np.stack([own[key] for own in packed]) for key in packed[0]}
    return _arranged(stacked, layout, group, features)


def _arranged(
    stacked: dict[str, Floats], layout: LevelLayout, group: _Group, features: Features
) -> dict[str, Floats]:
    """Matrices without slots that no member uses, biases first among the features.

    Keys: `features_k`, `direct`: `(member, slot, 1 + feature)`; `hidden_k_j`, from
    rank j to rank k; `output_j`.
    """
    sign = _SIGN.get(group.activation, 1)
    bias = stacked["bias"]
    made: dict[str, Floats] = {
        "direct": _with_bias(
            stacked["direct"], stacked["output_bias"], layout, features
        )
    }
    for k, width in enumerate(group.widths):
        kernel = stacked["features"] if k == 0 else stacked["plain"][:, k - 1]
        own = _with_bias(kernel[:, :width], bias[:, k, :width], layout, features)
        made[f"features_{k}"] = sign * own
        for j, above in enumerate(group.widths):
            columns = slice(j * layout.width, j * layout.width + above)
            if j < k:
                made[f"hidden_{k}_{j}"] = stacked[f"hidden_{k}"][:, :width, columns]
            if k == 0:
                made[f"output_{j}"] = sign * stacked["output"][:, :, columns]
    return made


def _with_bias(
    kernel: Floats, bias: Floats, layout: LevelLayout, features: Features
) -> Floats:
    """Features in the order of the graph; encoded ones from 0 to 1, not -1 to 1."""
    n_plain = layout.n_plain
    plain = kernel[..., features.plain_order]
    total = bias[..., None].astype(np.float64)
    if kernel.shape[-1] == n_plain:
        return np.concatenate([total.astype(np.float32), plain], axis=-1)
    encoded = kernel[..., n_plain + features.encoded_order]
    total = total - encoded.sum(axis=-1, keepdims=True, dtype=np.float64)
    return np.concatenate([total.astype(np.float32), plain, 2 * encoded], axis=-1)


def _add_group(
    graph: Graph, features: Features, group: _Group, matrices: dict[str, Floats]
) -> str:
    n = group.n_members
    inputs = features.every if group.is_encoded else features.plain
    hidden: list[str] = []
    for k, width in enumerate(group.widths):
        x = inputs if k == 0 else features.plain
        above = _products(graph, matrices, f"hidden_{k}", hidden)
        total = _with_features(graph, above, matrices[f"features_{k}"], x)
        hidden.append(_activated(graph, total, group.activation, (n, width)))
    above = _products(graph, matrices, "output", hidden)
    answer = _with_features(graph, above, matrices["direct"], inputs)
    return graph.reshaped(answer, n * matrices["direct"].shape[1], -1)


def _with_features(graph: Graph, above: list[str], kernel: Floats, x: str) -> str:
    """Adds `(member, slot, feature) × (feature, row)` to products with ranks above."""
    n, width, n_features = kernel.shape
    if above and not kernel[..., 1:].any():  # nothing is read, and biases remain
        return graph.total([*above, graph.constant(kernel[..., :1])])
    made = graph.add("MatMul", kernel.reshape(n * width, n_features), x)
    return graph.total([*above, graph.reshaped(made, n, width, -1)])


def _products(
    graph: Graph, matrices: dict[str, Floats], key: str, hidden: list[str]
) -> list[str]:
    """What is read of each rank above, `(member, slot, row)`."""
    return [
        graph.add("MatMul", matrices[f"{key}_{j}"], x) for j, x in enumerate(hidden)
    ]


def _activated(graph: Graph, x: str, activation: str, shape: tuple[int, int]) -> str:
    """`(member, slot, row)`; flat meanwhile, which is fast for one row, too."""
    flat = _ACTIVATE[activation](graph, graph.reshaped(x, -1))
    return graph.reshaped(flat, *shape, -1)


def _scalar(value: float) -> Array:
    return np.array(value, np.float32)


def _mish(graph: Graph, x: str) -> str:
    """Minus mish of -x: with t = sigmoid(x), x · (2 / (1 + t²) - 1).

    For mish is x · tanh(softplus(x)) and tanh(log(1 + e^x)) is (1 - t²) / (1 + t²)
    with t = sigmoid(-x). Six passes over memory, none of which can overflow; the
    formula with e^x takes seven, and that of onnxruntime's Mish ten times as long.
    """
    t = graph.add("Sigmoid", x)
    below = graph.add("Add", graph.add("Mul", t, t), _scalar(1))
    share = graph.add("Sub", graph.add("Div", _scalar(2), below), _scalar(1))
    return graph.add("Mul", x, share)


def _gelu(graph: Graph, x: str) -> str:
    share = graph.add("Erf", graph.add("Mul", x, _scalar(0.5**0.5)))
    half = graph.add("Mul", x, _scalar(0.5))
    return graph.add("Add", half, graph.add("Mul", half, share))


_ACTIVATE: dict[str, Callable[[Graph, str], str]] = {
    "elu": lambda graph, x: graph.add("Elu", x, alpha=1.0),
    "gelu": _gelu,
    "linear": lambda graph, x: x,
    "mish": _mish,
    "relu": lambda graph, x: graph.add("Relu", x),
    "selu": lambda graph, x: graph.add(
        "Selu", x, alpha=1.7580993 / 1.0507010, gamma=1.0507010
    ),
    "silu": lambda graph, x: graph.add("Mul", x, graph.add("Sigmoid", x)),
    "tanh": lambda graph, x: graph.add("Tanh", x),
}
"""Activations of hidden units, as `ACTIVATE` has them."""

_SIGN = {"mish": -1}
"""By which what an activation reads and gives is multiplied, where it is not 1."""
