"""Running means and variances of batch normalization, in the course of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KERAS_MOMENTUM = 0.99
"""What Keras's layer has unless it is told otherwise."""
_SHORTEST, _LONGEST = 10, 100  # steps
_SHARE_OF_TRAINING = 0.1


@dataclass(frozen=True, slots=True)
class RunningStatistics:
    """How they follow the batches.

    They begin at mean 0 and variance 1, which are no statistics of anything. With a
    momentum of 0.99 that start still weighs 82 % after 20 steps, so that validation in
    the first epochs means little. Where it is taken out, means are as if there had
    been no start, and so are variances above 1. Those below keep it: it fades, and
    until then it holds back features that hardly ever vary, such as rare categories,
    whose variance a few batches do not tell.

    Attributes:
        momentum: share that a step leaves of what there was.
        is_corrected: whether the start is taken out where they are used.

    Reference:
        Kingma and Ba, 2015, "Adam", section 3, for the correction.
    """

    momentum: float
    is_corrected: bool

    def mean(self, running: Any, n_steps: Any) -> Any:
        """What networks are validated with, and handed back with.

        Args:
            running: an array of NumPy or JAX, updated step by step.
            n_steps: how many steps there were, at least one.
        """
        if not self.is_corrected:
            return running
        return running / (1 - self.momentum**n_steps)

    def variance(self, running: Any, n_steps: Any) -> Any:
        """The same of variances."""
        if not self.is_corrected:
            return running
        above = running > 1
        return 1 + (running - 1) / (1 - above * self.momentum**n_steps)


def running_statistics(momentum: float | None, n_steps: int) -> RunningStatistics:
    """Those of a training.

    Args:
        momentum: as Keras has it, without correction; None chooses by the number of
            steps, so that the statistics are of the last tenth of the training (at
            least of 10 steps, at most of 100), and takes out their start.
        n_steps: of the whole training.
    """
    if momentum is not None:
        return RunningStatistics(momentum, is_corrected=False)
    window = min(max(n_steps * _SHARE_OF_TRAINING, _SHORTEST), _LONGEST)
    return RunningStatistics(1 - 1 / window, is_corrected=True)
