"""Where the features of a chain stand in the rows of the population program.

Products are computed tile by tile, a tile being a few rows of one stage, and each tile
is stored in one or several variants: so many rows of the *state*, which others read. A
stage that is wider than a tile takes several. One with more variants than are stored of
a tile takes further tiles, which take over the product of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cerebros.lowering.population._chain import Chain, Variant
from cerebros.lowering.population._layout import rounded_up, window_of

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Tile:
    """A few rows of one stage.

    Attributes:
        variants: what is stored, at most as many as the size has; none of a tile that
            idles.
        n_rows: rows that are used; the others of the tile idle.
        repeats: whether it takes over the product of the tile before it.
    """

    variants: tuple[Variant, ...]
    n_rows: int
    repeats: bool


IDLE = Tile((), 0, repeats=False)


@dataclass(frozen=True, slots=True)
class TileSize:
    """How many rows are computed at once, how many make a block, and how many variants
    of them are stored.
    """

    tile: int
    block: int
    n_variants: int = 1


@dataclass(frozen=True, slots=True)
class Seating:
    """The tiles of a chain, and the rows of its variants.

    Attributes:
        size: of tiles and blocks.
        tiles: in order of computation.
        rows: for each variant the row of the state of every feature.
        products: for each stage the rows in which its product is computed; for a stage
            that is returned its rows among the outputs, as `Layout.regions` has them.
    """

    size: TileSize
    tiles: tuple[Tile, ...]
    rows: dict[Variant, Rows]
    products: tuple[Rows, ...]

    @property
    def n_rows(self) -> int:
        """Rows of products."""
        return len(self.tiles) * self.size.tile


def n_rows_of(chain: Chain, size: TileSize) -> int:
    """Rows of products that a chain takes."""
    per_block, n_tiles, was_alone = size.block // size.tile, 0, False
    for stage, variants in zip(chain.stages, chain.variants, strict=True):
        if not variants:
            continue
        if stage.has_dropout or was_alone:
            n_tiles += -n_tiles % per_block
        was_alone = stage.has_dropout
        n_tiles += -(-stage.width // size.tile) * _n_turns(variants, size)
    return n_tiles * size.tile


def _n_turns(variants: tuple[Variant, ...], size: TileSize) -> int:
    """Tiles that the same features take."""
    return -(-len(variants) // size.n_variants)


def seat(chain: Chain, size: TileSize) -> Seating:
    """Give every stage and every variant its rows, in order of computation.

    A stage may lie in several blocks. One that reads through dropout shares none of
    them, since what is dropped is drawn for whole blocks; so the last tiles of a block
    may idle.
    """
    tile, per_block = size.tile, size.block // size.tile
    tiles: list[Tile] = []
    rows: dict[Variant, Rows] = {}
    products: list[Rows] = []
    was_alone = False
    place = 0  # among the outputs
    starts = {}
    for number in chain.outputs:
        starts[number] = place
        place += rounded_up(chain.stages[number].width, window_of(tile))
    for number, (stage, variants) in enumerate(
        zip(chain.stages, chain.variants, strict=True)
    ):
        features = np.arange(stage.width)
        if number in starts:
            products.append(starts[number] + features)
            continue
        if stage.has_dropout or was_alone:
            tiles += [IDLE] * (-len(tiles) % per_block)
        was_alone = stage.has_dropout
        own_tiles = len(tiles) + features // tile * _n_turns(variants, size)
        for i, variant in enumerate(variants):
            turn, slot = divmod(i, size.n_variants)
            slots = (own_tiles + turn) * size.n_variants + slot
            rows[variant] = slots * tile + features % tile
        products.append(own_tiles * tile + features % tile)
        tiles += _tiles(stage.width, variants, size)
    return Seating(size, tuple(tiles), rows, tuple(products))


def _tiles(width: int, variants: tuple[Variant, ...], size: TileSize) -> Iterator[Tile]:
    n = size.n_variants
    for first in range(0, width, size.tile):
        n_rows = min(size.tile, width - first)
        for i in range(0, len(variants), n):
            yield Tile(variants[i : i + n], n_rows, i > 0)
