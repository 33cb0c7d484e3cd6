"""Training with Keras, one network after another, in this process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cerebros.lowering import Weights
from cerebros.search._executor import EpochReport, Finished
from cerebros.stems import array_digest
from cerebros.training import Checkpoints, TrainingContext, TrainingTask


@dataclass(frozen=True, slots=True)
class KerasExecutor:
    """Trains one task at a time.

    Attributes:
        starts: weights that tasks begin with, by number of the trial; the others begin
            with what (seed, number) draws.
    """

    starts: Mapping[int, Weights] = field(default_factory=dict)

    def block(self, number: int) -> range:
        """Every trial stands alone."""
        return range(number, number + 1)

    def definition(self) -> dict[str, Any]:
        starts = {n: _digest(weights) for n, weights in sorted(self.starts.items())}
        return {"trainer": "keras", **({"starts": starts} if starts else {})}

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
                start_from=self.starts.get(task.number),
            )
            yield [(task, outcome)]


def _digest(weights: Weights) -> str:
    """Names the content of weights."""
    digest = hashlib.sha256()
    for key in sorted(weights):
        digest.update(key.encode())
        digest.update(array_digest(weights[key]))
    return digest.hexdigest()[:16]
