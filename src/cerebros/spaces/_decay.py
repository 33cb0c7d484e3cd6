"""How a density or a probability shrinks with distance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol


class Decay(Protocol):
    """A factor between 0 and 1 for each distance; frozen, so that it can be stored."""

    def __call__(self, distance: int) -> float: ...


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """`base ** distance`: 1 at distance 0.

    Attributes:
        base: factor of each further step, 0 < base ≤ 1.

    Raises:
        ValueError: if `base` lies outside of that.
    """

    base: float

    def __post_init__(self) -> None:
        if not 0 < self.base <= 1:
            raise ValueError(
                f"base must hold 0 < base <= 1, but got {self.base!r}; "
                "1 means that nothing decays"
            )

    def __call__(self, distance: int) -> float:
        return self.base**distance


@dataclass(frozen=True, slots=True)
class TabulatedDecay:
    """One factor for each distance, in order; the last one holds from there on.

    Attributes:
        factors: finite numbers ≥ 0; at least one.

    Raises:
        ValueError: if there is none, or one is negative or not finite.
    """

    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.factors:
            raise ValueError("factors must hold at least one number, but is empty")
        if bad := [f for f in self.factors if not (math.isfinite(f) and f >= 0)]:
            raise ValueError(f"factors must be finite and not negative, but got {bad}")

    @classmethod
    def of(
        cls, function: Callable[[int], float], distances: Iterable[int]
    ) -> TabulatedDecay:
        """Tabulate any function, so that it becomes plain data."""
        return cls(tuple(float(function(distance)) for distance in distances))

    def __call__(self, distance: int) -> float:
        return self.factors[min(distance, len(self.factors) - 1)]
