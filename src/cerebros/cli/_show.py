"""`cerebros show`: one network in words, and its picture."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from cerebros.cli._exit import Exit
from cerebros.cli._files import draw_trial
from cerebros.cli._folder import SearchFolder
from cerebros.cli._output import print_json, print_table, say
from cerebros.cli._standings import best_epoch_text, score_text, trial_data
from cerebros.plan import describe_plan, plan_id, plan_to_json
from cerebros.search import Trial, duration, number_text

_BARS = "▁▂▃▄▅▆▇█"
_LONGEST_CURVE = 40


def run(arguments: Namespace) -> Exit:
    """Describe a trial, and draw it."""
    folder = SearchFolder.open(arguments.folder, arguments.search)
    trial = folder.trial(arguments.trial)
    picture = _draw(folder, trial, arguments.picture)
    if arguments.json:
        print_json(
            trial_data(trial)
            | {
                "history": trial.history,
                "plan": json.loads(plan_to_json(trial.plan)),
                "picture": str(picture),
            }
        )
        return Exit.DONE
    _print_facts(folder, trial)
    say(f"\n{describe_plan(trial.plan)}")
    if trial.history:
        say()
        _print_history(trial)
    say(f"\npicture: {picture}")
    return Exit.DONE


def _draw(folder: SearchFolder, trial: Trial, asked: str | None) -> Path:
    path = Path(asked or folder.path / "pictures" / f"trial_{trial.number:05d}.html")
    metric, rank = folder.objective.metric, _rank(folder, trial)
    return draw_trial(trial, path, metric=metric, rank=rank)


def _rank(folder: SearchFolder, trial: Trial) -> str:
    numbers = [other.number for other in folder.best_first]
    if trial.number not in numbers:
        return f"none of {len(folder.trials)}"
    return f"{numbers.index(trial.number) + 1} of {len(folder.trials)}"


def _print_facts(folder: SearchFolder, trial: Trial) -> None:
    facts = {
        "trial": str(trial.number),
        folder.objective.metric: score_text(trial),
        "rank": _rank(folder, trial),
        "best in epoch": best_epoch_text(trial),
        "trained in": duration(trial.seconds),
        "ended": trial.status.value,
        "error": trial.error,
        "repaired": "\n".join(trial.repairs),
        "plan id": plan_id(trial.plan),
    }
    width = max(map(len, facts))
    for name, fact in facts.items():
        if fact:
            say(f"{name:<{width}}  " + fact.replace("\n", f"\n{'':<{width}}  "))


def _print_history(trial: Trial) -> None:
    best = trial.best_epoch
    print_table(
        ("history", "", "first", "best epoch", "last"),
        [
            (
                metric,
                curve_text(values),
                number_text(values[0]),
                "–" if best is None else number_text(values[best]),
                number_text(values[-1]),
            )
            for metric, values in sorted(trial.history.items())
        ],
        left=("history", ""),
    )


def curve_text(values: Sequence[float]) -> str:
    """A curve in one line of text; a value that is not finite is a `×`."""
    step = max(1, math.ceil(len(values) / _LONGEST_CURVE))
    shown = list(values[::step])
    finite = [value for value in shown if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    per_bar = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(
        _BARS[round((value - low) / per_bar)] if math.isfinite(value) else "×"
        for value in shown
    )
