"""Parameter space: effective kernels, and the gradients of what they are made of.

What a dense step computes from a standardized source is linear in it. So scale, shift
and copies are folded into one *effective* kernel and bias, once a step and without the
batch:

    kernel = Σ over copies of scale × kernel
    bias = bias + Σ over copies of kernel · shift

Only these meet the batch, and gradients come back through the same small sums. Every
copy, scale and shift stays a parameter of its own, so this trains what was drawn.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from cerebros.lowering.population._layout import Layout, pair
from cerebros.lowering.population._tables import Tables

Array = jax.Array
Parameters = dict[str, Array]
"""Arrays as in `Layout.parameter_shapes`; the second axis is the member."""


class Shifts(NamedTuple):
    """Kernel times shift, for each read feature: where a feature may be dropped, what
    its shift adds is dropped with it, and is no part of the bias.

    Shapes are those of `Kernels`.
    """

    state: Array
    inputs: Array
    out: Array
    out_in: Array


class Kernels(NamedTuple):
    """Effective kernels, or their gradients.

    Attributes:
        state: `(pair, member, row, row read)`.
        transposed: the same with the last axes exchanged.
        inputs: `(block, member, row, column)`; the column of ones holds the bias.
        out: `(block, member, output row, row read)`.
        out_in: `(member, output row, column)`, with the bias.
        shifts: where there is dropout and shifts are learned; else None.
    """

    state: Array
    transposed: Array
    inputs: Array
    out: Array
    out_in: Array
    shifts: Shifts | None = None


def take(array: Array, i: Any) -> Array:
    """Entry `i` of the first axis."""
    return lax.dynamic_index_in_dim(array, i, 0, keepdims=False)


def put(array: Array, value: Array, i: Any) -> Array:
    """The array with another entry `i` of the first axis."""
    return lax.dynamic_update_index_in_dim(array, value, i, 0)


def new_kernels(layout: Layout) -> Kernels:
    """Buffers for kernels or their gradients."""
    c, s, o, d = layout.n_members, layout.block, layout.n_outputs, layout.n_columns
    shapes = {
        "state": (layout.n_pairs, c, s, s),
        "transposed": (layout.n_pairs, c, s, s),
        "inputs": (layout.n_blocks, c, s, d),
        "out": (layout.n_blocks, c, o, s),
        "out_in": (c, o, d),
    }
    arrays: dict[str, Any]
    arrays = {k: jnp.zeros(v, jnp.float32) for k, v in shapes.items()}
    if not has_shifts(layout):
        return Kernels(**arrays)
    own = {k: jnp.zeros(shapes[k], jnp.float32) for k in Shifts._fields}
    return Kernels(**arrays, shifts=Shifts(**own))


def has_shifts(layout: Layout) -> bool:
    """Whether shifts are kept apart from the bias."""
    return layout.has_dropout and layout.has_scales


def effective_kernels(
    layout: Layout, parameters: Parameters, tables: Tables, buffers: Kernels
) -> Kernels:
    """Fold scales, shifts and copies into one kernel for each block.

    Args:
        layout, parameters, tables: of the chunk.
        buffers: kernels of the step before, which are overwritten.
    """
    ones = layout.ones_column

    def folded(kind: str, i: Any) -> tuple[Array, Array]:
        return _folded(layout, parameters, tables, kind, i)

    def block(b: Any, carry: Any) -> Any:
        kernels, shifts, out_bias = carry
        kernel, bias = folded("in", b)
        if shifts is not None:
            shifts = shifts._replace(inputs=put(shifts.inputs, bias, b))

        def read(p: Any, carry: Any) -> Any:
            kernels, shifts, bias = carry
            own, own_bias = folded("state", pair(b, p))
            kernels = kernels._replace(
                state=put(kernels.state, own, pair(b, p)),
                transposed=put(kernels.transposed, own.swapaxes(1, 2), pair(b, p)),
            )
            if shifts is None:
                return kernels, shifts, bias + own_bias
            state = put(shifts.state, own_bias, pair(b, p))
            return kernels, shifts._replace(state=state), bias

        kernels, shifts, bias = lax.fori_loop(0, b + 1, read, (kernels, shifts, bias))
        own, own_bias = folded("out", b)
        if shifts is None:
            kernel, out_bias = _with_bias(kernel, bias, ones), out_bias + own_bias
        else:
            shifts = shifts._replace(out=put(shifts.out, own_bias, b))
        kernels = kernels._replace(
            inputs=put(kernels.inputs, kernel, b), out=put(kernels.out, own, b)
        )
        return kernels, shifts, out_bias

    out_in, out_bias = folded("out_in", 0)
    shifts = buffers.shifts
    if shifts is not None:
        shifts = shifts._replace(out_in=out_bias)
    kernels, shifts, out_bias = lax.fori_loop(
        0,
        tables["n_blocks"],
        block,
        (buffers._replace(shifts=None), shifts, out_bias),
    )
    if shifts is None:
        out_in = _with_bias(out_in, out_bias, ones)
    return kernels._replace(out_in=out_in, shifts=shifts)


def _with_bias(kernel: Array, bias: Array, column: int) -> Array:
    is_bias = jnp.arange(kernel.shape[-1]) == column
    return kernel + jnp.where(is_bias, bias[..., None], 0)


def _folded(
    layout: Layout, parameters: Parameters, tables: Tables, kind: str, i: Any
) -> tuple[Array, Array]:
    """Kernel of a block, and what the shifts add to the bias, or to each feature."""
    members, rows, columns = layout.parameter_shapes()[f"kernel_{kind}"][1:]

    def add(layer: Any, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        kernel = take(parameters[f"kernel_{kind}"], layer)
        if not layout.has_scales:
            return sums[0] + kernel, sums[1]
        scale = _to_rows(layout, kind, take(parameters[f"scale_{kind}"], layer))
        shift = _to_rows(layout, kind, take(parameters[f"shift_{kind}"], layer))
        shifted = kernel * shift
        if not is_apart:
            shifted = shifted.sum(axis=-1)
        return sums[0] + kernel * scale, sums[1] + shifted

    is_apart = has_shifts(layout)
    nothing = (
        jnp.zeros((members, rows, columns), jnp.float32),
        jnp.zeros((members, rows, columns)[: 3 if is_apart else 2], jnp.float32),
    )
    first, end = layer_range(layout, tables, kind, i)
    if layout.has_copies:
        result: tuple[Array, Array] = lax.fori_loop(first, end, add, nothing)
        return result
    return add(first, nothing)


def layer_range(layout: Layout, tables: Tables, kind: str, i: Any) -> tuple[Any, Any]:
    """The first kernel of a block, and the one after its last."""
    if not layout.has_copies:
        return i, i + 1
    if kind == "out_in":
        return 0, tables["layer_n_out_in"]
    first = take(tables[f"layer_first_{kind}"], i)
    return first, first + take(tables[f"layer_n_{kind}"], i)


def n_used_layers(layout: Layout, tables: Tables, kind: str) -> Any:
    """Kernels that the blocks in use have; they stand before all others."""
    n = tables["n_blocks"]
    if kind == "out_in":
        return layer_range(layout, tables, kind, 0)[1]
    last = pair(n, 0) - 1 if kind == "state" else n - 1
    end = layer_range(layout, tables, kind, jnp.maximum(last, 0))[1]
    return jnp.where(n > 0, end, 0)


def parameter_gradients(
    layout: Layout,
    parameters: Parameters,
    tables: Tables,
    kernels: Kernels,
    buffers: Parameters,
) -> Parameters:
    """Gradients of all parameters from those of the effective kernels.

    Args:
        layout, parameters, tables: of the chunk.
        kernels: gradients of the effective kernels.
        buffers: gradients of the step before, which are overwritten.
    """
    ones = layout.ones_column

    def spread(
        kind: str,
        i: Any,
        own: Array,
        bias: Array,
        sums: Array | None,
        result: Parameters,
    ) -> Any:
        def one(layer: Any, result: Parameters) -> Parameters:
            found = _of_layer(layout, parameters, kind, layer, own, bias, sums)
            if layout.has_masks:
                mask = tables["mask"]
                found = {k: g * take(mask[k], layer) for k, g in found.items()}
            return result | {k: put(result[k], g, layer) for k, g in found.items()}

        first, end = layer_range(layout, tables, kind, i)
        if layout.has_copies:
            return lax.fori_loop(first, end, one, result)
        return one(first, result)

    def block(b: Any, result: Parameters) -> Parameters:
        own = take(kernels.inputs, b)
        bias = own[..., ones : ones + 1]
        apart = kernels.shifts
        sums = take(tables["sums"], b) if layout.has_ties else None
        shifted = bias if apart is None else take(apart.inputs, b)
        result = spread("in", b, own, shifted, sums, result)
        shifted = out_bias if apart is None else take(apart.out, b)
        result = spread("out", b, take(kernels.out, b), shifted, None, result)

        def read(p: Any, result: Parameters) -> Parameters:
            i = pair(b, p)
            shifted = bias if apart is None else take(apart.state, i)
            return spread("state", i, take(kernels.state, i), shifted, sums, result)

        return lax.fori_loop(0, b + 1, read, result)

    out_bias = kernels.out_in[..., ones : ones + 1]
    shifted = out_bias if kernels.shifts is None else kernels.shifts.out_in
    result = spread("out_in", 0, kernels.out_in, shifted, None, buffers)
    return lax.fori_loop(0, tables["n_blocks"], block, result)


def _of_layer(
    layout: Layout,
    parameters: Parameters,
    kind: str,
    layer: Any,
    own: Array,
    bias: Array,
    sums: Array | None,
) -> Parameters:
    """Gradients of one kernel, and of scales and shifts that belong to it."""
    if not layout.has_scales:
        return {f"kernel_{kind}": own}
    kernel = take(parameters[f"kernel_{kind}"], layer)
    scale = _to_rows(layout, kind, take(parameters[f"scale_{kind}"], layer))
    shift = _to_rows(layout, kind, take(parameters[f"shift_{kind}"], layer))
    scales = _row_sums(layout, kind, own * kernel, sums)
    shifts = _row_sums(layout, kind, bias * kernel, sums)
    if kind.endswith("in"):  # the bias has no scale and no shift
        is_input = jnp.arange(own.shape[-1]) != layout.ones_column
        scales, shifts = scales * is_input, shifts * is_input
    return {
        f"kernel_{kind}": own * scale + bias * shift,
        f"scale_{kind}": scales,
        f"shift_{kind}": shifts,
    }


def _to_rows(layout: Layout, kind: str, scales: Array) -> Array:
    """Scales of tiles, or of outputs, for each row: `(member, row, column)`."""
    if not kind.startswith("out"):
        return jnp.repeat(scales, layout.tile, axis=1)
    if layout.n_outputs == 1:
        return scales
    repeats = jnp.asarray(layout.output_widths)
    return jnp.repeat(scales, repeats, axis=1, total_repeat_length=layout.n_outputs)


def _row_sums(layout: Layout, kind: str, rows: Array, sums: Array | None) -> Array:
    """Sums over the rows of the stage of each tile, or of each output."""
    members, n, columns = rows.shape
    if sums is not None:
        return lax.dot_general(sums, rows, (((2,), (1,)), ((0,), (0,))))
    if not kind.startswith("out"):
        tiles = rows.reshape(members, n // layout.tile, layout.tile, columns)
        return tiles.sum(axis=2)
    starts = [sum(layout.output_widths[:i]) for i in range(len(layout.output_widths))]
    parts = [
        rows[:, start : start + width].sum(axis=1, keepdims=True)
        for start, width in zip(starts, layout.output_widths, strict=True)
    ]
    return jnp.concatenate(parts, axis=1)
