"""Trials in the words and columns of a person, or as data for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cerebros.cli._output import print_table, say
from cerebros.plan import plan_id
from cerebros.search import Trial, number_text
from cerebros.training import Objective

_COLUMNS = ("trial", "best in epoch", "levels", "units", "parameters", "seconds")
_CONSTANT = {
    "regression": "always the mean of the training rows",
    "classification": "always the class shares of the training rows",
}


def trial_data(trial: Trial) -> dict[str, Any]:
    """A trial as plain data; its seconds are all that differs between equal runs."""
    return {
        "trial": trial.number,
        "score": trial.score,
        "best_epoch": trial.best_epoch,
        "epochs": n_epochs(trial),
        "status": trial.status.name.lower(),
        "levels": trial.plan.n_levels,
        "units": len(trial.plan.units),
        "parameters": trial.plan.n_parameters,
        "seconds": round(trial.seconds, 3),
        "plan_id": plan_id(trial.plan),
        "repairs": list(trial.repairs),
        "error": trial.error,
    }


def n_epochs(trial: Trial) -> int:
    """Epochs that it was trained."""
    return len(next(iter(trial.history.values()), ()))


def best_epoch_text(trial: Trial) -> str:
    """When it was best, with epochs counted from 1: `17 of 20`."""
    if trial.best_epoch is None:
        return "–"
    return f"{trial.best_epoch + 1} of {n_epochs(trial)}"


def score_text(trial: Trial) -> str:
    """The score in five digits, or a dash."""
    return "–" if trial.score is None else number_text(trial.score)


def print_trials(trials: Sequence[Trial], objective: Objective) -> None:
    """List trials; how they ended is shown if one did not simply finish."""
    is_plain = all(t.status.name in ("FINISHED", "STOPPED_EARLY") for t in trials)
    last = () if is_plain else ("ended",)
    print_table(
        (_COLUMNS[0], objective.metric, *_COLUMNS[1:], *last),
        [(*_row(t), *(() if is_plain else (_end(t),))) for t in trials],
        left=last,
    )


def _row(trial: Trial) -> tuple[str, ...]:
    return (
        str(trial.number),
        score_text(trial),
        best_epoch_text(trial),
        str(trial.plan.n_levels),
        str(len(trial.plan.units)),
        f"{trial.plan.n_parameters:,}",
        f"{trial.seconds:.1f}",
    )


def _end(trial: Trial) -> str:
    status = trial.status.name.lower().replace("_", " ")
    return f"{status}: {trial.error}" if trial.error else status


def print_scores(scores: Mapping[str, Mapping[str, float]], task: str) -> None:
    """What the best network reaches, with a word on each row's worth."""
    meanings = {
        "validation": "these rows chose it, so this flatters",
        "test": "these rows chose nothing: the score to report",
        "test_of_constant": _CONSTANT[task],
    }
    names = {"test_of_constant": "constant"}
    metrics = sorted(scores["validation"])
    print_table(
        ("rows", *metrics, ""),
        [
            (
                names.get(part, part),
                *(number_text(values[metric]) for metric in metrics),
                meanings[part],
            )
            for part, values in scores.items()
        ],
        left=("rows", ""),
    )
    if "test" not in scores:
        say("No rows were held out to judge it (--test 0), so nothing says how well it")
        say("will do on new ones.")
