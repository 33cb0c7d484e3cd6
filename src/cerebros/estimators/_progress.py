"""What is said while trials and baselines are trained."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cerebros.estimators._baselines import Baseline
from cerebros.estimators._committee import Trained
from cerebros.estimators._judging import Judging
from cerebros.estimators._score_report import score_text
from cerebros.estimators._turns import LeftOut


@dataclass(eq=False)
class Progress:
    """Says scores in the units of the metric.

    Attributes:
        judging: scores them.
        say: told each line.
    """

    judging: Judging
    say: Callable[[str], None]
    _best: float = float("nan")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        self.say(
            "scores of trials are selection scores: out-of-fold, but at the checkpoint "
            "that is best by them; the report at the end has honest ones"
        )

    def trial(self, trial: Trained | LeftOut) -> None:
        """A trial is done, or left out."""
        number = trial.drawn.number
        if isinstance(trial, LeftOut):
            self.say(f"trial {number}: {trial.status}, {trial.reason}")
            return
        metric = self.judging.metric
        score = self.judging.selection_score_of_trial(trial.answers)
        with self._lock:
            before, is_low = self._best, metric.is_better_low
            is_best = before != before or (score < before if is_low else score > before)
            self._best = score if is_best else before
        best = "best so far" + ("" if is_best else f" {score_text(self._best)}")
        unfinished = "" if trial.is_complete else ", unfinished: the time is up"
        self.say(
            f"trial {number}: {metric.name} {score_text(score)} ({best}), "
            f"{trial.seconds:.1f} s{unfinished}"
        )

    def baseline(self, own: Baseline) -> None:
        """A baseline is ready, or left out."""
        if own.answers is None:
            self.say(f"baseline {own.name}: left out, {own.why}")
            return
        score = self.judging.score(self.judging.of_baseline(own.answers))
        self.say(
            f"baseline {own.name}: {self.judging.metric.name} {score_text(score)}, "
            f"{own.seconds:.1f} s"
        )
