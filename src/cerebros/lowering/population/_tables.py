"""What a program must know of the networks of a chunk, as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cerebros.lowering.population._chain import Chain, Stage
from cerebros.lowering.population._drops import Drops, keys_of
from cerebros.lowering.population._layout import Layout
from cerebros.lowering.population._packing import (
    Addresses,
    Layers,
    entries_of,
    pair_of,
    split_buffer,
)
from cerebros.lowering.population._seating import Seating

Tables = dict[str, Any]
"""Arrays by name; see `make_tables`."""


def make_tables(
    chains: Sequence[Chain],
    seatings: Sequence[Seating],
    addresses: Sequence[Addresses],
    layout: Layout,
    layers: Layers,
    seeds: Sequence[int],
) -> Tables:
    """The tables of a chunk; members beyond those given idle.

    Shapes:
        n_blocks: number of blocks that are used.
        code: `(tile, member)` number of the composition of activations.
        normalized: `(block, member, row)` 1 where rows are stored standardized.
        repeats: `(tile, member)` 1 where a tile takes over the product before it.
        used: `(tile, member, row, 1)` rows that belong to a stage.
        sums: `(block, member, tile, row)` 1 where a row belongs to the stage of a
            tile; scales of such tiles are one parameter.
        layer_first_*, layer_n_*: first kernel of each block, and how many.
        layer_block_*: `(layer,)` the block of each kernel.
        mask: which numbers are trained, as the parameters.
        drops: keys and rates of dropout, see `Drops`; with dropout only.
    """
    n_tiles = layout.n_blocks * layout.tiles_per_block
    shape = (n_tiles, layout.n_members)
    code = np.zeros(shape, np.int32)
    normalized = np.ones((*shape, layout.tile), np.float32)
    repeats = np.zeros(shape, np.float32)
    used = np.zeros((*shape, layout.tile, 1), bool)
    codes = {functions: i for i, functions in enumerate(layout.functions)}
    for member, seating in enumerate(seatings):
        for i, tile in enumerate(seating.tiles):
            if tile.stage < 0:
                continue
            code[i, member] = codes[tile.variant.functions]
            normalized[i, member] = tile.variant.normalized
            repeats[i, member] = tile.repeats
            used[i, member, : tile.n_rows] = True
    rows = max((seating.n_rows for seating in seatings), default=0)
    tables: Tables = {"n_blocks": np.int32(-(-rows // layout.block)), "code": code}
    if layout.has_plain:
        by_block = normalized.reshape(
            layout.n_blocks, layout.tiles_per_block, layout.n_members, layout.tile
        )
        tables["normalized"] = by_block.swapaxes(1, 2).reshape(
            layout.n_blocks, layout.n_members, layout.block
        )
    if layout.has_repeats:
        tables["repeats"] = repeats
    if layout.has_coupled:
        tables["used"] = used
    if layout.has_ties:
        tables["sums"] = _sums(seatings, layout)
    tables |= _layer_tables(layers, layout)
    if layout.has_dropout:
        tables["drops"] = _drops(chains, seatings, layout, seeds)
    if layout.has_masks:
        tables["mask"] = _mask(addresses, layout)
    return tables


def _drops(
    chains: Sequence[Chain],
    seatings: Sequence[Seating],
    layout: Layout,
    seeds: Sequence[int],
) -> Drops:
    c, u, n = layout.n_members, len(layout.output_widths), layout.n_blocks
    shapes = (
        (layout.n_pairs, c, layout.block),
        (n, c, layout.n_columns),
        (n, c, u, layout.block),
        (c, u, layout.n_columns),
    )
    drops = Drops(*((np.zeros(s, np.uint32), np.zeros(s, np.float32)) for s in shapes))
    for member, (chain, seating) in enumerate(zip(chains, seatings, strict=True)):
        every = entries_of(chain, seating, layout)
        for number, stage in enumerate(chain.stages):
            keys, rates = _keys_and_rates(stage, seeds[member])
            is_input = every[number].is_input
            columns = every[number].columns
            source, column = columns // layout.block, columns % layout.block
            if number in chain.outputs:
                output = chain.outputs.index(number)
                inputs: Any = (member, output, columns[is_input])
                state: Any = (source[~is_input], member, output, column[~is_input])
                places = (drops.out_in, inputs), (drops.out, state)
            else:
                block = int(seating.products[number][0]) // layout.block
                inputs = (block, member, columns[is_input])
                state = (
                    pair_of(np.array(block), source[~is_input]),
                    member,
                    column[~is_input],
                )
                places = (drops.inputs, inputs), (drops.state, state)
            for (own, at), which in zip(places, (is_input, ~is_input), strict=True):
                own[0][at], own[1][at] = keys[which], rates[which]
    return drops


def _keys_and_rates(stage: Stage, seed: int) -> tuple[Any, Any]:
    keys, rates = [], []
    for read in stage.reads:
        mask = read.mask
        rates.append(np.full(read.width, mask.rate if mask else 0.0, np.float32))
        if mask is None:
            keys.append(np.zeros(read.width, np.uint32))
        else:
            keys.append(keys_of(seed, mask.name, mask.offset, read.width))
    return np.concatenate(keys), np.concatenate(rates)


def _sums(seatings: Sequence[Seating], layout: Layout) -> Any:
    n_tiles = layout.n_blocks * layout.tiles_per_block
    stages = np.full((layout.n_members, n_tiles), -1)
    for member, seating in enumerate(seatings):
        own = [-1 if tile.repeats else tile.stage for tile in seating.tiles]
        stages[member, : len(own)] = own
    by_block = stages.reshape(layout.n_members, layout.n_blocks, -1).swapaxes(0, 1)
    rows = np.repeat(by_block, layout.tile, axis=2)
    same = (by_block[..., None] == rows[:, :, None, :]) & (by_block >= 0)[..., None]
    return same.astype(np.float32)


def _layer_tables(layers: Layers, layout: Layout) -> Tables:
    tables: Tables = {"layer_n_out_in": np.int32(layers.out_in)}
    readers = np.repeat(np.arange(layout.n_blocks), np.arange(layout.n_blocks) + 1)
    for name, counts, blocks, n in (
        ("state", layers.state, readers, layout.n_layers),
        ("in", layers.inputs, np.arange(layout.n_blocks), layout.n_layers_in),
    ):
        own = np.zeros(n, np.int32)
        own[: counts.sum()] = np.repeat(blocks, counts)
        tables[f"layer_block_{name}"] = own
    for name, counts in (
        ("state", layers.state),
        ("in", layers.inputs),
        ("out", layers.out),
    ):
        tables[f"layer_n_{name}"] = counts.astype(np.int32)
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        tables[f"layer_first_{name}"] = first.astype(np.int32)
    return tables


def _mask(addresses: Sequence[Addresses], layout: Layout) -> dict[str, Any]:
    """1 for numbers that are trained."""
    buffer = np.zeros(layout.n_parameters(), np.float32)
    for own in addresses:
        buffer[own.trained] = 1
        buffer[own.repeated] = 1
    return split_buffer(buffer, layout)
