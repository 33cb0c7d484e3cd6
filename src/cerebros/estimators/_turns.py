"""Training trials on all cores, until the time is up."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cerebros.errors import SearchError
from cerebros.estimators._committee import Committee, Trained
from cerebros.training.population import worker_devices

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Turns:
    """Which trial comes next, for workers that ask at the same time.

    Attributes:
        committee: whose trials they are.
        n_trials: at most.
        ends: see `train_committee`.
        stop: set when no more trials are to be begun.
    """

    committee: Committee
    n_trials: int
    ends: Callable[[int], float] | None
    stop: threading.Event
    _n_begun: int = 0
    _losses: dict[int, float] = field(default_factory=dict)
    _paces: list[float] = field(default_factory=list)  # seconds for a unit of work
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def _n_candidates(self) -> int:
        return max(1, len(self.committee.transforms))

    def next(self) -> tuple[int, int] | None:
        """Number and transform of a trial; None if there is none, or no time for it."""
        with self._changed:
            number = self._n_begun
            if self.stop.is_set() or number >= self.n_trials:
                return None
            if number and not self._is_time_for(number):
                return None
            self._n_begun += 1
            if number < self._n_candidates:
                return number, number
            while len(self._losses) < self._n_candidates:
                if self.stop.is_set():
                    return None
                self._changed.wait(0.05)
            _, transform = min((loss, i) for i, loss in self._losses.items())
            return number, transform

    def deadline_of_first(self) -> float:
        """By when a trial must end that is begun before any other has ended.

        Nobody knows its pace yet, so it is shortened if need be.
        """
        if self.ends is None or self._paces:
            return math.inf
        return self.ends(1)

    def _is_time_for(self, number: int) -> bool:
        if self.ends is None:
            return True
        expected = max(self._paces[-4:], default=0.0) * self.committee.work(number)
        return time.monotonic() + expected < self.ends(number + 1)

    def done(self, number: int, trial: Trained | None, loss: float) -> None:
        """Tell what came of a trial; None if it failed."""
        with self._changed:
            if trial is not None:
                seconds = trial.seconds - trial.seconds_of_compiling
                self._paces.append(seconds / self.committee.work(number))
            if number < self._n_candidates:
                self._losses[number] = loss
            self._changed.notify_all()


def train_committee(
    committee: Committee,
    *,
    n_trials: int,
    ends: Callable[[int], float] | None,
    judge: Callable[[Trained], float],
    on_trial: Callable[[Trained], None],
) -> list[Trained]:
    """Train trials 0, 1, …, on all cores at once.

    While there are several candidate transforms, the first trials take them in turn;
    when each has one trained trial, the others take the better one. Which that is
    depends on these trials alone. A trial that fails is logged and left out.

    Args:
        committee: what is trained.
        n_trials: at most.
        ends: from a number of trials to `time.monotonic()` at which training must end,
            so that there is time to choose among so many; None for no end. The first
            trial is always begun; another one not if those before it let expect that it
            would not be done by then. One that is not done is kept only if there is no
            other.
        judge: the loss of a trial, by which transforms are compared.
        on_trial: called in the thread of the caller, for every trial.

    Returns:
        The trials by number.

    Raises:
        SearchError: if all trials failed; the message gives the first error.
    """
    stop = threading.Event()
    turns = _Turns(committee, n_trials, ends, stop)
    results: queue.SimpleQueue[Trained | BaseException | None] = queue.SimpleQueue()

    def work(device: Any) -> None:
        try:
            while (chosen := turns.next()) is not None:
                number, transform = chosen
                trial, loss = None, math.inf
                try:
                    deadline = turns.deadline_of_first()
                    trial = committee.trained(number, transform, device, stop, deadline)
                    loss = judge(trial)
                except Exception as error:
                    logger.warning("trial %d failed: %r", number, error)
                    results.put(error)
                turns.done(number, trial, loss)
                if trial is not None:
                    results.put(trial)
        finally:
            results.put(None)

    workers = [
        threading.Thread(target=work, args=(device,), daemon=True)
        for device in worker_devices(n_trials)
    ]
    for worker in workers:
        worker.start()
    done: list[Trained] = []
    errors: list[BaseException] = []
    try:
        n_left = len(workers)
        while n_left:
            item = _next_result(results, ends, len(done), stop)
            if item is None:
                n_left -= 1
            elif isinstance(item, BaseException):
                errors.append(item)
            else:
                done.append(item)
                on_trial(item)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    if not done:
        raise SearchError(
            f"all {len(errors)} trials failed; the first error was: {errors[0]!r}"
        ) from errors[0]
    return _finished(done)


def _next_result(
    results: queue.SimpleQueue[Any],
    ends: Callable[[int], float] | None,
    n_done: int,
    stop: threading.Event,
) -> Any:
    """What a worker puts next; when the time is up, workers are told to stop."""
    if ends is None:
        return results.get()
    left = min(max(0.01, ends(n_done) - time.monotonic()), threading.TIMEOUT_MAX)
    try:
        return results.get(timeout=left)
    except queue.Empty:
        stop.set()
        return results.get()


def _finished(done: list[Trained]) -> list[Trained]:
    """Complete trials by number; if there is none, the one that came furthest."""
    ordered = sorted(done, key=lambda trial: trial.drawn.number)
    complete = [trial for trial in ordered if trial.is_complete]
    return complete or sorted(ordered, key=lambda trial: -len(trial.epochs))[:1]
