"""Telling a person how a search is going."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Literal, Protocol, TextIO, TypeAlias, get_args

from cerebros.search._in_training import InTraining
from cerebros.search._text import duration, number_text
from cerebros.search._trial import Trial, ranked
from cerebros.training import TrainingContext

Show: TypeAlias = Literal["auto", "panel", "lines", "none"]

_MOST_LINES = 50  # trials of a search that get a line each
_SECONDS_BETWEEN_SUMMARIES = 5.0


class Progress(Protocol):
    """Is told what happens in a search."""

    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> AbstractContextManager[None]:
        """Surrounds the search; `done` are trials of an earlier run."""
        ...

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        """An epoch of a trial has ended; from any thread, often many at once."""
        ...

    def trial(self, trial: Trial) -> None:
        """A trial has been stored."""
        ...


def progress_of(show: Show | Progress) -> Progress:
    """The progress display that a user asked for.

    Args:
        show: `"panel"`, a live panel; `"lines"`, one line for each trial, or fewer if
            they are many; `"none"`; `"auto"`, a panel on a terminal and lines
            elsewhere; or an object.

    Raises:
        ValueError: if the name is unknown.
        TypeError: if it is neither a name nor such an object.
    """
    if not isinstance(show, str):
        if not hasattr(show, "running"):
            raise TypeError(
                f"show must be one of {', '.join(map(repr, get_args(Show)))}, or an "
                f"object that is told of the progress, but got {show!r}"
            )
        return show
    if show == "auto":
        show = "panel" if sys.stderr.isatty() else "lines"
    if show == "none":
        return Silent()
    if show == "lines":
        return Lines()
    if show == "panel":
        from cerebros.search._panel import Panel

        return Panel()
    raise ValueError(f"show must be 'auto', 'panel', 'lines' or 'none', not {show!r}")


class Silent:
    """Says nothing."""

    @contextmanager
    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> Iterator[None]:
        yield

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        pass

    def trial(self, trial: Trial) -> None:
        pass


class Standings:
    """What a display shows: how many trials are done, the best, the time.

    Attributes:
        n_trials: how many there will be.
        n_done: how many are final.
        n_failed: how many of these have no score.
        best: the best trial so far, or None.
        objective: what is improved.
        in_training: networks that are not done.
    """

    def __init__(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> None:
        self.n_trials = n_trials
        self.n_done = self.n_failed = 0
        self.best: Trial | None = None
        self.objective = context.objective
        self.in_training = InTraining(context.objective, context.settings.epochs)
        self._interrupted: dict[int, Trial] = {}
        for trial in done:
            if trial.status.is_final:
                self.add(trial)
        self._n_before = self.n_done
        self._start = self._last = time.monotonic()

    def add(self, trial: Trial) -> None:
        """A trial has been stored; an interrupted one may come again."""
        self.in_training.remove(trial.number)
        before = self._interrupted.pop(trial.number, None)
        if before is not None and before is self.best:
            self.best = None
        if trial.status.is_final:
            self.n_done += 1
            self.n_failed += trial.score is None
        else:
            self._interrupted[trial.number] = trial
        compared = [trial, *self._interrupted.values()]
        if self.best is not None:
            compared.append(self.best)
        self.best = next(iter(ranked(compared, self.objective)), None)
        self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the trials of this run; None before the first."""
        n_new = self.n_done - self._n_before
        if n_new < 1:
            return None
        per_trial = (self._last - self._start) / n_new
        since_last = time.monotonic() - self._last
        return max(0.0, per_trial * (self.n_trials - self.n_done) - since_last)


class Lines:
    """One plain line for each trial, for logs.

    Of more than fifty trials only those that are the best so far get one, and every
    five seconds at most a line sums the others up.

    Args:
        stream: where to; by default the standard error stream.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._standings: Standings | None = None
        self._written_at = 0.0

    @contextmanager
    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> Iterator[None]:
        self._standings = Standings(n_trials, done, context)
        self._written_at = time.monotonic()
        if done:
            self._write(f"going on after {self._standings.n_done} stored trials")
        try:
            yield
        finally:  # an interrupt is the moment at which one wants to know
            standings = self._standings
            self._write(f"{_done(standings)} in {duration(standings.seconds)}")

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        assert self._standings is not None, "epoch() comes after running()"
        self._standings.in_training.add(number, epoch, metrics)
        self._sum_up(self._standings)

    def trial(self, trial: Trial) -> None:
        assert self._standings is not None, "trial() comes after running()"
        standings = self._standings
        standings.add(trial)
        is_best = standings.best is trial
        if not is_best and standings.n_trials > _MOST_LINES:
            self._sum_up(standings)
            return
        score = "no score" if trial.score is None else number_text(trial.score)
        self._write(
            f"trial {trial.number:>4}  {standings.objective.metric} {score}"
            f"  {trial.status.name.lower()}  {trial.seconds:.1f} s"
            f"{'  (best so far)' if is_best else ''}"
            f"{f'  {trial.error}' if trial.error else ''}"
        )

    def _sum_up(self, standings: Standings) -> None:
        """A line for many trials, if none was written for a while."""
        now = time.monotonic()
        if (
            standings.n_trials <= _MOST_LINES
            or now - self._written_at < _SECONDS_BETWEEN_SUMMARIES
        ):
            return
        self._written_at = now  # before the words: another thread may ask meanwhile
        left, words = standings.seconds_left, standings.in_training.words()
        self._write(
            f"{_done(standings)}"
            f"{f', {standings.n_failed} failed' if standings.n_failed else ''}"
            f"{f', about {duration(left)} left' if left else ''}"
            f"{f'; now {words}' if words else ''}"
        )

    def _write(self, line: str) -> None:
        self._written_at = time.monotonic()
        with suppress(BrokenPipeError):  # nobody reads it, but the search goes on
            print(line, file=self._stream or sys.stderr, flush=True)


def _done(standings: Standings) -> str:
    return f"{standings.n_done} of {standings.n_trials} trials done"
