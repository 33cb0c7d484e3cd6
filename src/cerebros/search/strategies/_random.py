"""Random search: every trial is a draw of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cerebros.search._trial import Trial
from cerebros.spaces import Draw, Ports, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSearch:
    """Draw architectures at random, and for each of them some wirings.

    Trial `n` is wiring `n % n_wirings` of architecture `n // n_wirings`; its plan
    depends on the seed and on `n` alone.

    Attributes:
        space: where plans come from.
        ports: inputs and outputs of the networks.
        n_wirings: wirings tried for each architecture.

    Raises:
        ValueError: if `n_wirings` is below 1.

    Reference:
        Bergstra and Bengio, 2012, "Random Search for Hyper-Parameter Optimization";
        Li and Talwalkar, 2019, "Random Search and Reproducibility for Neural
        Architecture Search".
    """

    space: Space[Any]
    ports: Ports
    n_wirings: int = 1

    def __post_init__(self) -> None:
        if self.n_wirings < 1:
            raise ValueError(f"n_wirings must be >= 1, but got {self.n_wirings!r}")

    def propose(
        self, history: Sequence[Trial], numbers: Sequence[int], *, seed: int
    ) -> list[Draw]:
        """The plans of the trials with these numbers; the history is not used."""
        return [self._draw(number, seed) for number in numbers]

    def architecture(self, i: int, *, seed: int) -> Any:
        """The sizes of architecture `i`, which its wirings share."""
        rng = np.random.default_rng([seed, 2, i])
        return self.space.sample_architecture(self.ports, rng)

    def _draw(self, number: int, seed: int) -> Draw:
        architecture = self.architecture(number // self.n_wirings, seed=seed)
        return self.space.sample_wiring(
            architecture, np.random.default_rng([seed, 3, number])
        )
