"""What every executor does: train plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from cerebros.training import Outcome, TrainingContext, TrainingTask

EpochReport = Callable[[int, int, dict[str, float]], None]
"""Called with the trial's number, the epoch, and the metrics."""


class Executor(Protocol):
    """Trains tasks, here or elsewhere; outcomes do not depend on where or when."""

    @property
    def population_size(self) -> int:
        """How many tasks it likes to be given at once."""
        ...

    def train(
        self,
        tasks: Sequence[TrainingTask],
        context: TrainingContext,
        *,
        deadline: float | None,
        report: EpochReport,
    ) -> Iterator[tuple[TrainingTask, Outcome]]:
        """Train, and hand each outcome over as soon as it is final.

        Args:
            tasks: what to train.
            context: what they have in common.
            deadline: `time.monotonic()` at which training stops; tasks that are not
                done are interrupted, tasks not begun are left out.
            report: called after every epoch.
        """
        ...
