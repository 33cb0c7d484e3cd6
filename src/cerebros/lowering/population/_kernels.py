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
    """Kernel `i` of a region."""
    region = layout.regions()[name]
    start = region.first + i * region.size
    return lax.dynamic_slice(flat, (start,), (region.size,)).reshape(region.shape)


def put_kernel(layout: Layout, flat: Array, name: str, value: Array, i: Any) -> Array:
    """All kernels with another kernel `i` of a region."""
    region = layout.regions()[name]
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
    flat = _set(flat, tables["bias_at"].ravel(), bias)

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
    first = take(tables["stage_of"], i) * layout.lanes
    at = first[..., None] + jnp.arange(layout.lanes, dtype=jnp.int32)
    return _add(bias, at, values)


def _set(flat: Array, at: Array, values: Array) -> Array:
    return flat.at[at.ravel()].set(values.ravel(), mode="promise_in_bounds")


def _add(flat: Array, at: Array, values: Array) -> Array:
    return flat.at[at.ravel()].add(values.ravel(), mode="promise_in_bounds")


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
    biases = _gathered(kernels.flat, tables["bias_at"])

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
    own = _gathered(kernels.flat, at)
    result = {"kernel": own}
    if layout.has_scales:
        kernel, scale, shift = slab["kernel"], slab["scale"], slab["shift"]
        if kernels.shifts is None:
            rows = biases.reshape(-1, layout.lanes)
            by_shift = rows.at[stage_of].get(mode="promise_in_bounds")
        else:
            by_shift = _gathered(kernels.shifts, at)
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


def _gathered(flat: Array, at: Array) -> Array:
    return flat.at[at].get(mode="promise_in_bounds")
