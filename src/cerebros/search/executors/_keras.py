"""Training with Keras, one network after another, in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

from cerebros.search._executor import EpochReport
from cerebros.training import Outcome, TrainingContext, TrainingTask


class KerasExecutor:
    """Trains one task at a time."""

    population_size = 1

    def train(
        self,
        tasks: Sequence[TrainingTask],
        context: TrainingContext,
        *,
        deadline: float | None,
        report: EpochReport,
    ) -> Iterator[tuple[TrainingTask, Outcome]]:
        from cerebros.training import train_with_keras

        for task in tasks:
            if deadline is not None and time.monotonic() >= deadline:
                return
            yield (
                task,
                train_with_keras(
                    task,
                    context,
                    deadline=deadline,
                    on_epoch=partial(report, task.number),
                ),
            )
