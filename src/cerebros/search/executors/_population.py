"""Training whole populations at once; what does not fit goes to Keras."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cerebros.search._executor import EpochReport, Finished
from cerebros.search.executors._keras import KerasExecutor
from cerebros.training import Checkpoints, TrainingContext, TrainingTask

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PopulationExecutor:
    """Trains the trials of a block together, on all cores.

    Attributes:
        bounds: numbers of the trials at which the first blocks begin; the first are
            small, so that a short search need not wait for a large population.
        size: trials of every block after these.
    """

    bounds: tuple[int, ...] = (0, 8, 64, 256, 1024)
    size: int = 1024

    def block(self, number: int) -> range:
        for first, end in pairwise(self.bounds):
            if first <= number < end:
                return range(first, end)
        last = self.bounds[-1]
        first = last + (number - last) // self.size * self.size
        return range(first, first + self.size)

    def definition(self) -> dict[str, Any]:
        from cerebros.training.population import GROUPING

        return {
            "trainer": "population",
            "bounds": list(self.bounds),
            "size": self.size,
            "grouping": GROUPING,
        }

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
        from cerebros.training.population import reason_not_lowerable, train_population

        reasons = {t.number: reason_not_lowerable(t.plan, context) for t in tasks}
        lowered = [task for task in tasks if reasons[task.number] is None]
        others = [task for task in tasks if reasons[task.number] is not None]
        counts = Counter(reasons[t.number] for t in others if t.number in wanted)
        for reason, n in counts.items():
            logger.info("%d networks are trained by Keras one by one: %s", n, reason)
        if any(task.number in wanted for task in lowered):
            yield from train_population(
                lowered,
                context,
                wanted=wanted,
                deadline=deadline,
                report=report,
                checkpoints=checkpoints,
            )
        yield from KerasExecutor().train(
            others,
            context,
            wanted=wanted,
            deadline=deadline,
            report=report,
            checkpoints=checkpoints,
        )
