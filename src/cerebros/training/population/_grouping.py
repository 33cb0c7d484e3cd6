"""Which networks are trained by which program, and together with which others.

All of this follows from the plans and from constants that belong to a search's
definition: never from the time, the number of cores or what happened before. The cost
model is rough; it only has to rank a few sizes of tiles, not to tell seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from cerebros.lowering.population import (
    Chain,
    Chunk,
    Layout,
    Member,
    Seating,
    TileSize,
    chain_of,
    common_layout,
    coupled_width,
    has_copies,
    n_read,
    n_rows_of,
    n_slabs_of,
    pairs_of,
    port_widths,
    rounded_up,
    seat,
)
from cerebros.plan import NetworkPlan
from cerebros.training._task import TrainingTask

GROUPING: dict[str, Any] = {
    "version": 1,
    "sizes": [
        [1, 16],
        [2, 16],
        [4, 16],
        [8, 32],
        [8, 64],
        [16, 16],
        [16, 64],
        [16, 128],
        [32, 32],
        [64, 64],
        [32, 256],
        [64, 512],
    ],
    "dropout_sizes": [[1, 2], [2, 4], [4, 8], [8, 16]],
    "most_members": 16,
    "fewest_members": 2,
    "large_members": 4,
    "state_bytes": 320_000,
    "chunk_bytes": 1_500_000_000,
}
"""What decides layouts and chunks; part of a search's definition."""

_COLUMNS = 96  # of a batch, for the cost model
# Microseconds for a multiplication, a row, a tile of all members, and a number of a
# kernel; fitted by eye.
_FLOP, _ROW, _TILE, _PARAMETER = 3e-5, 0.4, 6.0, 1e-3
_USUAL_BLOCK = 16
_MANY_BLOCKS = 8
_MANY_NETWORKS = 1024
_MANY_PARAMETERS = 100_000


@dataclass(frozen=True, slots=True)
class Group:
    """Networks that one program trains, cut into chunks.

    Attributes:
        size: of tiles and blocks.
        layout: static sizes.
        chunks: the chunks, each with the tasks of its members.
    """

    layout: Layout
    chunks: tuple[tuple[Chunk, tuple[TrainingTask, ...]], ...]

    @property
    def n_networks(self) -> int:
        return sum(len(tasks) for _, tasks in self.chunks)


@lru_cache(maxsize=4096)
def cached_chain(plan: NetworkPlan) -> Chain:
    """The chain of a plan; plans are asked for more than once."""
    return chain_of(plan)


def size_for(chain: Chain) -> TileSize | None:
    """The size that suits one network best, or None if it is too wide for all."""
    costs = [
        (cost, size)
        for size in _sizes(chain)
        if (cost := _microseconds(chain, size)) is not None
    ]
    return min(costs, key=lambda pair: pair[0])[1] if costs else None


@lru_cache(maxsize=4096)
def network_bytes(plan: NetworkPlan, batch_columns: int) -> int:
    """About what the training of one network takes, if it is alone in a chunk.

    A rough bound from above where that is little.

    Raises:
        ValueError: if it fits no size of tiles.
    """
    if plan.n_parameters < _MANY_PARAMETERS:
        return 4 * 64 * _MANY_PARAMETERS
    chain = cached_chain(plan)
    size = size_for(chain)
    if size is None:
        raise ValueError("the network fits no size of tiles")
    seating = seat(chain, size)
    layout = common_layout([chain], [seating], size, n_members=1)
    task = TrainingTask(plan, seed=0, number=0)
    return _cut([(task, chain, seating)], layout).layout.n_bytes(batch_columns)


def groups_of(tasks: Sequence[TrainingTask], *, batch_columns: int) -> list[Group]:
    """Sort tasks into groups and chunks.

    Args:
        tasks: all tasks of a population.
        batch_columns: of a batch, rounded up.
    """
    kinds: dict[Any, list[tuple[TrainingTask, Chain]]] = {}
    for task in tasks:
        chain = cached_chain(task.plan)
        kinds.setdefault(_kind(task, chain), []).append((task, chain))
    result = []
    for members in kinds.values():
        for size, own in _by_size(members):
            result.append(_group(own, size, batch_columns))
    return result


def _sizes(chain: Chain) -> list[TileSize]:
    """Sizes to choose from; with dropout some stages have blocks of their own, and
    small ones may be best.
    """
    more = GROUPING["dropout_sizes"] if chain.has_dropout else []
    return [TileSize(*size) for size in [*GROUPING["sizes"], *more]]


def _kind(task: TrainingTask, chain: Chain) -> Any:
    """What must be equal, or had better be, for one program."""
    reads = [read for stage in chain.stages for read in stage.reads]
    split = None if task.split is None else id(task.split)
    return (
        port_widths(chain),
        chain.output_activations,
        split,
        has_copies(chain),
        any(read.scale is not None for read in reads),
        any(stage.dense is None for stage in chain.stages),
        coupled_width(chain) > 0,
        chain.has_dropout,
    )


