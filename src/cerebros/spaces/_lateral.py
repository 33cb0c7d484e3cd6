"""Wires within a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

import numpy as np

from cerebros.plan import GATES, unknown_name
from cerebros.spaces._decay import Decay, ExponentialDecay
from cerebros.spaces._vertical import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class LateralWiring:
    """How units of one level read each other.

    Going through the level in order, a unit considers each unit before it, nearest
    first, `tries` times each. A try succeeds with probability
    `probability * decay(x)` with `x` units in between. Successes in a row are
    counted over the whole level: at `max_consecutive` the next try fails and the
    count restarts, as it does after any failed try. Likewise every connection that
    follows `gate_after` ungated ones in a row is gated; failed tries in between do
    not count, since they make no connection.

    Attributes:
        probability: of a single try between neighbors; 0 means no laterals.
        decay: factor on the probability, by units in between.
        tries: for each pair of units.
        max_consecutive: successes in a row before a try is made to fail.
        gate_after: ungated connections in a row before a gated one; None: no gates.
        gate: activation that a gated signal passes.
        direction: `"right"`, a unit reads those before it; `"left"`, those after.
        between_outputs: whether output units get lateral connections, too.

    Raises:
        ValueError: if a value lies outside of what is said above.
    """

    probability: float = 0.2
    decay: Decay = field(default_factory=lambda: ExponentialDecay(0.95))
    tries: int = 1
    max_consecutive: int = 7
    gate_after: int | None = 3
    gate: str = "sigmoid"
    direction: Literal["right", "left"] = "right"
    between_outputs: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(
                f"probability must hold 0 <= p <= 1, but got {self.probability!r}"
            )
        for name in ("tries", "max_consecutive"):
            value = getattr(self, name)
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(
                    f"{name} must be a whole number >= 1, but got {value!r}"
                )
        if self.gate_after is not None and not (
            isinstance(self.gate_after, int) and self.gate_after >= 0
        ):
            raise ValueError(
                f"gate_after must be a whole number >= 0 or None, "
                f"but got {self.gate_after!r}"
            )
        if self.gate not in GATES:
            raise ValueError(unknown_name("gate", self.gate, GATES))
        if self.direction not in ("right", "left"):
            raise ValueError(
                f"direction must be 'right' or 'left', but got {self.direction!r}"
            )


def draw_lateral(
    level: range,
    units: Sequence[Sources],
    wiring: LateralWiring,
    rng: np.random.Generator,
) -> None:
    """Add lateral connections to what the units of a level read.

    Args:
        level: node numbers of the level, in the order of computation. (For direction
            `"left"` the level is numbered from its right end, so that in numbers a
            unit always reads those before it.)
        units: what each unit reads; extended in place.
        wiring: the settings.
        rng: the only source of randomness.
    """
    n_pairs = len(level) * (len(level) - 1) // 2
    if n_pairs == 0 or wiring.probability == 0:
        return
    chances = rng.random((n_pairs, wiring.tries)).tolist()
    thresholds = [wiring.probability * wiring.decay(x) for x in range(len(level) - 1)]
    pair = count()
    in_a_row = ungated_in_a_row = 0
    for position, sources in enumerate(units):
        for between in range(position):
            for chance in chances[next(pair)]:
                if in_a_row == wiring.max_consecutive or chance >= thresholds[between]:
                    in_a_row = 0
                    continue
                in_a_row += 1
                gated = ungated_in_a_row == wiring.gate_after
                ungated_in_a_row = 0 if gated else ungated_in_a_row + 1
                wire = (level[position - 1 - between], wiring.gate if gated else None)
                sources[wire] = sources.get(wire, 0) + 1
