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


def n_rows_of(chain: Chain, size: TileSize) -> int:
    """Rows that a chain takes."""
    per_block, n_tiles = size.block // size.tile, 0
    for stage, variants in zip(chain.stages, chain.variants, strict=True):
        own = -(-stage.width // size.tile) * len(variants)
        if own and chain.has_dropout:
            n_tiles += -n_tiles % per_block
        n_tiles += own
    return n_tiles * size.tile


def seat(chain: Chain, size: TileSize) -> Seating:
    """Give every variant its rows, in order of computation.

    A stage may lie in several blocks. With dropout no block holds rows of two stages,
    since what is dropped is drawn for each stage; so its last tiles may idle.
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
        if chain.has_dropout:
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
