"""Training with Keras, one network after another, in this process."""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Sequence
from functools import partial
from typing import Any

from cerebros.search._executor import EpochReport, Finished
from cerebros.training import Checkpoints, TrainingContext, TrainingTask


class KerasExecutor:
    """Trains one task at a time."""

    def block(self, number: int) -> range:
        """Every trial stands alone."""
        return range(number, number + 1)

    def definition(self) -> dict[str, Any]:
        return {"trainer": "keras"}

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
        for task in tasks:
            if task.number not in wanted:
                continue
            from cerebros.training import train_with_keras  # and Keras, if it must be

            if deadline is not None and time.monotonic() >= deadline:
                return
            outcome = train_with_keras(
                task,
                context,
                deadline=deadline,
                on_epoch=partial(report, task.number),
            )
            yield [(task, outcome)]
