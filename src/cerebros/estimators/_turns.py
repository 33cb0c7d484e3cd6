"""Training trials on all cores, until the time is up."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import SearchError
from cerebros.estimators._committee import Committee, Trained
from cerebros.estimators._recipe import Drawn
from cerebros.training.population import worker_devices

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]


Status: TypeAlias = Literal["finished", "unfinished", "failed", "diverged"]


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A trial that was begun, but does not answer.

    Attributes:
        drawn: what it is.
        transform: number of the target transform.
        status: what became of it.
        reason: in words.
        seconds: that it took.
        n_epochs: that it was trained for, as far as is known.
        error: for which it failed.
    """

    drawn: Drawn
    transform: int
    status: Status
    reason: str
    seconds: float
    n_epochs: int = 0
    error: Exception | None = None


@dataclass(frozen=True, eq=False)
class Trials:
    """What came of training.

    Attributes:
        answering: trials from which the model is made, by number: those that are
            finished, or, if none is, the one that came furthest.
        left_out: all others that were begun, by number.
        transform: number of the target transform that all parts of the rows agree on;
            None if they do not, or nobody asked.
    """

    answering: list[Trained]
    left_out: list[LeftOut]
    transform: int | None = None


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
    _losses: dict[int, Array] = field(default_factory=dict)
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
            return number, transform_of(number, self._table())

    def agreed(self) -> int | None:
        """The transform that all parts agree on, if all candidates were tried."""
        with self._changed:
            is_known = 1 < self._n_candidates <= len(self._losses)
            return agreed_transform(self._table()) if is_known else None

    def _table(self) -> Array:
        """Losses of the candidates, `(candidate, 1 + part)`."""
        losses = [self._losses[i] for i in range(self._n_candidates)]
        table = np.stack(np.broadcast_arrays(*losses)).copy()
        for i, of in enumerate(self.committee.transforms):
            if of[0].kind == "linear":
                table[i] *= _LEAD_OF_LINEAR
        return table

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

    def done(self, number: int, trial: Trained | None, losses: Array) -> None:
        """Tell what came of a trial; None if it failed."""
        with self._changed:
            if trial is not None:
                seconds = trial.seconds - trial.seconds_of_compiling
                self._paces.append(seconds / self.committee.work(number))
            if number < self._n_candidates:
                self._losses[number] = losses
            self._changed.notify_all()


_LEAD_OF_LINEAR = 0.98
"""What as good as equals counts as better: a line goes on where training ends."""


def transform_of(number: int, losses: Array) -> int:
    """The target transform of a trial that follows the candidates.

    The one that does best, if every part of the rows agrees on that without having a
    say in it: then what judges a part follows from the other parts alone. If parts
    disagree, trials take the candidates in turn, and the selection of trials decides,
    which is made without the part that it is judged by, too.

    Args:
        number: of the trial.
        losses: of each candidate's trial, `(candidate, 1 + part)`, see
            `Judging.losses_of`; infinite if it failed.
    """
    chosen = agreed_transform(losses)
    if chosen is not None:
        return chosen
    works = np.flatnonzero(np.isfinite(losses).all(axis=1))
    return int(works[number % len(works)]) if len(works) else number % len(losses)


def agreed_transform(losses: Array) -> int | None:
    """The candidate that does best without each part, if that is the same one."""
    choices = losses.argmin(axis=0)
    is_agreed = (choices == choices[0]).all() and np.isfinite(losses[choices[0]]).all()
    return int(choices[0]) if is_agreed else None


def train_committee(
    committee: Committee,
    *,
    n_trials: int,
    ends: Callable[[int], float] | None,
    judge: Callable[[Array], Array],
    on_trial: Callable[[Trained | LeftOut], None],
) -> Trials:
    """Train trials 0, 1, …, on all cores at once.

    While there are several candidate transforms, the first trials take them in turn;
    when each has one trained trial, the others follow `transform_of`. Which that is
    depends on these trials alone. A trial that fails or diverges is logged and left
    out.

    Args:
        committee: what is trained.
        n_trials: at most.
        ends: from a number of trials to `time.monotonic()` at which training must end,
            so that there is time to choose among so many; None for no end. The first
            trial is always begun; another one not if those before it let expect that it
            would not be done by then. One that is not done is kept only if there is no
            other.
        judge: the losses of a trial's answers, `Judging.losses_of`.
        on_trial: called in the thread of the caller, for every trial that was begun.

    Raises:
        SearchError: if all trials failed or diverged; the message gives the first
            error.
    """
    stop = threading.Event()
    turns = _Turns(committee, n_trials, ends, stop)
    results: queue.SimpleQueue[Trained | LeftOut | None] = queue.SimpleQueue()

    def work(device: Any) -> None:
        try:
            while (chosen := turns.next()) is not None:
                number, transform = chosen
                begun = time.monotonic()
                trial, losses = None, np.array([np.inf])
                result: Trained | LeftOut
                try:
                    deadline = turns.deadline_of_first()
                    result = trial = committee.trained(
                        number, transform, device, stop, deadline
                    )
                    losses = judge(trial.answers)
                    if not np.isfinite(losses).all():
                        logger.warning("trial %d diverged and is left out", number)
                        result = _diverged(trial)
                except Exception as error:
                    logger.warning("trial %d failed: %r", number, error)
                    result = LeftOut(
                        drawn=committee.draw(number),
                        transform=transform,
                        status="failed",
                        reason=repr(error),
                        seconds=time.monotonic() - begun,
                        error=error,
                    )
                turns.done(number, trial, losses)
                results.put(result)
        finally:
            results.put(None)

    workers = [
        threading.Thread(target=work, args=(device,), daemon=True)
        for device in worker_devices(n_trials)
    ]
    for worker in workers:
        worker.start()
    done: list[Trained] = []
    left_out: list[LeftOut] = []
    try:
        n_left = len(workers)
        while n_left:
            item = _next_result(results, ends, len(done), stop)
            if item is None:
                n_left -= 1
                continue
            if isinstance(item, LeftOut):
                left_out.append(item)
            else:
                done.append(item)
            on_trial(item)
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    if not done:
        failed = [own.error for own in left_out if own.error is not None]
        raise _nothing_left(left_out) from (failed[0] if failed else None)
    answering = _finished(done)
    unfinished = [_unfinished(trial) for trial in done if trial not in answering]
    ordered = sorted([*left_out, *unfinished], key=lambda own: own.drawn.number)
    return Trials(answering, ordered, turns.agreed())


def _diverged(trial: Trained) -> LeftOut:
    return LeftOut(
        drawn=trial.drawn,
        transform=trial.transform,
        status="diverged",
        reason="its answers were not finite",
        seconds=trial.seconds,
        n_epochs=trial.epochs[-1],
    )


def _unfinished(trial: Trained) -> LeftOut:
    return LeftOut(
        drawn=trial.drawn,
        transform=trial.transform,
        status="unfinished",
        reason=f"the time was up after {trial.epochs[-1]} epochs",
        seconds=trial.seconds,
        n_epochs=trial.epochs[-1],
    )


def _nothing_left(left_out: Sequence[LeftOut]) -> SearchError:
    failed = [own for own in left_out if own.status == "failed"]
    n_diverged = len(left_out) - len(failed)
    if not failed:
        return SearchError(
            f"the networks of all {n_diverged} trials diverged; look for columns or "
            "targets of extreme size"
        )
    what = f"all {len(failed)} trials failed"
    if n_diverged:
        what = f"{len(failed)} trials failed, the other {n_diverged} diverged"
    return SearchError(f"{what}; the first error was: {failed[0].reason}")


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
