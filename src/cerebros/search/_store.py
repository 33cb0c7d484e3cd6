"""What every store does: remember a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from cerebros.lowering import Weights
from cerebros.search._trial import Trial
from cerebros.training import Checkpoints


class Store(Protocol):
    """Remembers the definition and the trials of one search, and the best weights.

    A trial is either remembered as a whole or not at all, whatever happens to the
    process. All trials are kept; weights only of the best ones.
    """

    def begin(self, definition: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Reserve the store for this process, for one search.

        A new store takes the definition over; another must hold an equal one.

        Raises:
            StoreError: if another process has it, if it belongs to another search
                (the message names what differs), or if it cannot be written to.
        """
        ...

    def definition(self) -> dict[str, Any]:
        """The definition that the store was begun with.

        Raises:
            StoreError: if it never was.
        """
        ...

    def trials(self) -> list[Trial]:
        """All trials, in order of their numbers."""
        ...

    def append(self, trial: Trial, weights: Weights | None) -> None:
        """Remember a trial; see `append_many`."""
        ...

    def append_many(self, finished: Sequence[tuple[Trial, Weights | None]]) -> None:
        """Remember trials, all or none; interrupted ones of their numbers are replaced.

        Raises:
            StoreError: if one of them is already final or comes twice, or if it cannot
                be written; what was there stays.
        """
        ...

    def checkpoints(self) -> Checkpoints:
        """Where trainings of this search keep their state between segments."""
        ...

    def weights(self, number: int) -> Weights:
        """The weights of a trial's best epoch.

        Raises:
            StoreError: if they were not kept; the message says how to keep more.
        """
        ...
