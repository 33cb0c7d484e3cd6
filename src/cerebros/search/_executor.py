"""What every executor does: train plans."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any, Protocol

from cerebros.training import Checkpoints, Outcome, TrainingContext, TrainingTask

Finished = Sequence[tuple[TrainingTask, Outcome]]
"""Tasks that were finished at the same moment, with what came of them."""

EpochReport = Callable[[int, int, dict[str, float]], None]
"""Called with the trial's number, the epoch, and the metrics."""


class Executor(Protocol):
    """Trains tasks, here or elsewhere; outcomes do not depend on where or when."""

    def block(self, number: int) -> range:
        """The numbers of the trials that a trial shares a population with.

        It depends on the number alone, so that a search that is continued groups its
        trials as if it had never been stopped.
        """
        ...

    def definition(self) -> dict[str, Any]:
        """What of the executor decides outcomes, as plain data."""
        ...

    def train(
        self,
        tasks: Sequence[TrainingTask],
        context: TrainingContext,
        *,
        wanted: Collection[int],
        deadline: float | None,
        report: EpochReport,
        checkpoints: Checkpoints,
    ) -> Generator[Finished, None, None]:
        """Train, and hand outcomes over as soon as they are final.

        Args:
            tasks: all tasks of a block.
            context: what they have in common.
            wanted: numbers of those that are to be trained.
            deadline: `time.monotonic()` at which training stops; tasks that are not
                done are interrupted, tasks not begun are left out.
            report: called after every epoch, or for several epochs at once.
            checkpoints: where long trainings keep their state.

        Returns:
            A generator of tasks with their outcomes; those that were finished together
            at once, so that they are stored at once. When it is closed, no work goes
            on.
        """
        ...
