"""One calm live panel on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.panel import Panel as Frame
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cerebros.plan import summarize_plan
from cerebros.search._progress import Standings
from cerebros.search._text import duration, number_text
from cerebros.search._trial import Trial
from cerebros.training import TrainingContext


class Panel:
    """Trials done, the best so far, the time left; drawn four times a second.

    Args:
        console: where to; by default the terminal's standard error stream.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._standings: Standings | None = None
        self._is_first = True

    @contextmanager
    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> Iterator[None]:
        self._standings = Standings(n_trials, done, context)
        with Live(
            get_renderable=self._render, console=self._console, refresh_per_second=4
        ):
            yield

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        assert self._standings is not None, "epoch() comes after running()"
        self._standings.in_training.add(number, epoch, metrics)

    def trial(self, trial: Trial) -> None:
        assert self._standings is not None, "trial() comes after running()"
        self._standings.add(trial)
        self._is_first = False

    def _render(self) -> Frame:
        standings = self._standings
        assert standings is not None, "rendered while running()"
        bar = ProgressBar(
            total=standings.n_trials,
            completed=standings.n_done,
            complete_style="cyan",
            finished_style="green",
        )
        rows = Table.grid(padding=(0, 2))
        rows.add_row("best", self._best(standings))
        rows.add_row("now", self._now(standings))
        rows.add_row("time", self._time(standings))
        # A bar does not end its line; as a cell of a grid it has one of its own.
        content = Table.grid(expand=True)
        content.add_row(bar)
        content.add_row(rows)
        n_failed = standings.n_failed
        return Frame(
            content,
            title=f"{standings.n_done} of {standings.n_trials} trials"
            + (f", {n_failed} failed" if n_failed else ""),
            title_align="left",
            width=min(self._console.width, 92),
        )

    def _now(self, standings: Standings) -> str:
        if standings.n_done >= standings.n_trials:
            return "–"
        building = f"building the {'first' if self._is_first else 'next'} network"
        return standings.in_training.words() or building

    def _best(self, standings: Standings) -> Text:
        """Two lines from the start, so that nothing jumps."""
        best = standings.best
        if best is None or best.score is None:
            return Text("none yet\n")
        return Text.assemble(
            (number_text(best.score), "bold"),
            f"  {standings.objective.metric}, trial {best.number}\n",
            (summarize_plan(best.plan), "dim"),
        )

    def _time(self, standings: Standings) -> str:
        left = standings.seconds_left
        text = duration(standings.seconds)
        return f"{text}, about {duration(left)} left" if left and left >= 1 else text
