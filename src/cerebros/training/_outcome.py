"""What came of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from cerebros.lowering import Weights


class Status(Enum):
    """How a training ended; a sentence each."""

    FINISHED = "It trained to its last epoch."
    STOPPED_EARLY = "It stopped because the ranked metric no longer improved."
    DIVERGED = "Its loss became infinite or not a number, and it was stopped there."
    FAILED = "An error ended it; see the trial's error."
    OUT_OF_MEMORY = "It needed more memory than there is."
    INTERRUPTED = "The time was up before its last epoch; it runs again on resuming."

    @property
    def is_final(self) -> bool:
        """Whether a search that goes on leaves this trial as it is."""
        return self is not Status.INTERRUPTED


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of one training.

    Attributes:
        status: how it ended.
        history: for each metric its value after every epoch.
        score: the objective in the best epoch; None if no epoch had a finite one.
        best_epoch: number of that epoch, counted from 0.
        weights: arrays of the plan in the best epoch, see `weight_shapes`, and those
            of trainable stems under `stem_<input>/<number>`.
        seconds: from the first look at the plan to the end, building included.
        error: what went wrong, in words.
    """

    status: Status
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    score: float | None = None
    best_epoch: int | None = None
    weights: Weights | None = None
    seconds: float = 0.0
    error: str | None = None
