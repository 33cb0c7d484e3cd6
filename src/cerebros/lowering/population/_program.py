"""The population program: forward and backward through many networks at once.

Everything here is feature-major: arrays of a batch are `(member, row, batch)`. Rows are
computed tile by tile in a loop, and tiles are grouped in blocks: what a block reads
from earlier blocks is one product for each of them, and only what it reads from its own
rows is computed in the order of the tiles. All loops end at the chunk's own number of
blocks. The backward pass is written by hand, with the same loops in reverse order.

Buffers are handed from step to step instead of being made anew. What stands in them
beyond the blocks in use, or was left by the step before, meets only kernels of zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from cerebros.lowering._reference import EPSILON
from cerebros.lowering.population._functions import composed, composed_values
from cerebros.lowering.population._kernels import (
    Kernels,
    put,
    put_kernel,
    take,
)
from cerebros.lowering.population._layout import Layout
from cerebros.lowering.population._reading import Reading, product
from cerebros.lowering.population._tables import Tables

Array = jax.Array


class Buffers(NamedTuple):
    """Arrays of a batch that are handed from step to step.

    Attributes:
        state: `(block, member, stored row, batch)` what is read.
        slope: derivative of the activation, or in coupled layouts its argument; of
            the same shape.
        errors: gradient of the loss before the activation, `(block, member, row,
            batch)`.
    """

    state: Array
    slope: Array
    errors: Array


class RowMoments(NamedTuple):
    """Mean and variance of the state, `(block, member, stored row)`."""

    mean: Array
    variance: Array


class Batch(NamedTuple):
    """Inputs of one batch.

    Attributes:
        x: `(column, batch)`, ones in the last used column where there is a row.
        mask: `(batch,)` 1 where there is a row.
        weight: the mask divided by the number of rows.
        row_bits: random bits of the rows, where something is dropped.
    """

    x: Array
    mask: Array
    weight: Array
    row_bits: Array | None = None


class _Steps(NamedTuple):
    """What is done with the products of a pass.

    Attributes:
        before: `(block, collected) -> own`, what the tiles of a block begin with.
        tile: `(block, tile, product, own) -> stored, own`.
        after: `(block, collected, own) -> collected`.
    """

    before: Callable[..., Any]
    tile: Callable[..., Any]
    after: Callable[..., Any]


def new_buffers(layout: Layout, batch: int) -> Buffers:
    """Buffers for batches of so many columns."""
    n, c = layout.n_blocks, layout.n_members
    stored = jnp.zeros((n, c, layout.stored, batch), jnp.float32)
    return Buffers(stored, stored, jnp.zeros((n, c, layout.block, batch), jnp.float32))


def new_moments(layout: Layout) -> RowMoments:
    """Running statistics of networks that have seen nothing."""
    shape = (layout.n_blocks, layout.n_members, layout.stored)
    return RowMoments(jnp.zeros(shape, jnp.float32), jnp.ones(shape, jnp.float32))


def forward(
    layout: Layout, kernels: Kernels, tables: Tables, batch: Batch, buffers: Buffers
) -> tuple[Array, Buffers, RowMoments]:
    """Go through a batch as in training: rows are standardized by its statistics.

    Returns:
        Outputs before their activation, `(member, output row, batch)`; the buffers
        that `backward` needs; mean and variance of every row in this batch.
    """
    wide = layout.tile * layout.n_variants

    def finish(b: Any, t: Any, z: Array, carry: Any) -> tuple[Array, Any]:
        slope, own = carry
        value, own_slope = _activate(layout, tables, _number(layout, b, t), z)
        mean = (value @ batch.weight)[..., None]
        centered = (value - mean) * batch.mask
        variance = ((centered * centered) @ batch.weight)[..., None]
        standard = centered * lax.rsqrt(variance + EPSILON)
        if layout.has_plain:
            normalized = _rows(take(tables["normalized"], b), t, wide)[..., None]
            standard = jnp.where(normalized > 0, standard, value * batch.mask)
        slope = _put_rows(slope, own_slope, t, wide)
        both = jnp.concatenate([mean, variance], axis=-1)
        return standard, (slope, _put_rows(own, both, t, wide))

    def before(b: Any, collected: Any) -> Any:
        both = jnp.zeros((layout.n_members, layout.stored, 2), jnp.float32)
        return take(collected[0], b), both

    def after(b: Any, collected: Any, own: Any) -> Any:
        (slopes, mean, variance), (slope, both) = collected, own
        return (
            put(slopes, slope, b),
            put(mean, both[..., 0], b),
            put(variance, both[..., 1], b),
        )

    outputs, state, (slope, *moments) = _through_blocks(
        _reading(layout, kernels, tables, batch),
        tables,
        buffers.state,
        _Steps(before, finish, after),
        (buffers.slope, *new_moments(layout)),
    )
    return outputs, Buffers(state, slope, buffers.errors), RowMoments(*moments)


def predict(
    layout: Layout,
    kernels: Kernels,
    tables: Tables,
    x: Array,
    running: RowMoments,
    state: Array,
) -> tuple[Array, Array]:
    """Go through a batch as in prediction: rows are standardized by running statistics.

    Args:
        layout, kernels, tables: of the chunk.
        x: `(column, batch)`, standardized by running statistics as well.
        running: running statistics.
        state: a buffer.

    Returns:
        Outputs before their activation, and the buffer.
    """
    wide = layout.tile * layout.n_variants
    mean, factor = running.mean, lax.rsqrt(running.variance + EPSILON)
    if layout.has_plain:
        mean = mean * tables["normalized"]
        factor = jnp.where(tables["normalized"] > 0, factor, 1)

    def finish(b: Any, t: Any, z: Array, carry: Any) -> tuple[Array, Any]:
        value, _ = _activate(layout, tables, _number(layout, b, t), z)
        own_mean = _rows(take(mean, b), t, wide)[..., None]
        own_factor = _rows(take(factor, b), t, wide)[..., None]
        return (value - own_mean) * own_factor, carry

    steps = _Steps(lambda b, collected: (), finish, lambda b, collected, own: ())
    reading = Reading(layout, kernels, x)
    outputs, state, _ = _through_blocks(reading, tables, state, steps, ())
    return outputs, state


def _reading(layout: Layout, kernels: Kernels, tables: Tables, batch: Batch) -> Reading:
    drops = tables["drops"] if layout.has_dropout else None
    return Reading(layout, kernels, batch.x, drops, batch.row_bits)


def _through_blocks(
    reading: Reading,
    tables: Tables,
    state: Array,
    steps: _Steps,
    extra: Any,
) -> tuple[Array, Array, Any]:
    """Compute all rows in order, and collect what the steps give."""
    layout, size = reading.layout, reading.layout.tile
    wide = size * layout.n_variants
    sources = tables["pair_source"]
    no_tile = _no_tile(layout, reading.x.shape[-1])

    def block(b: Any, carry: Any) -> Any:
        state, outputs, last, extra = carry
        first, end, itself = _pairs_of_reader(layout, tables, b)
        z = lax.fori_loop(
            first,
            end,
            lambda i, z: z + reading.state(i, take(state, take(sources, i))),
            reading.inputs(b, take(tables["reads_inputs"], b)),
        )
        inside = reading.inside(itself) if layout.has_inside else None

        def tile(t: Any, carry: Any) -> Any:
            here, last, own = carry
            own_z = _rows(z, t, size)
            if inside is not None:
                own_z = own_z + product(_rows(inside, t, size), here)
            if layout.has_repeats:
                repeats = _tile_flag(tables["repeats"], _number(layout, b, t))
                last = own_z = jnp.where(repeats, last, own_z)
            values, own = steps.tile(b, t, own_z, own)
            return _put_rows(here, values, t, wide), last, own

        here, last, own = lax.fori_loop(
            0,
            _n_tiles(layout, tables, b),
            tile,
            (take(state, b), last, steps.before(b, extra)),
        )
        extra = steps.after(b, extra, own)
        outputs = outputs + reading.out(b, here)
        return put(state, here, b), outputs, last, extra

    outputs = reading.out_in()
    state, outputs, _, extra = lax.fori_loop(
        0, tables["n_blocks"], block, (state, outputs, no_tile, extra)
    )
    return outputs, state, extra


def backward(
    layout: Layout,
    kernels: Kernels,
    tables: Tables,
    batch: Batch,
    buffers: Buffers,
    moments: RowMoments,
    output_errors: Array,
    gradients: Kernels,
) -> tuple[Kernels, Buffers]:
    """Gradients of the effective kernels.

    Args:
        layout, kernels, tables, batch: as in `forward`.
        buffers, moments: what `forward` returned.
        output_errors: gradient with respect to the outputs before their activation;
            zero where there is no row.
        gradients: buffers for the result.

    Returns:
        Gradients as kernels, the bias in the column of ones; and the buffers.
    """
    size, n_blocks = layout.tile, tables["n_blocks"]
    wide = size * layout.n_variants
    reading = _reading(layout, kernels, tables, batch)
    deviation = jnp.sqrt(moments.variance + EPSILON)
    no_tile = _no_tile(layout, batch.x.shape[-1])

    def block(i: Any, carry: Any) -> Any:
        errors, after, gradients = carry
        b = n_blocks - 1 - i
        here, slopes = take(buffers.state, b), take(buffers.slope, b)
        factors = 1 / take(deviation, b)[..., None]
        if layout.has_plain:
            normalized = take(tables["normalized"], b)[..., None] > 0
            factors = jnp.where(normalized, factors, 1)
        first, end = (take(tables["pair_first_by_source"], b + k) for k in (0, 1))

        def pull(i: Any, pulled: Array) -> Array:
            reader = take(errors, take(tables["pair_reader"], i))
            number = take(tables["pair_by_source"], i)
            return pulled + reading.pulled_state(number, reader)

        pulled = lax.fori_loop(
            first + layout.has_inside,
            end,
            pull,
            reading.pulled_out(b, output_errors),
        )
        own = None
        if layout.has_inside:
            own = reading.columns("state", take(tables["pair_by_source"], first))

        n_tiles = _n_tiles(layout, tables, b)

        def tile(j: Any, carry: Any) -> Any:
            block_errors, after = carry
            t = n_tiles - 1 - j
            g = _rows(pulled, t, wide)
            if own is not None:
                g = g + product(_rows(own, t, wide), block_errors)
            h = _rows(here, t, wide)
            mean = (g @ batch.weight)[..., None]
            slant = ((g * h) @ batch.weight)[..., None]
            if layout.has_plain:
                is_normalized = _rows(normalized, t, wide)
                mean = jnp.where(is_normalized, mean, 0)
                slant = jnp.where(is_normalized, slant, 0)
            g = (g - mean - h * slant) * (_rows(factors, t, wide) * batch.mask)
            number = _number(layout, b, t)
            dz = _before_activation(layout, tables, number, g, _rows(slopes, t, wide))
            if layout.has_repeats:
                # What takes over this tile's product hands its errors back.
                is_last = number + 1 >= layout.n_blocks * layout.tiles_per_block
                following = _tile_flag(
                    tables["repeats"], jnp.where(is_last, 0, number + 1)
                )
                after = dz = dz + jnp.where(following & ~is_last, after, 0)
            return _put_rows(block_errors, dz, t, size), after

        block_errors, after = lax.fori_loop(0, n_tiles, tile, (take(errors, b), after))
        errors = put(errors, block_errors, b)
        kernel, shift = reading.input_gradients(
            b, block_errors, take(tables["reads_inputs"], b)
        )
        gradients = _put_gradients(layout, gradients, "inputs", kernel, shift, b)

        def outer(i: Any, gradients: Kernels) -> Kernels:
            source = take(buffers.state, take(tables["pair_source"], i))
            kernel, shift = reading.state_gradients(i, block_errors, source)
            return _put_gradients(layout, gradients, "state", kernel, shift, i)

        first, end, _ = _pairs_of_reader(layout, tables, b)
        gradients = lax.fori_loop(first, end + layout.has_inside, outer, gradients)
        kernel, shift = reading.out_gradients(b, output_errors, here)
        gradients = _put_gradients(layout, gradients, "out", kernel, shift, b)
        return errors, after, gradients

    errors, _, gradients = lax.fori_loop(
        0, n_blocks, block, (buffers.errors, no_tile, gradients)
    )
    own, shift = reading.out_in_gradients(output_errors)
    gradients = _put_gradients(layout, gradients, "out_in", own, shift, 0)
    return gradients, buffers._replace(errors=errors)


def _pairs_of_reader(layout: Layout, tables: Tables, b: Any) -> tuple[Any, Any, Any]:
    """The first pair of a block that reads earlier ones, the end of these, and the
    pair of the block and itself, if blocks read their own rows.
    """
    first, end = (take(tables["pair_first"], b + k) for k in (0, 1))
    itself = end - 1
    return first, itself if layout.has_inside else end, itself


def _put_gradients(
    layout: Layout,
    gradients: Kernels,
    name: str,
    own: Array,
    shift: Array | None,
    i: Any,
) -> Kernels:
    """Gradients with those of one block, or pair of blocks."""
    shifts = gradients.shifts
    if shifts is not None and shift is not None:
        shifts = put_kernel(layout, shifts, name, shift, i)
    flat = put_kernel(layout, gradients.flat, name, own, i)
    return Kernels(flat, None, shifts)


# --- One tile -----------------------------------------------------------------------


def _no_tile(layout: Layout, batch: int) -> Array:
    """What stands in for a tile before the first; small where nothing needs it."""
    shape = (layout.n_members, layout.tile, batch) if layout.has_repeats else ()
    return jnp.zeros(shape, jnp.float32)


def _number(layout: Layout, block: Any, tile: Any) -> Any:
    return block * layout.tiles_per_block + tile


def _n_tiles(layout: Layout, tables: Tables, block: Any) -> Array:
    """Tiles of a block that are in use."""
    left = tables["n_tiles"] - block * layout.tiles_per_block
    return jnp.minimum(left, layout.tiles_per_block)


def _rows(array: Array, tile: Any, size: int) -> Array:
    return lax.dynamic_slice_in_dim(array, tile * size, size, axis=1)


def _put_rows(array: Array, rows: Array, tile: Any, size: int) -> Array:
    return lax.dynamic_update_slice_in_dim(array, rows, tile * size, axis=1)


def _tile_flag(table: Array, tile: Any) -> Array:
    """A flag of each member's tile, `(member, 1, 1)`."""
    return (take(table, tile) > 0)[:, None, None]


