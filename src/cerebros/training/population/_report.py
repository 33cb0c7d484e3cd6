"""What the engine did, for benchmarks and logs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cerebros.lowering.population import Chunk, Layout, Member


@dataclass(slots=True)
class PopulationReport:
    """Figures of one population, added up by all workers.

    Attributes:
        layouts: each program in words.
        compile_seconds: spent in tracing, lowering and compiling.
        train_seconds: spent in programs, over all workers.
        n_networks: networks trained.
        useful_flop: multiplications and additions of connected weights, forward,
            backward and in validation; gradients of inputs are not needed.
        computed_flop: the same of all that the programs computed.
    """

    layouts: list[str] = field(default_factory=list)
    compile_seconds: float = 0.0
    train_seconds: float = 0.0
    n_networks: int = 0
    useful_flop: float = 0.0
    computed_flop: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def idle_share(self) -> float:
        """Share of the computed products that no connection asked for."""
        if not self.computed_flop:
            return 0.0
        return 1 - self.useful_flop / self.computed_flop

    def add(
        self,
        chunk: Chunk,
        n_networks: int,
        *,
        n_trained: float,
        n_validated: float,
        seconds: float,
        compile_seconds: float,
    ) -> None:
        """Add what a chunk did.

        Args:
            chunk: its networks.
            n_networks: those that were asked for.
            n_trained, n_validated: rows that went through, all epochs together.
            seconds: spent in the program.
            compile_seconds: spent in making it.
        """
        useful = sum(
            n_trained * train + n_validated * forward
            for train, forward in map(_needed, chunk.members[:n_networks])
        )
        train, forward = _computed(chunk)
        with self._lock:
            self.n_networks += n_networks
            self.train_seconds += seconds
            self.compile_seconds += compile_seconds
            self.useful_flop += useful
            self.computed_flop += n_trained * train + n_validated * forward

    def __str__(self) -> str:
        rate = self.useful_flop / max(self.train_seconds, 1e-9) / 1e9
        return (
            f"{self.n_networks} networks by {len(self.layouts)} programs "
            f"({'; '.join(self.layouts)}): {self.compile_seconds:.1f} s compiling, "
            f"{self.train_seconds:.1f} s training over all cores, "
            f"{self.idle_share:.0%} of the products idle, {rate:.1f} useful GFLOP/s"
        )


def words_of(layout: Layout) -> str:
    """The sizes of a layout in words."""
    return (
        f"{layout.n_members} members, tiles of {layout.tile}, up to "
        f"{layout.n_blocks} blocks of {layout.block} rows, each stored in "
        f"{layout.n_variants} variants"
    )


def _needed(member: Member) -> tuple[float, float]:
    """Products of a row that a network needs: in training, and forward."""
    hidden = inputs = 0
    for stage in member.chain.stages:
        for read in {read.variant: read for read in stage.reads}.values():
            n = stage.width * read.width if stage.dense is not None else read.width
            if read.variant.source < 0:
                inputs += n
            else:
                hidden += n
    return 2.0 * (2 * inputs + 3 * hidden), 2.0 * (inputs + hidden)


def _computed(chunk: Chunk) -> tuple[float, float]:
    """Products of a row that the program of a chunk computes."""
    layout = chunk.layout
    n_blocks, outputs = chunk.pairs.n_blocks, layout.n_outputs
    inputs = (n_blocks * layout.block + outputs) * layout.n_columns
    hidden = len(chunk.pairs) * layout.block * layout.stored
    hidden += outputs * n_blocks * layout.stored
    forward = layout.n_members * (inputs + hidden)
    return 2 * (forward + layout.n_members * (inputs + 2 * hidden)), 2 * forward
