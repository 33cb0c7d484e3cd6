"""Telling a person how a search is going."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol, TextIO, TypeAlias

from cerebros.search._trial import Trial, ranked
from cerebros.training import TrainingContext

Show: TypeAlias = Literal["auto", "panel", "lines", "none"]


class Progress(Protocol):
    """Is told what happens in a search."""

    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> AbstractContextManager[None]:
        """Surrounds the search; `done` are trials of an earlier run."""
        ...

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        """An epoch of a trial has ended."""
        ...

    def trial(self, trial: Trial) -> None:
        """A trial has been stored."""
        ...


def progress_of(show: Show | Progress) -> Progress:
    """The progress display that a user asked for.

    Args:
        show: `"panel"`, a live panel; `"lines"`, one line for each trial; `"none"`;
            `"auto"`, a panel on a terminal and lines elsewhere; or an object.

    Raises:
        ValueError: if the name is unknown.
    """
    if not isinstance(show, str):
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
        trials: the stored trials, by number.
        n_trials: how many there will be.
    """

    def __init__(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> None:
        self.n_trials = n_trials
        self.trials = {trial.number: trial for trial in done if trial.status.is_final}
        self.objective = context.objective
        self.n_epochs = context.settings.epochs
        self._n_before = len(self.trials)
        self._start = self._last = time.monotonic()

    def add(self, trial: Trial) -> None:
        self.trials[trial.number] = trial
        self._last = time.monotonic()

    @property
    def best(self) -> Trial | None:
        return next(iter(ranked(self.trials.values(), self.objective)), None)

    @property
    def n_done(self) -> int:
        return sum(trial.status.is_final for trial in self.trials.values())

    @property
    def n_failed(self) -> int:
        return sum(t.score is None for t in self.trials.values() if t.status.is_final)

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

    Args:
        stream: where to; by default the standard error stream.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._standings: Standings | None = None

    @contextmanager
    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> Iterator[None]:
        self._standings = Standings(n_trials, done, context)
        if done:
            self._write(f"going on after {self._standings.n_done} stored trials")
        try:
            yield
        finally:  # an interrupt is the moment at which one wants to know
            standings = self._standings
            self._write(
                f"{standings.n_done} of {n_trials} trials done in "
                f"{duration(standings.seconds)}"
            )

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        pass

    def trial(self, trial: Trial) -> None:
        assert self._standings is not None, "trial() comes after running()"
        before = self._standings.best
        self._standings.add(trial)
        is_best = self._standings.best is trial and trial is not before
        score = "no score" if trial.score is None else number_text(trial.score)
        self._write(
            f"trial {trial.number:>4}  {self._standings.objective.metric} {score}"
            f"  {trial.status.name.lower()}  {trial.seconds:.1f} s"
            f"{'  (best so far)' if is_best else ''}"
            f"{f'  {trial.error}' if trial.error else ''}"
        )

    def _write(self, line: str) -> None:
        print(line, file=self._stream or sys.stderr, flush=True)


def number_text(value: float) -> str:
    """A number with five significant digits, thousands separated."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.5g}"


def duration(seconds: float) -> str:
    """Seconds in the words of a person: `41 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