def _activate(
    layout: Layout, tables: Tables, tile: Any, z: Array
) -> tuple[Array, Array]:
    """All variants of a tile before they are standardized, one after the other; and
    derivatives of their activations, or in coupled layouts the argument.

    Args:
        layout, tables: of the chunk.
        tile: number of the tile.
        z: `(member, row, batch)` its product.

    Returns:
        Two arrays `(member, stored row, batch)`.
    """
    if layout.has_coupled:
        values = _coupled_values(layout, tables, tile)(z)
        return values, jnp.concatenate([z] * layout.n_variants, axis=1)
    codes, parts = take(tables["code"], tile), []
    for variant, functions in enumerate(layout.functions):
        code = codes[variant][:, None, None]
        own = _where_stored(layout, variant, code, z)
        value, slope = composed(functions[0])(own)
        for number, names in enumerate(functions[1:], start=1):
            own_value, own_slope = composed(names)(own)
            value = jnp.where(code == number, own_value, value)
            slope = jnp.where(code == number, own_slope, slope)
        parts.append((value, slope))
    if len(parts) == 1:
        return parts[0]
    all_values, slopes = zip(*parts, strict=True)
    return jnp.concatenate(all_values, axis=1), jnp.concatenate(slopes, axis=1)


def _where_stored(layout: Layout, variant: int, code: Array, z: Array) -> Array:
    """A product, but zero where a variant is not stored: nothing may overflow there."""
    return jnp.where(code >= 0, z, 0) if layout.has_gaps[variant] else z


def _coupled_values(
    layout: Layout, tables: Tables, tile: Any
) -> Callable[[Array], Array]:
    is_used, codes = take(tables["used"], tile), take(tables["code"], tile)

    def values(z: Array) -> Array:
        parts = []
        for variant, functions in enumerate(layout.functions):
            code = codes[variant][:, None, None]
            given = _where_stored(layout, variant, code, z)
            value = composed_values(functions[0], is_used)(given)
            for number, names in enumerate(functions[1:], start=1):
                own = composed_values(names, is_used)(given)
                value = jnp.where(code == number, own, value)
            parts.append(value)
        return jnp.concatenate(parts, axis=1)

    return values


def _before_activation(
    layout: Layout, tables: Tables, tile: Any, errors: Array, slope: Array
) -> Array:
    """The gradient of a tile's product from that of its variants."""
    if layout.has_coupled:
        argument = slope[:, : layout.tile]
        _, pull = jax.vjp(_coupled_values(layout, tables, tile), argument)
        gradient: Array = pull(errors)[0]
        return gradient
    every = errors * slope
    parts = [
        every[:, i * layout.tile : (i + 1) * layout.tile]
        for i in range(layout.n_variants)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
