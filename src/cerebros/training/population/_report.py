"""What the engine did, for benchmarks and logs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class PopulationReport:
    """Figures of one population.

    Attributes:
        layouts: a line for each program.
        compile_seconds: spent in tracing, lowering and compiling, over all programs.
        train_seconds: spent in programs, over all workers.
        n_networks: networks trained.
        useful_flop: multiplications and additions of connected weights.
        padded_flop: the same of all that the programs computed.
    """

    layouts: list[str] = field(default_factory=list)
    compile_seconds: float = 0.0
    train_seconds: float = 0.0
    n_networks: int = 0
    useful_flop: float = 0.0
    padded_flop: float = 0.0

    @property
    def idle_share(self) -> float:
        """Share of the computed products that nothing asked for."""
        return 1 - self.useful_flop / self.padded_flop if self.padded_flop else 0.0
