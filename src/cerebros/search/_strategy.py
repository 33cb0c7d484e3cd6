"""What every strategy does: choose the next plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cerebros.search._trial import Trial
from cerebros.spaces import Draw


class Strategy(Protocol):
    """A frozen dataclass of plain settings, whose only method is a pure function."""

    def propose(
        self, history: Sequence[Trial], numbers: Sequence[int], *, seed: int
    ) -> list[Draw]:
        """The plans of the next trials.

        Args:
            history: final trials of the blocks before, in order of their numbers; the
                same however often the search was stopped.
            numbers: of the trials of a block, in order; see `Executor.block`.
            seed: of the search; with a trial's number it decides every random draw.

        Returns:
            One draw for each number.
        """
        ...
