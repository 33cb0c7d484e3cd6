"""What a program must know of the networks of a chunk, as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cerebros.lowering.population._chain import Chain, Stage
from cerebros.lowering.population._drops import Drops, keys_of
from cerebros.lowering.population._layout import SLAB, Layout, n_slabs_of
from cerebros.lowering.population._packing import Places, entries_of
from cerebros.lowering.population._pairs import Pairs
from cerebros.lowering.population._seating import Seating

Tables = dict[str, Any]
"""Arrays by name; see `make_tables`."""


def make_tables(
    chains: Sequence[Chain],
    seatings: Sequence[Seating],
    places: Sequence[Places],
    layout: Layout,
    pairs: Pairs,
    seeds: Sequence[int],
    *,
    first_further: int,
) -> Tables:
    """The tables of a chunk; members beyond those given idle.

    Shapes:
        n_blocks, n_tiles, n_slabs: see `table_extents`.
        code: `(tile, variant, member)` number of the composition of activations; -1
            where a variant is not stored.
        normalized: `(block, member, stored row)` 1 where rows are standardized.
        repeats: `(tile, member)` 1 where a tile takes over the product before it.
        used: `(tile, member, row, 1)` rows that belong to a stage.
        reads_inputs: `(block,)` whether any member reads inputs there.
        pair_*: see `_pair_tables`.
        first_further, kernel_at, …: see `_place_tables`.
        drops: keys and rates of dropout, see `Drops`; with dropout only.
    """
    n_tiles = layout.n_blocks * layout.tiles_per_block
    c, k = layout.n_members, layout.n_variants
    code = np.full((n_tiles, k, c), -1, np.int32)
    normalized = np.ones((n_tiles, c, k, layout.tile), np.float32)
    repeats = np.zeros((n_tiles, c), np.float32)
    used = np.zeros((n_tiles, c, layout.tile, 1), bool)
    codes = [{f: i for i, f in enumerate(own)} for own in layout.functions]
    for member, seating in enumerate(seatings):
        for i, tile in enumerate(seating.tiles):
            for j, variant in enumerate(tile.variants):
                code[i, j, member] = codes[j][variant.functions]
                normalized[i, member, j] = variant.normalized
            repeats[i, member] = tile.repeats
            used[i, member, : tile.n_rows] = True
    tables: Tables = {"code": code} | table_extents(seatings, places, layout)
    if layout.has_plain:
        by_block = normalized.reshape(layout.n_blocks, layout.tiles_per_block, c, -1)
        tables["normalized"] = by_block.swapaxes(1, 2).reshape(
            layout.n_blocks, c, layout.stored
        )
    if layout.has_repeats:
        tables["repeats"] = repeats
    if layout.has_coupled:
        tables["used"] = used
    tables["reads_inputs"] = _reads_inputs(chains, seatings, layout)
    tables |= _pair_tables(pairs, layout)
    tables |= _place_tables(places, layout, first_further)
    if layout.has_dropout:
        tables["drops"] = _drops(chains, seatings, layout, pairs, seeds)
    return tables


def _reads_inputs(
    chains: Sequence[Chain], seatings: Sequence[Seating], layout: Layout
) -> Any:
    result = np.zeros(layout.n_blocks, bool)
    for chain, seating in zip(chains, seatings, strict=True):
        for number, stage in enumerate(chain.stages):
            is_output = number in chain.outputs
            if not is_output and any(r.variant.source < 0 for r in stage.reads):
                result[seating.products[number] // layout.block] = True
    return result


def table_extents(
    seatings: Sequence[Seating], places: Sequence[Places], layout: Layout
) -> Tables:
    """How far the loops of a program go.

    Shapes:
        n_blocks, n_tiles: blocks and tiles that are used.
        n_slabs: slabs that are used.
    """
    n_tiles = max((len(seating.tiles) for seating in seatings), default=0)
    n_features = max((int(own.features.max()) + 1 for own in places), default=0)
    return {
        "n_blocks": np.int32(-(-n_tiles // layout.tiles_per_block)),
        "n_tiles": np.int32(n_tiles),
        "n_slabs": np.int32(n_slabs_of(n_features)),
    }


def _pair_tables(pairs: Pairs, layout: Layout) -> Tables:
    """Pairs of blocks, as far as they are used.

    Shapes:
        pair_source: `(pair,)` the block that is read.
        pair_first: `(block + 1,)` the first pair of each reader.
        pair_by_source: `(pair,)` numbers of pairs ordered by the block that is read.
        pair_reader: `(pair,)` the readers of those.
        pair_first_by_source: `(block + 1,)` the first of those of each source.
    """
    order, by_source = pairs.by_source()

    def padded(values: Any, n: int) -> Any:
        result = np.full(n, len(pairs), np.int32)
        result[: len(values)] = values
        return result

    return {
        "pair_source": padded(pairs.sources, layout.n_pairs),
        "pair_first": padded(pairs.firsts(), layout.n_blocks + 1),
        "pair_by_source": padded(order, layout.n_pairs),
        "pair_reader": padded(pairs.readers[order], layout.n_pairs),
        "pair_first_by_source": padded(by_source, layout.n_blocks + 1),
    }


def _place_tables(
    places: Sequence[Places], layout: Layout, first_further: int
) -> Tables:
    """Where the products meet the parameters.

    Shapes:
        first_further: the slab at which further copies of connections begin.
        kernel_at: `(slab, member, feature, window)` positions among all kernels.
        stage_of: `(slab, member, feature)` number of the stage among those of all
            members.
        bias_at: `(member, stage, window)` positions of biases.
        is_scaled: `(slab, member, feature)` 1 where scale and shift are trained.
        is_dense: `(member, stage)` 1 where kernel and bias are trained.
    """
    n_slabs, c, n_stages = layout.n_slabs, layout.n_members, layout.n_stages
    kernel_at = np.full((n_slabs, c, SLAB, layout.n_windows), layout.nowhere, np.int32)
    stage_of = np.zeros((n_slabs, c, SLAB), np.int32)
    stage_of += n_stages * np.arange(c, dtype=np.int32)[:, None]
    bias_at = np.full((c, n_stages, layout.n_windows), layout.nowhere, np.int32)
    is_scaled = np.zeros((n_slabs, c, SLAB), np.float32)
    is_dense = np.zeros((c, n_stages), np.float32)
    for member, own in enumerate(places):
        slab, place = np.divmod(own.features, SLAB)
        kernel_at[slab, member, place] = own.kernel_at
        stage_of[slab, member, place] += own.stage_of.astype(np.int32)
        is_scaled[slab, member, place] = own.is_scaled
        bias_at[member, : len(own.bias_at)] = own.bias_at
        is_dense[member, : len(own.is_dense)] = own.is_dense
    tables: Tables = {
        "kernel_at": kernel_at,
        "stage_of": stage_of,
        "bias_at": bias_at,
    }
    if layout.has_copies:
        tables["first_further"] = np.int32(first_further)
    if layout.has_fixed:
        tables |= {"is_scaled": is_scaled, "is_dense": is_dense}
    return tables


def _drops(
    chains: Sequence[Chain],
    seatings: Sequence[Seating],
    layout: Layout,
    pairs: Pairs,
    seeds: Sequence[int],
) -> Drops:
    c, u, n = layout.n_members, len(layout.output_widths), layout.n_blocks
    shapes = (
        (layout.n_pairs, c, layout.stored),
        (n, c, layout.n_columns),
        (n, c, u, layout.stored),
        (c, u, layout.n_columns),
    )
    drops = Drops(*((np.zeros(s, np.uint32), np.zeros(s, np.float32)) for s in shapes))
    for member, (chain, seating) in enumerate(zip(chains, seatings, strict=True)):
        every = entries_of(chain, seating, layout)
        for number, stage in enumerate(chain.stages):
            keys, rates = _keys_and_rates(stage, seeds[member])
            is_input = every[number].is_input
            columns = every[number].columns
            source, column = np.divmod(columns, layout.stored)
            if number in chain.outputs:
                output = chain.outputs.index(number)
                inputs: Any = (member, output, columns[is_input])
                state: Any = (source[~is_input], member, output, column[~is_input])
                places = (drops.out_in, inputs), (drops.out, state)
            else:
                block = np.unique(seating.products[number] // layout.block)[:, None]
                inputs = (block, member, columns[is_input])
                state = (
                    pairs.numbers(block, source[~is_input]),
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
