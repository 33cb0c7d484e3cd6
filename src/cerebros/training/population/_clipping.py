"""Clipping of gradients as Keras does it: by value, by each norm, by the norm of all.

A variable of a network is spread over rows, tiles and kernels of its chunk: the kernel
of a dense step over the rows of its stage, a scale over the inputs and blocks that the
stage reads. What several tiles share counts once.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from cerebros.lowering.population import Layout, Parameters, Tables
from cerebros.training.population._optimizers import Optimizer

Array = jax.Array


def clipped(
    layout: Layout, optimizer: Optimizer, tables: Tables, gradients: Parameters
) -> Parameters:
    """Gradients after the clipping that an optimizer asks for."""
    if optimizer.clip_value is not None:
        limit = optimizer.clip_value
        return {k: jnp.clip(g, -limit, limit) for k, g in gradients.items()}
    if optimizer.clip_norm is None and optimizer.global_clip_norm is None:
        return gradients
    squares = _variable_squares(layout, tables, gradients)
    if optimizer.global_clip_norm is not None:
        parts = [_total(layout, tables, own) for own in squares.values()]
        total = jnp.stack(parts).sum(axis=0)
        factor = _factor(total, optimizer.global_clip_norm)[None, :, None, None]
        return {k: g * factor for k, g in gradients.items()}
    assert optimizer.clip_norm is not None, "one of the three is asked for"
    factors = {k: _factor(own, optimizer.clip_norm) for k, own in squares.items()}
    return _scaled(layout, tables, gradients, factors)


def _factor(squares: Array, limit: float) -> Array:
    norm = jnp.sqrt(squares)
    return jnp.where(norm > limit, limit / jnp.maximum(norm, 1e-30), 1.0)


def _variable_squares(
    layout: Layout, tables: Tables, gradients: Parameters
) -> dict[str, Array]:
    """Sum of squares of each variable.

    Shapes:
        kernel, bias, scale, shift: `(block, member, tile)`; tiles of one stage repeat
            its sum.
        the same with `_out`: `(1, member, output)`.
    """
    ones = layout.ones_column
    is_bias = jnp.arange(layout.n_columns) == ones
    squares = {k: g * g for k, g in gradients.items()}
    inputs, out = squares["kernel_in"], squares["kernel_out_in"]

    def rows(array: Array, kind: str) -> Array:
        return _by_block(layout, tables, array.sum(axis=-1), kind)

    def outputs(array: Array) -> Array:
        return _by_output(layout, array.sum(axis=(0, 3)))[None]

    result = {
        "kernel": _by_stage(
            layout,
            tables,
            rows(squares["kernel_state"], "state")
            + rows(jnp.where(is_bias, 0, inputs), "in"),
        ),
        "bias": _by_stage(layout, tables, rows(jnp.where(is_bias, inputs, 0), "in")),
        "kernel_out": outputs(squares["kernel_out"])
        + outputs(jnp.where(is_bias, 0, out)),
        "bias_out": outputs(jnp.where(is_bias, out, 0)),
    }
    if layout.has_scales:
        for kind in ("scale", "shift"):
            result[kind] = rows(squares[f"{kind}_state"], "state") + rows(
                squares[f"{kind}_in"], "in"
            )
            result[f"{kind}_out"] = (
                squares[f"{kind}_out"].sum(axis=(0, 3))
                + squares[f"{kind}_out_in"].sum(axis=(0, 3))
            )[None]
    return result


def _by_block(layout: Layout, tables: Tables, array: Array, kind: str) -> Array:
    """`(layer, …)` summed over the layers of each block: `(block, …)`."""
    blocks = tables[f"layer_block_{kind}"]
    return jax.ops.segment_sum(array, blocks, num_segments=layout.n_blocks)


def _by_stage(layout: Layout, tables: Tables, rows: Array) -> Array:
    """`(block, member, row)` summed over stages: `(block, member, tile)`."""
    if layout.has_ties:
        return jnp.einsum("bmts,bms->bmt", tables["sums"], rows)
    return rows.reshape(*rows.shape[:2], -1, layout.tile).sum(axis=-1)


def _by_output(layout: Layout, rows: Array) -> Array:
    """`(member, output row)` summed over each output: `(member, output)`."""
    starts = [sum(layout.output_widths[:i]) for i in range(len(layout.output_widths))]
    parts = [
        rows[:, start : start + width].sum(axis=1)
        for start, width in zip(starts, layout.output_widths, strict=True)
    ]
    return jnp.stack(parts, axis=1)


def _total(layout: Layout, tables: Tables, squares: Array) -> Array:
    """Sum over all variables, those that several tiles repeat once: `(member,)`."""
    if (
        layout.has_ties
        and squares.shape[0] == layout.n_blocks
        and squares.shape[-1] == (layout.tiles_per_block)
    ):
        n_tiles = tables["sums"].sum(axis=-1) / layout.tile
        squares = squares / jnp.maximum(n_tiles, 1)
    return squares.sum(axis=(0, 2))


def _scaled(
    layout: Layout, tables: Tables, gradients: Parameters, factors: dict[str, Array]
) -> Parameters:
    """Each variable's gradient times its factor."""
    is_bias = jnp.arange(layout.n_columns) == layout.ones_column
    result = {}
    for name, gradient in gradients.items():
        variable, _, kind = name.partition("_")
        if kind.startswith("out"):
            own, bias = factors[f"{variable}_out"], factors["bias_out"]
        else:
            blocks = tables[f"layer_block_{kind}"]
            own, bias = factors[variable][blocks], factors["bias"][blocks]
        own, bias = own[..., None], bias[..., None]
        if variable == "kernel":
            own, bias = _rows(layout, own, kind), _rows(layout, bias, kind)
            if kind.endswith("in"):
                own = jnp.where(is_bias, bias, own)
        result[name] = gradient * own
    return result


def _rows(layout: Layout, factors: Array, kind: str) -> Array:
    """Factors of tiles or outputs for each row."""
    if not kind.startswith("out"):
        return jnp.repeat(factors, layout.tile, axis=2)
    widths = jnp.asarray(layout.output_widths)
    return jnp.repeat(factors, widths, axis=2, total_repeat_length=layout.n_outputs)
