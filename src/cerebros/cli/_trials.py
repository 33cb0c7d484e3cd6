"""`cerebros trials`: list the networks of a search."""

from __future__ import annotations

import csv
import sys
from argparse import Namespace
from typing import Any

from cerebros.cli._exit import Exit
from cerebros.cli._folder import SearchFolder
from cerebros.cli._output import note, print_json, say
from cerebros.cli._standings import print_trials, trial_data
from cerebros.search import Trial


def run(arguments: Namespace) -> Exit:
    """List trials for people, as JSON, or as CSV."""
    folder = SearchFolder.open(arguments.folder, arguments.search)
    in_order = _in_order(folder, arguments.sort)
    trials = in_order[: arguments.limit]
    if arguments.json:
        print_json(
            {
                "metric": folder.objective.metric,
                "direction": folder.objective.direction,
                "n_trials": len(in_order),
                "trials": [trial_data(trial) for trial in trials],
            }
        )
    elif arguments.csv:
        _write_csv([trial_data(trial) for trial in trials])
    elif trials:
        print_trials(trials, folder.objective)
        if len(trials) < len(in_order):
            say(f"\nand {len(in_order) - len(trials)} more")
    else:
        note(f"{folder.path} holds no network yet")
    return Exit.DONE


def _in_order(folder: SearchFolder, sort: str) -> list[Trial]:
    """Trials by their numbers, or the best first and those without a score last."""
    if sort == "number":
        return folder.trials
    best_first = folder.best_first
    scored = {trial.number for trial in best_first}
    return [*best_first, *(t for t in folder.trials if t.number not in scored)]


def _write_csv(rows: list[dict[str, Any]]) -> None:
    columns = ["trial", "score", *(list(rows[0])[2:] if rows else ())]
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"repairs": len(row["repairs"])} for row in rows)
