"""Parameter space: effective kernels, and the gradients of what they are made of.

What a dense step computes from a standardized source is linear in it. So scale, shift
and copies are folded into one *effective* kernel and bias, once a step and without the
batch:

    kernel = Σ over copies of scale × kernel
    bias = bias + Σ over copies of kernel · shift

Only these meet the batch, and gradients come back by the same way. Every copy, scale
and shift stays a parameter of its own, so this trains what was drawn. Parameters stand
close together, slab by slab; the tables say at which *position* among all effective
kernels each of them acts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from cerebros.lowering.population._layout import Layout
from cerebros.lowering.population._tables import Tables

Array = jax.Array
Parameters = dict[str, Array]
"""Arrays as in `Layout.parameter_shapes`; the second axis is the member."""

_MANY_LANES = 8


class Kernels(NamedTuple):
    """Effective kernels, or their gradients.

    Attributes:
        flat: `(position,)`; see `Layout.regions`. The column of ones of the inputs
            holds the bias.
        rows: those of the forward pass row by row; None of gradients.
        shifts: kernel times shift at the position of each kernel, where there is
            dropout and shifts are learned: where a feature may be dropped, what its
            shift adds is dropped with it, and is no part of the bias. Else None.
    """

    flat: Array
    rows: KernelRows | None = None
    shifts: Array | None = None


class KernelRows(NamedTuple):
    """Effective kernels once more, row by row.

    Attributes:
        state: `(pair, member, row, stored row)`.
        inputs: `(block, member, row, column)`.
    """

    state: Array
    inputs: Array


def take(array: Array, i: Any) -> Array:
    """Entry `i` of the first axis."""
    return lax.dynamic_index_in_dim(array, i, 0, keepdims=False)


def put(array: Array, value: Array, i: Any) -> Array:
    """The array with another entry `i` of the first axis."""
    return lax.dynamic_update_index_in_dim(array, value, i, 0)


def take_kernel(layout: Layout, flat: Array, name: str, i: Any) -> Array:
    """Kernel `i` of a region, `(member, column, row)`."""
    region = layout.regions()[name]
    start = region.first + i * region.size
    own = lax.dynamic_slice(flat, (start,), (region.size,)).reshape(region.shape)
    if not name.startswith("out") or region.shape[2] == layout.n_outputs:
        return own
    parts, place = [], 0
    widths = zip(layout.output_widths, layout.padded_output_widths(), strict=True)
    for width, padded in widths:
        parts.append(own[:, :, place : place + width])
        place += padded
    return jnp.concatenate(parts, axis=2)


def put_kernel(layout: Layout, flat: Array, name: str, value: Array, i: Any) -> Array:
    """All kernels with another kernel `i` of a region."""
    region = layout.regions()[name]
    if name.startswith("out") and region.shape[2] != layout.n_outputs:
        parts, place = [], 0
        widths = zip(layout.output_widths, layout.padded_output_widths(), strict=True)
        for width, padded in widths:
            own = value[:, :, place : place + width]
            parts.append(jnp.pad(own, ((0, 0), (0, 0), (0, padded - width))))
            place += width
        value = jnp.concatenate(parts, axis=2)
    start = region.first + i * region.size
    return lax.dynamic_update_slice(flat, value.reshape(region.size), (start,))


def new_kernels(layout: Layout, *, are_gradients: bool) -> Kernels:
    """Buffers for kernels or their gradients."""
    flat = jnp.zeros(layout.n_positions, jnp.float32)
    shifts = flat if has_shifts(layout) else None
    if are_gradients:
        return Kernels(flat, None, shifts)
    rows = (layout.n_members, layout.block)
    state, inputs = (layout.n_pairs, *rows), (layout.n_blocks, *rows)
    both = KernelRows(
        jnp.zeros((*state, layout.stored), jnp.float32),
        jnp.zeros((*inputs, layout.n_columns), jnp.float32),
    )
    return Kernels(flat, both, shifts)


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

    def fold(is_further: bool) -> Any:
        def slab(i: Any, carry: Any) -> Any:
            flat, bias, shifts = carry
            kernel, at = take(parameters["kernel"], i), take(tables["kernel_at"], i)
            if layout.has_scales:
                shift = kernel * take(parameters["shift"], i)[..., None]
                kernel = kernel * take(parameters["scale"], i)[..., None]
                if shifts is None:
                    bias = _at_stages(layout, bias, tables, i, shift)
                else:
                    shifts = _set(shifts, at, shift)
            change = _add if is_further else _set
            return change(flat, at, kernel), bias, shifts

        return slab

    bias = parameters["bias"].ravel()
    carry = buffers.flat, bias, buffers.shifts
    n_slabs = tables["n_slabs"]
    if layout.has_copies:
        # The first copies set what the further ones add to.
        middle = tables["first_further"]
        carry = lax.fori_loop(0, middle, fold(False), carry)
        carry = lax.fori_loop(middle, n_slabs, fold(True), carry)
    else:
        carry = lax.fori_loop(0, n_slabs, fold(False), carry)
    flat, bias, shifts = carry
    flat = _set(flat, tables["bias_at"], bias)

    assert buffers.rows is not None, "these are no gradients"
    return Kernels(flat, _by_rows(layout, flat, tables, buffers.rows), shifts)


def _by_rows(
    layout: Layout, flat: Array, tables: Tables, buffers: KernelRows
) -> KernelRows:
    def transposed(name: str, n: Any, buffer: Array) -> Array:
        def one(i: Any, buffer: Array) -> Array:
            kernel = take_kernel(layout, flat, name, i)
            return put(buffer, kernel.swapaxes(1, 2), i)

        result: Array = lax.fori_loop(0, n, one, buffer)
        return result

    n_blocks = tables["n_blocks"]
    n_pairs = take(tables["pair_first"], n_blocks)
    return KernelRows(
        transposed("state", n_pairs, buffers.state),
        transposed("inputs", n_blocks, buffers.inputs),
    )


def _at_stages(
    layout: Layout, bias: Array, tables: Tables, i: Any, values: Array
) -> Array:
    """Biases, to which the values of a slab's features are added by their stages."""
    return _add(bias, take(tables["stage_of"], i) * layout.lanes, values)


