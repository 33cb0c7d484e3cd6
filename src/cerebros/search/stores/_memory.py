"""A store that is gone with the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cerebros.errors import StoreError
from cerebros.lowering import Weights
from cerebros.search._definition import changed_entries
from cerebros.search._trial import Standing, Trial
from cerebros.search.stores._checkpoints import MemoryCheckpoints
from cerebros.search.stores._retention import (
    Keep,
    check_keep,
    kept_numbers,
    weights_not_kept,
)
from cerebros.training import Objective


class MemoryStore:
    """Keeps a search in memory.

    Args:
        objective: decides which trials are the best.
        keep: how many of the best keep their weights, or `"all"`.
    """

    def __init__(self, objective: Objective, *, keep: Keep = 10) -> None:
        check_keep(keep)
        self._objective, self._keep = objective, keep
        self._definition: dict[str, Any] | None = None
        self._trials: dict[int, Trial] = {}
        self._weights: dict[int, Weights] = {}
        self._checkpoints = MemoryCheckpoints()

    @contextmanager
    def begin(self, definition: Mapping[str, Any]) -> Iterator[None]:
        if self._definition is None:
            self._definition = dict(definition)
        check_same_search(definition, self._definition, "this store")
        yield

    def definition(self) -> dict[str, Any]:
        if self._definition is None:
            raise StoreError("this store holds no search yet")
        return self._definition

    def trials(self) -> list[Trial]:
        return [self._trials[number] for number in sorted(self._trials)]

    def append(self, trial: Trial, weights: Weights | None) -> None:
        self.append_many([(trial, weights)])

    def append_many(self, finished: Sequence[tuple[Trial, Weights | None]]) -> None:
        check_replaceable([trial for trial, _ in finished], self._trials)
        for trial, weights in finished:
            self._trials[trial.number] = trial
            self._weights.pop(trial.number, None)
            if weights is not None:
                self._weights[trial.number] = weights
        kept = kept_numbers(self.trials(), self._objective, self._keep)
        self._weights = {n: w for n, w in self._weights.items() if n in kept}

    def checkpoints(self) -> MemoryCheckpoints:
        return self._checkpoints

    def weights(self, number: int) -> Weights:
        if number not in self._weights:
            raise weights_not_kept(number, self._keep)
        return self._weights[number]


def check_same_search(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], where: str
) -> None:
    """Make sure that a store belongs to the search that wants to go on in it."""
    if changes := changed_entries(dict(ours), dict(theirs)):
        listed = "\n- ".join(changes)
        raise StoreError(
            f"{where} belongs to another search; it differs in\n- {listed}\n"
            "Use another folder, or repeat the call that began it."
        )


def check_replaceable(trials: Sequence[Trial], stored: Mapping[int, Standing]) -> None:
    """Make sure that a finished trial is never overwritten, and none comes twice."""
    seen: set[int] = set()
    for trial in trials:
        before = stored.get(trial.number)
        if before is not None and before.status.is_final:
            raise StoreError(
                f"trial {trial.number} is already stored ({before.status.name}); "
                "a finished trial is never replaced"
            )
        if trial.number in seen:
            raise StoreError(f"trial {trial.number} is there twice; store it once")
        seen.add(trial.number)
