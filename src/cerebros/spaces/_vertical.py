"""Wires from level to level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import numpy as np

from cerebros.spaces._decay import Decay, ExponentialDecay

Rounding: TypeAlias = Literal["ceil", "floor"]
Sources: TypeAlias = dict[tuple[int, str | None], int]
"""What a unit reads while it is being wired: (node, gate) → copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerticalWiring:
    """How densely units read the levels above them.

    A unit of level `k` draws, with replacement, from every allowed level `j`. The
    distance `k - j` is allowed if it is 1, or if it lies within `min_skip` and
    `max_skip`.

    Attributes:
        input_density: draws of a first-level unit, per input.
        density: draws of any later unit, per node of the level it reads.
        decay: factor on `density`, by distance - 1.
        input_rounding: how the first number becomes a whole one.
        rounding: how the second does; zero becomes 1 at distance 1.
        min_skip: shortest distance of a skip connection.
        max_skip: longest distance of a skip connection.

    Raises:
        ValueError: if a density is not positive and finite, a rounding is unknown,
            or the skips do not hold `1 <= min_skip <= max_skip`.
    """

    input_density: float = 1.0
    density: float = 0.7
    decay: Decay = field(default_factory=lambda: ExponentialDecay(0.7))
    input_rounding: Rounding = "ceil"
    rounding: Rounding = "ceil"
    min_skip: int = 1
    max_skip: int = 7

    def __post_init__(self) -> None:
        for name in ("input_density", "density"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(
                    f"{name} must be positive and finite, but got {value!r}"
                )
        for name in ("input_rounding", "rounding"):
            if getattr(self, name) not in get_args(Rounding):
                raise ValueError(
                    f"{name} must be one of {get_args(Rounding)}, "
                    f"but got {getattr(self, name)!r}"
                )
        if not 1 <= self.min_skip <= self.max_skip:
            raise ValueError(
                "skips must hold 1 <= min_skip <= max_skip, but got "
                f"min_skip={self.min_skip!r}, max_skip={self.max_skip!r}"
            )

    def allows(self, distance: int) -> bool:
        return distance == 1 or self.min_skip <= distance <= self.max_skip

    def n_draws(self, level: int, source_level: int, n_sources: int) -> int:
        """How many sources a unit of `level` draws from `source_level`."""
        distance = level - source_level
        if not self.allows(distance):
            return 0
        if level == 1:
            n = _rounded(self.input_density * n_sources, self.input_rounding)
        else:
            factor = self.density * self.decay(distance - 1)
            n = _rounded(factor * n_sources, self.rounding)
        return max(n, 1) if distance == 1 else n


def _rounded(value: float, rounding: Rounding) -> int:
    # Rounding errors of the products must not become draws: 0.1 * 3 * 10 is 3.
    exact = round(value, 9)
    return math.ceil(exact) if rounding == "ceil" else math.floor(exact)


def draw_vertical(
    levels: Sequence[range],
    level: int,
    wiring: VerticalWiring,
    rng: np.random.Generator,
) -> list[Sources]:
    """What each unit of a level reads from the levels above.

    Args:
        levels: node numbers of every level, inputs first.
        level: the level that is wired.
        wiring: the settings.
        rng: the only source of randomness.

    Returns:
        One dictionary for each unit of the level, in the order of the level.
    """
    units: list[Sources] = [{} for _ in levels[level]]
    for source_level in range(level):
        above = levels[source_level]
        n_draws = wiring.n_draws(level, source_level, len(above))
        if n_draws == 0:
            continue
        drawn = rng.integers(above.start, above.stop, size=(len(units), n_draws))
        for sources, row in zip(units, drawn.tolist(), strict=True):
            for node in row:
                sources[node, None] = sources.get((node, None), 0) + 1
    return units
