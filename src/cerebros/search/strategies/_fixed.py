"""Plans that a person chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cerebros.plan import NetworkPlan
from cerebros.search._trial import Trial
from cerebros.spaces import Draw


@dataclass(frozen=True, slots=True)
class GivenPlans:
    """Train the plans of a list, again and again with other initial weights.

    Attributes:
        plans: trial `n` is plan `n % len(plans)`.

    Raises:
        ValueError: if the list is empty.
    """

    plans: tuple[NetworkPlan, ...]

    def __post_init__(self) -> None:
        if not self.plans:
            raise ValueError("plans must hold at least one plan")

    def propose(
        self, history: Sequence[Trial], numbers: Sequence[int], *, seed: int
    ) -> list[Draw]:
        return [Draw(self.plans[number % len(self.plans)]) for number in numbers]
