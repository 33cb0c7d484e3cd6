"""The smallest layout that given networks fit."""

from __future__ import annotations

from collections.abc import Sequence

from cerebros.errors import LoweringError
from cerebros.lowering.population._chain import Chain
from cerebros.lowering.population._functions import is_coupled
from cerebros.lowering.population._layout import Layout, n_lanes_of
from cerebros.lowering.population._seating import Seating, TileSize


def common_layout(
    chains: Sequence[Chain],
    seatings: Sequence[Seating],
    size: TileSize,
    *,
    n_members: int,
) -> Layout:
    """The smallest layout that all networks fit, but for what depends on their chunks:
    without slabs and pairs of blocks.

    Args:
        chains: of the networks.
        seatings: by the tile of the size.
        size: of tiles and blocks.
        n_members: networks of a chunk.

    Raises:
        LoweringError: if inputs or outputs differ.
    """
    first = chains[0]
    if any(port_widths(chain) != port_widths(first) for chain in chains):
        raise LoweringError(
            "networks of one population must have equal inputs and outputs, but these "
            f"have {sorted({port_widths(chain) for chain in chains})}"
        )
    rows = max(seating.n_rows for seating in seatings)
    reads = [r for chain in chains for stage in chain.stages for r in stage.reads]
    inputs = [read.variant for read in reads if read.variant.source < 0]
    tiles = {t.variants for s in seatings for t in s.tiles if t.variants}
    stored = [
        [variants[i] for variants in tiles if i < len(variants)]
        for i in range(size.n_variants)
    ]
    stages = [stage for chain in chains for stage in chain.stages]
    has_scales = any(read.scale is not None for read in reads)
    is_fixed = any(stage.dense is None for stage in stages)
    return Layout(
        n_members=n_members,
        tile=size.tile,
        block=size.block,
        n_variants=size.n_variants,
        n_blocks=max(1, -(-rows // size.block)),
        n_features=sum(first.input_widths),
        standardizes_inputs=any(variant.normalized for variant in inputs),
        reads_plain_inputs=any(not variant.normalized for variant in inputs),
        output_widths=port_widths(first)[1],
        functions=tuple(
            tuple(sorted({variant.functions for variant in own})) or ((),)
            for own in stored
        ),
        n_pairs=0,
        lanes=n_lanes_of(max(stage.width for stage in stages), size.tile),
        n_slabs=0,
        n_stages=max(len(chain.stages) for chain in chains),
        has_copies=any(has_copies(chain) for chain in chains),
        has_scales=has_scales,
        has_fixed=is_fixed or (has_scales and any(r.scale is None for r in reads)),
        has_repeats=any(t.repeats for seating in seatings for t in seating.tiles),
        has_plain=any(not variant.normalized for own in stored for variant in own),
        has_gaps=tuple(
            any(len(variants) <= i for variants in tiles)
            for i in range(size.n_variants)
        ),
        has_dropout=any(chain.has_dropout for chain in chains),
    )


def port_widths(chain: Chain) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths of inputs and of outputs."""
    return chain.input_widths, tuple(chain.stages[n].width for n in chain.outputs)


def has_copies(chain: Chain) -> bool:
    return any(
        len({read.variant for read in stage.reads}) < len(stage.reads)
        for stage in chain.stages
    )


def coupled_width(chain: Chain) -> int:
    """Rows of the widest stage whose activation reads all of its rows, or 0."""
    return max(
        (
            stage.width
            for stage, variants in zip(chain.stages, chain.variants, strict=True)
            if any(is_coupled(variant.functions) for variant in variants)
        ),
        default=0,
    )
