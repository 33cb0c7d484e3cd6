"""Where the features of a chain stand in the rows of the population program.

The state of a network is a column of rows. Rows are computed tile by tile, a tile being
a few rows of one variant of one stage. A stage that is wider than a tile takes several;
its variants take turns, tile by tile, so that each can take over the product of the
tile before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.lowering.population._chain import Chain, Variant

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Tile:
    """A few rows of one variant.

    Attributes:
        stage: number of the stage; -1 for a tile that idles.
        variant: what is stored.
        first: the feature of the stage that the first row holds.
        n_rows: rows that are used; the others of the tile idle.
        repeats: whether it takes over the product of the tile before it.
    """

    stage: int
    variant: Variant
    first: int
    n_rows: int
    repeats: bool


IDLE = Tile(-1, Variant(0, ()), 0, 0, repeats=False)


@dataclass(frozen=True, slots=True)
class TileSize:
    """How many rows are computed at once, and how many make a block."""

    tile: int
    block: int


@dataclass(frozen=True, slots=True)
class Seating:
    """The tiles of a chain, and the rows of its variants.

    Attributes:
        tile: rows of a tile.
        tiles: in order of computation.
        rows: for each variant the row of every feature.
        products: for each stage the rows in which its product is computed; for a stage
            that is returned its rows among the outputs.
    """

    tile: int
    tiles: tuple[Tile, ...]
    rows: dict[Variant, Rows]
    products: tuple[Rows, ...]

    @property
    def n_rows(self) -> int:
        return len(self.tiles) * self.tile


def n_rows_of(chain: Chain, size: TileSize) -> int | None:
    """Rows that a chain takes; None if a stage does not fit into a block."""
    per_block, n_tiles = size.block // size.tile, 0
    is_alone = chain.has_dropout
    for stage, variants in zip(chain.stages, chain.variants, strict=True):
        own = -(-stage.width // size.tile) * len(variants)
        if own > per_block:
            return None
        if own and (is_alone or n_tiles % per_block + own > per_block):
            n_tiles += -n_tiles % per_block
        n_tiles += own
    return n_tiles * size.tile


def seat(chain: Chain, size: TileSize) -> Seating:
    """Give every variant its rows, in order of computation.

    A stage lies in one block, since its tiles share their scales; so the last tiles of
    a block may idle. With dropout a block holds a single stage, since what is dropped
    is drawn for each stage.

    Raises:
        LoweringError: if a stage does not fit into a block.
    """
    tile, per_block = size.tile, size.block // size.tile
    tiles: list[Tile] = []
    rows: dict[Variant, Rows] = {}
    products: list[Rows] = []
    place = 0  # among the outputs
    starts = {}
    for number in chain.outputs:
        starts[number] = place
        place += chain.stages[number].width
    for number, (stage, variants) in enumerate(
        zip(chain.stages, chain.variants, strict=True)
    ):
        features = np.arange(stage.width)
        if number in starts:
            products.append(starts[number] + features)
            continue
        n_tiles = -(-stage.width // tile) * len(variants)
        if n_tiles > per_block:
            raise LoweringError(
                f"a layer of {stage.width} neurons takes {n_tiles} tiles of {tile} "
                f"rows, more than a block of {size.block}; use larger blocks"
            )
        if chain.has_dropout or len(tiles) % per_block + n_tiles > per_block:
            tiles += [IDLE] * (-len(tiles) % per_block)
        stride = len(variants) * tile
        first_row = len(tiles) * tile
        for i, variant in enumerate(variants):
            rows[variant] = (
                first_row + features // tile * stride + i * tile + features % tile
            )
        products.append(first_row + features // tile * stride + features % tile)
        tiles += _tiles(number, stage.width, variants, tile)
    return Seating(tile, tuple(tiles), rows, tuple(products))


def _tiles(
    number: int, width: int, variants: tuple[Variant, ...], tile: int
) -> Iterator[Tile]:
    for first in range(0, width, tile):
        for i, variant in enumerate(variants):
            yield Tile(number, variant, first, min(tile, width - first), i > 0)