# --- Windows of flat arrays: XLA handles them many times faster than single numbers ---


def _set(flat: Array, at: Array, values: Array) -> Array:
    """Numbers with windows that begin at `at` replaced by values."""
    return _scattered(lax.scatter, flat, at, values)


def _add(flat: Array, at: Array, values: Array) -> Array:
    """Numbers with values added to the windows that begin at `at`."""
    return _scattered(lax.scatter_add, flat, at, values)


def _scattered(scatter: Any, flat: Array, at: Array, values: Array) -> Array:
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=(1,),
        inserted_window_dims=(),
        scatter_dims_to_operand_dims=(0,),
    )
    result: Array = scatter(
        flat,
        at.reshape(-1, 1),
        values.reshape(at.size, -1),
        numbers,
        mode="promise_in_bounds",
    )
    return result


def _gathered(flat: Array, at: Array, width: int) -> Array:
    """Windows that begin at `at`, joined along the last axis: `(…, width * n)`."""
    numbers = lax.GatherDimensionNumbers(
        offset_dims=(1,), collapsed_slice_dims=(), start_index_map=(0,)
    )
    found = lax.gather(
        flat, at.reshape(-1, 1), numbers, (width,), mode="promise_in_bounds"
    )
    return found.reshape(*at.shape[:-1], at.shape[-1] * width)


def parameter_gradients(
    layout: Layout,
    parameters: Parameters,
    tables: Tables,
    kernels: Kernels,
    buffers: Parameters,
) -> Parameters:
    """Gradients of all parameters from those of the effective kernels.

    Those of what is not trained are zero.

    Args:
        layout, parameters, tables: of the chunk.
        kernels: gradients of the effective kernels.
        buffers: gradients of the step before, which are overwritten.
    """
    biases = _gathered(kernels.flat, tables["bias_at"], layout.window)

    def slab(i: Any, result: Parameters) -> Parameters:
        own = {name: take(parameters[name], i) for name in result}
        found = _slab_gradients(layout, own, tables, kernels, biases, i)
        return {name: put(result[name], found[name], i) for name in result}

    result = {name: buffers[name] for name in buffers if name != "bias"}
    result = lax.fori_loop(0, tables["n_slabs"], slab, result)
    if layout.has_fixed:
        biases = biases * tables["is_dense"][..., None]
    return result | {"bias": biases[None]}


def _slab_gradients(
    layout: Layout,
    slab: Parameters,
    tables: Tables,
    kernels: Kernels,
    biases: Array,
    i: Any,
) -> Parameters:
    """Gradients of the parameters of one slab."""
    stage_of, at = take(tables["stage_of"], i), take(tables["kernel_at"], i)
    own = _gathered(kernels.flat, at, layout.window)
    result = {"kernel": own}
    if layout.has_scales:
        kernel, scale, shift = slab["kernel"], slab["scale"], slab["shift"]
        if kernels.shifts is None:
            rows = (stage_of * layout.lanes)[..., None]
            by_shift = _gathered(biases.ravel(), rows, layout.lanes)
        else:
            by_shift = _gathered(kernels.shifts, at, layout.window)
        result = {
            "kernel": own * scale[..., None] + by_shift * shift[..., None],
            "scale": _lane_sum(own * kernel),
            "shift": _lane_sum(by_shift * kernel),
        }
    if not layout.has_fixed:
        return result
    masks = slab_masks(tables, i)
    return {name: own * masks[name] for name, own in result.items()}


def _lane_sum(values: Array) -> Array:
    """The sum over the last axis, as XLA is fast at it."""
    n = values.shape[-1]
    if n > _MANY_LANES:
        return values @ jnp.ones(n, jnp.float32)
    total = values[..., 0]
    for lane in range(1, n):
        total = total + values[..., lane]
    return total


def slab_masks(tables: Tables, i: Any) -> dict[str, Array]:
    """1 for the numbers of a slab that are trained: `(member, feature, …)`."""
    is_dense = tables["is_dense"].ravel()[take(tables["stage_of"], i)]
    is_scaled = take(tables["is_scaled"], i)
    return {"kernel": is_dense[..., None], "scale": is_scaled, "shift": is_scaled}
