"""Which blocks of rows read which.

A product is computed for every pair of blocks of which any member of a chunk reads the
one in the other: nearly all in small networks, few in deep ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cerebros.lowering.population._chain import Chain
from cerebros.lowering.population._seating import Seating

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of a block and one that it reads, ordered by the reader, then the source.

    Where a block has several tiles, it reads itself, and that pair is the last of its
    reader.

    Attributes:
        n_blocks: blocks that are used.
        readers, sources: `(pair,)` numbers of blocks.
    """

    n_blocks: int
    readers: Index
    sources: Index

    def __len__(self) -> int:
        return len(self.readers)

    def numbers(self, readers: Index, sources: Index) -> Index:
        """Numbers of given pairs; the arrays broadcast against each other."""
        known = self.readers * self.n_blocks + self.sources
        return np.searchsorted(known, readers * self.n_blocks + sources)

    def firsts(self) -> Index:
        """`(block + 1,)` the first pair of each reader."""
        return np.searchsorted(self.readers, np.arange(self.n_blocks + 1))

    def by_source(self) -> tuple[Index, Index]:
        """`(pair,)` numbers ordered by the source; `(block + 1,)` the first of each.

        The pair of a block and itself, if there is one, is the first of its source.
        """
        order = np.lexsort((self.readers, self.sources))
        first = np.searchsorted(self.sources[order], np.arange(self.n_blocks + 1))
        return order, first


def pairs_of(chains: Sequence[Chain], seatings: Sequence[Seating]) -> Pairs:
    """The pairs that the networks of a chunk need between them."""
    size = seatings[0].size
    block, stored = size.block, size.block * size.n_variants
    n_blocks = -(-max(seating.n_rows for seating in seatings) // block)
    has_inside = size.tile < block
    is_read = np.eye(n_blocks, dtype=bool) & has_inside
    for chain, seating in zip(chains, seatings, strict=True):
        spans = {variant: _span(rows, stored) for variant, rows in seating.rows.items()}
        for number, stage in enumerate(chain.stages):
            if number in chain.outputs:
                continue
            own = _span(seating.products[number], block)
            for read in stage.reads:
                if read.variant.source >= 0:
                    is_read[own, spans[read.variant]] = True
    readers, sources = np.nonzero(is_read)
    return Pairs(n_blocks, readers, sources)


def _span(rows: npt.NDArray[np.intp], block: int) -> slice:
    """The blocks that ascending rows lie in."""
    return slice(int(rows[0]) // block, int(rows[-1]) // block + 1)
