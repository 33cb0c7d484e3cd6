"""Between weights by name and matrices with holes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.lowering._weights import Weights
from cerebros.lowering.levels._layout import LevelLayout, ranks_of
from cerebros.plan import NetworkPlan

Matrices: TypeAlias = dict[str, npt.NDArray[np.float32]]
"""Trained arrays of a network, or with a first axis for many; see `matrix_shapes`."""

Holes: TypeAlias = dict[str, npt.NDArray[np.bool_]]
"""Where a network has numbers (True), and where its matrices have holes (False)."""


def matrix_shapes(layout: LevelLayout) -> dict[str, tuple[int, ...]]:
    """Key and shape of every matrix.

    Shapes:
        features: `(slot, feature)`, what the first rank reads of the inputs.
        scale: `(feature,)`, by which that is multiplied; a trained factor of its own
            lets a network turn to an input, or away from it, in few steps.
        plain: `(rank - 1, slot, plain feature)`, what later ranks do.
        hidden_k: `(slot, slot of ranks before)`, for rank k ≥ 1, counted from 0.
        bias: `(rank, slot)`.
        direct: `(output, feature)`, what the outputs read of the inputs.
        output: `(output, slot of all ranks)`.
        output_bias: `(output,)`.
    """
    ranks, width = layout.n_ranks, layout.width
    shapes: dict[str, tuple[int, ...]] = {
        "features": (width, layout.n_features),
        "scale": (layout.n_features,),
        "bias": (ranks, width),
        "direct": (layout.n_outputs, layout.n_features),
        "output": (layout.n_outputs, ranks * width),
        "output_bias": (layout.n_outputs,),
    }
    if ranks > 1:
        shapes["plain"] = (ranks - 1, width, layout.n_plain)
    for rank in range(1, ranks):
        shapes[f"hidden_{rank}"] = (width, rank * width)
    return shapes


def holes_of(plan: NetworkPlan, layout: LevelLayout) -> Holes:
    """Where the matrices of a network have numbers.

    Raises:
        LoweringError: if the plan is not levels of matrices.
    """
    holes = {key: np.zeros(s, bool) for key, s in matrix_shapes(layout).items()}
    for _, _, views in _views(plan, layout, holes):
        for view in views:
            view[...] = True
    holes["scale"] = np.asarray(holes["features"].any(axis=0))
    return holes


def unpack_weights(
    plan: NetworkPlan,
    matrices: Mapping[str, npt.NDArray[np.float32]],
    layout: LevelLayout,
) -> Weights:
    """Weights by name, from the matrices of one network; scales become part of them."""
    scaled = {**matrices, "features": matrices["features"] * matrices["scale"]}
    weights: Weights = {}
    for node, is_bias, views in _views(plan, layout, scaled):
        key = f"unit_{node}_dense/{'bias' if is_bias else 'kernel'}"
        weights[key] = np.ascontiguousarray(np.concatenate(views, axis=-1).T)
    return weights


def pack_weights(plan: NetworkPlan, weights: Weights, layout: LevelLayout) -> Matrices:
    """Matrices of one network, with zeros in the holes; its scales are 1."""
    shapes = matrix_shapes(layout)
    matrices = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()}
    for node, is_bias, views in _views(plan, layout, matrices):
        numbers = weights[f"unit_{node}_dense/{'bias' if is_bias else 'kernel'}"].T
        start = 0
        for view in views:
            view[...] = numbers[..., start : start + view.shape[-1]]
            start += view.shape[-1]
    matrices["scale"] = holes_of(plan, layout)["scale"].astype(np.float32)
    return matrices


def _views(
    plan: NetworkPlan,
    layout: LevelLayout,
    arrays: Mapping[str, npt.NDArray[np.generic]],
) -> Iterator[tuple[int, bool, list[npt.NDArray[np.generic]]]]:
    """Parts of arrays: for each unit its bias, and its kernel source by source."""
    ranks = ranks_of(plan)
    slots: dict[int, slice] = {}
    for rank in ranks:
        start = 0
        for node in rank:
            slots[node] = slice(start, start + plan.widths[node])
            start += plan.widths[node]
    rank_of = {node: number for number, rank in enumerate(ranks) for node in rank}
    for node, unit in plan.nodes():
        sources = [wire.source for wire in unit.connections]
        if node == plan.outputs[0]:
            yield node, True, [arrays["output_bias"]]
            rows, at = slice(None), layout.n_ranks
        else:
            yield node, True, [arrays["bias"][rank_of[node], slots[node]]]
            rows, at = slots[node], rank_of[node]
        parts = []
        for source in sources:
            if source < plan.n_inputs:
                columns = _columns(plan, layout, source)
                if at == 0:
                    parts.append(arrays["features"][rows, columns])
                elif at == layout.n_ranks:
                    parts.append(arrays["direct"][rows, columns])
                else:
                    parts.append(arrays["plain"][at - 1][rows, columns])
            else:
                start = rank_of[source] * layout.width
                inside = slots[source]
                columns = slice(start + inside.start, start + inside.stop)
                key = "output" if at == layout.n_ranks else f"hidden_{at}"
                parts.append(arrays[key][rows, columns])
        yield node, False, parts


def _columns(plan: NetworkPlan, layout: LevelLayout, source: int) -> slice:
    """Where the features of an input stand: encoded ones behind padded plain ones."""
    start = 0 if source == 0 else layout.n_plain
    return slice(start, start + plan.widths[source])
