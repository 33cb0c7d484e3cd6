"""Running a job in its folder, and telling what came of it."""

from __future__ import annotations

import os
import shlex
import time
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cerebros.cli._exit import Exit
from cerebros.cli._files import draw_trial
from cerebros.cli._loading import load_whole
from cerebros.cli._output import note, print_json, say
from cerebros.cli._search_record import SearchRecord
from cerebros.cli._standings import print_scores, print_trials, trial_data
from cerebros.errors import SearchError
from cerebros.jobs import save_model
from cerebros.search import SearchResult, SqlStore, duration
from cerebros.search.stores import DATABASE
from cerebros.training import Problem

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Run:
    """A job, its folder, its data, and how to run and report it.

    Attributes:
        job: what to do.
        folder: where.
        problem: the data of the job.
        arguments: `time_budget`, `progress`, `quiet` and `json` of the command line.
        remarks: what programs should know of the data, besides the job.
    """

    job: SearchRecord
    folder: Path
    problem: Problem
    arguments: Namespace
    remarks: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Exit:
        """Train what is missing, then tell what there is.

        Raises:
            SearchError: if every trial failed.
            StoreError: if the folder cannot be used.
        """
        try:
            load_whole("jax")
            result = self._search()
            load_whole("keras")
            self._report(result)
        except KeyboardInterrupt:
            note(f"\nInterrupted: {self._kept()}")
            return Exit.INTERRUPTED
        except SearchError:
            if self._n_done() < self.job.n_trials:
                note(f"The time was too short: {self._kept()}")
            raise
        return Exit.DONE

    def _search(self) -> SearchResult:
        start, n_before = time.monotonic(), self._n_done()
        is_done = n_before >= self.job.n_trials
        if is_done and self._is_talkative:
            note(f"Nothing is left to train: {n_before} networks are stored.")
        is_silent = is_done or self.arguments.quiet
        result = self.job.search(
            self.problem,
            self.folder,
            show="none" if is_silent else self.arguments.progress,
            time_budget=self.arguments.time_budget,
        )
        if self._is_talkative and not is_done:
            note(f"Searched for {duration(time.monotonic() - start)}.")
            if self._n_done() < self.job.n_trials:
                note(f"The time is up: {self._kept()}")
        return result

    @property
    def command(self) -> str:
        """The folder as a word of a command line."""
        return shlex.quote(str(self.folder))

    @property
    def _is_talkative(self) -> bool:
        return not self.arguments.quiet

    def _n_done(self) -> int:
        if not (self.folder / DATABASE).exists():
            return 0
        store = SqlStore.in_folder(self.folder, self.job.objective)
        return sum(trial.status.is_final for trial in store.trials())

    def _kept(self) -> str:
        return (
            f"{self._n_done()} of {self.job.n_trials} networks are trained and kept in "
            f"{self.folder}.\nGo on with: cerebros resume {self.command}"
        )

    def _report(self, result: SearchResult) -> None:
        best, metric = result.best_trial, self.job.objective.metric
        files = {
            "picture": draw_trial(best, self.folder / "best.html", metric=metric),
            "model": save_model(result.best_model(), self.folder / "best.keras"),
        }
        scores = result.scores()
        if self.arguments.json:
            print_json(
                {
                    "folder": str(self.folder),
                    "task": self.job.selection.task,
                    "target": self.job.selection.target,
                    "metric": metric,
                    "direction": self.job.objective.direction,
                    "columns": list(self.job.selection.columns),
                    "n_trials": self.job.n_trials,
                    "n_done": self._n_done(),
                    "best": trial_data(best),
                    "scores": scores,
                    "files": {name: str(path) for name, path in files.items()},
                    **self.remarks,
                }
            )
        elif self._is_talkative:
            self._print_report(result, scores)

    def _print_report(self, result: SearchResult, scores: Any) -> None:
        in_order = result.leaderboard()
        n_shown = min(_SHOWN, len(in_order))
        say(f"\nThe best {n_shown} of {len(result.all_trials)} networks\n")
        print_trials(in_order[:n_shown], result.context.objective)
        say(f"\nWhat the best one, trial {in_order[0].number}, reaches\n")
        print_scores(scores, self.job.selection.task)
        say(f"\nEverything is in {self.folder}\n")
        say("  best.html   a picture of the best network; open it in a browser")
        say("  best.keras  the best network, for keras.models.load_model")
        say("\nNext\n")
        say(f"  cerebros trials {self.command}")
        say(f"  cerebros show {self.command} {in_order[0].number}")
        table = shlex.quote(os.path.relpath(self.job.source.path))
        say(f"  cerebros predict {self.command} {table} --output predictions.csv")
        say(f"  cerebros resume {self.command} --trials {2 * self.job.n_trials}")