def _by_size(
    members: Sequence[tuple[TrainingTask, Chain]],
) -> list[tuple[TileSize, list[tuple[TrainingTask, Chain]]]]:
    """One size for all if that costs little more than the best for each."""
    costs = {
        size: [_microseconds(chain, size) for _, chain in members]
        for size in _sizes(members[0][1])
    }
    totals = {
        size: sum(cost for cost in own if cost is not None)
        for size, own in costs.items()
        if None not in own
    }
    if totals:
        best = min(totals, key=lambda size: totals[size])
        return [(best, list(members))]
    found: dict[TileSize, list[tuple[TrainingTask, Chain]]] = {}
    for member in members:
        size = size_for(member[1])
        assert size is not None, "networks that fit no size are not lowered"
        found.setdefault(size, []).append(member)
    return list(found.items())


def _microseconds(chain: Chain, size: TileSize) -> float | None:
    """Roughly what a step takes, or None if the chain does not fit."""
    if coupled_width(chain) > size.tile:
        return None
    n_rows = n_rows_of(chain, size)
    n_blocks = max(1, -(-n_rows // size.block))
    n_members = _n_members(_MANY_NETWORKS, n_rows * size.n_variants, _COLUMNS)
    rows, inputs = n_blocks * size.block, sum(chain.input_widths)
    n_pairs = n_blocks * (n_blocks + 1) / 2
    if n_blocks > _MANY_BLOCKS:  # of which few read each other
        n_pairs = len(pairs_of([chain], [seat(chain, size)]))
    kernels = rows * inputs + n_pairs * size.block**2 * size.n_variants
    # Products of larger blocks run at a higher rate.
    rate = 0.5 * (1 + _USUAL_BLOCK / size.block)
    return (
        _FLOP * _COLUMNS * 3 * kernels * rate
        + _ROW * rows * size.n_variants
        + _TILE / n_members * rows / size.tile
        + _PARAMETER * kernels
    )


def _group(
    members: Sequence[tuple[TrainingTask, Chain]], size: TileSize, batch_columns: int
) -> Group:
    seated = [(task, chain, seat(chain, size)) for task, chain in members]
    seated.sort(key=lambda item: (item[2].n_rows, item[0].number))
    rows = seated[len(seated) // 2][2].n_rows * size.n_variants
    n_members = _n_members(len(seated), rows, batch_columns)
    layout = common_layout(
        [chain for _, chain, _ in seated],
        [seating for _, _, seating in seated],
        size,
        n_members=n_members,
    )
    layout = replace(
        layout,
        n_blocks=_rounded(layout.n_blocks),
        n_stages=_rounded(layout.n_stages),
    )
    group = _cut(seated, layout)
    while group.layout.n_members > 1 and _is_large(group.layout, batch_columns):
        group = _cut(seated, replace(layout, n_members=group.layout.n_members // 2))
    return group


def _is_large(layout: Layout, batch_columns: int) -> bool:
    return layout.n_bytes(batch_columns) > int(GROUPING["chunk_bytes"])


def _cut(
    seated: Sequence[tuple[TrainingTask, Chain, Seating]], layout: Layout
) -> Group:
    """Chunks of the layout's number of members, and the layout with room for each."""
    n = layout.n_members
    parts = [seated[i : i + n] for i in range(0, len(seated), n)]
    all_pairs, firsts, furthers = [], [], []
    for part in parts:
        chains = [chain for _, chain, _ in part]
        reads = [n_read(chain) for chain in chains]
        firsts.append(max(n_slabs_of(first) for first, _ in reads))
        furthers.append(max(n_slabs_of(further) for _, further in reads))
        all_pairs.append(pairs_of(chains, [s for _, _, s in part]))
    layout = replace(
        layout,
        n_pairs=_rounded(max(1, *map(len, all_pairs))),
        n_slabs=_rounded(max(map(sum, zip(firsts, furthers, strict=True)))),
    )
    chunks = []
    for part, pairs, first in zip(parts, all_pairs, firsts, strict=True):
        members = tuple(Member(task.plan, chain, own) for task, chain, own in part)
        chunk = Chunk(members, layout, pairs, first)
        chunks.append((chunk, tuple(task for task, _, _ in part)))
    return Group(layout, tuple(chunks))


def _n_members(n: int, rows: int, batch_columns: int) -> int:
    """Networks of a chunk: few if there are few, or if they are large; but not too
    few, since each loop costs something, whatever it does.

    Args:
        n: networks of the group.
        rows: stored rows of a network, such that half of them have fewer.
        batch_columns: of a batch, rounded up.
    """
    fitting = GROUPING["state_bytes"] // (4 * max(1, rows) * batch_columns)
    most = min(
        GROUPING["most_members"],
        max(GROUPING["large_members"], fitting),
        max(GROUPING["fewest_members"], n // 8),
    )
    return int(2 ** int(np.log2(max(1, min(most, n)))))


def _rounded(n: int) -> int:
    """Rounded up, so that another search finds the program in the cache."""
    return n if n <= 4 else rounded_up(n, 4)
