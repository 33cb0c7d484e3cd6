"""What a job leaves to be read: histories, trials, scores, a report."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cerebros.errors import StoreError
from cerebros.plan import plan_id
from cerebros.report import write_picture
from cerebros.search import SearchResult, Trial, number_text, strict, write_file
from cerebros.stems import is_keras_model, name_of
from cerebros.training import Problem

_SHOWN = 20


def write_records(
    folder: Path,
    problem: Problem,
    found: SearchResult,
    tuned: SearchResult | None,
    chosen: SearchResult,
    scores: Mapping[str, Mapping[str, float]],
) -> dict[str, Path]:
    """Write every file but the model, each whole or not at all.

    Returns:
        Paths by what the files are.

    Raises:
        StoreError: if a file cannot be written.
    """
    results = {"": found} | ({"fine_tuning_": tuned} if tuned else {})
    files: dict[str, Path] = {}
    for prefix, result in results.items():
        files |= {
            f"{prefix}trials": _csv(folder / f"{prefix}trials.csv", result.trials()),
            f"{prefix}history": _csv(folder / f"{prefix}history.csv", result.history()),
            f"{prefix}history_json": _write(
                folder / f"{prefix}history.json", _json(_histories(result.all_trials))
            ),
        }
    best = chosen.best_trial
    summary = {
        "chosen": "fine-tuning" if chosen is tuned else "search",
        "trial": best.number,
        "plan_id": plan_id(best.plan),
        "metric": chosen.context.objective.metric,
        "score": best.score,
        "best_epoch": best.best_epoch,
        "classes": [_plain(label) for label in problem.classes],
        "scores": scores,
    }
    files["summary"] = _write(folder / "summary.json", _json(summary))
    picture = folder / "best.html"
    try:
        write_picture(picture, best.plan, title=f"Trial {best.number}")
    except OSError as error:
        raise StoreError(f"{picture} cannot be written: {error}") from error
    files["picture"] = picture
    report = _report(problem, found, tuned, chosen, scores)
    files["report"] = _write(folder / "report.md", report)
    return files


def _csv(path: Path, frame: Any) -> Path:
    return _write(path, frame.to_csv(index=False, lineterminator="\n"))


def _write(path: Path, text: str) -> Path:
    write_file(path, text)
    return path


def _json(value: Any) -> str:
    return json.dumps(strict(value), indent=1, ensure_ascii=False) + "\n"


def _histories(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    return [
        {
            "trial": trial.number,
            "plan_id": plan_id(trial.plan),
            "status": trial.status.name.lower(),
            "score": trial.score,
            "best_epoch": trial.best_epoch,
            "history": dict(trial.history),
        }
        for trial in trials
    ]


def _plain(label: Any) -> Any:
    return label if isinstance(label, (str, int, float, bool)) else str(label)


# --- The report --------------------------------------------------------------------


def _report(
    problem: Problem,
    found: SearchResult,
    tuned: SearchResult | None,
    chosen: SearchResult,
    scores: Mapping[str, Mapping[str, float]],
) -> str:
    split = problem.split
    best = chosen.best_trial
    source = "fine-tuning" if chosen is tuned else "search"
    first = (
        f"{len(split.train):,} rows trained, {len(split.validation):,} chose, "
        f"{len(split.test):,} judged. The best is trial {best.number} of the {source}, "
        f"chosen by `{chosen.context.objective.metric}`; picture in `best.html`."
    )
    warning = (
        "The validation rows chose it, so their score flatters. The test rows chose "
        "nothing."
    )
    lines = [
        "# What the job found",
        "",
        first,
        "",
        "## Scores of the best",
        "",
        warning,
        "",
        *_score_table(scores),
        "",
        *_trial_table("## Trials of the search, the best first", found),
    ]
    if tuned is not None:
        lines += ["", *_trial_table("## Trials of the fine-tuning", tuned)]
    others = [
        name_of(stem)
        for stem in problem.front.stems
        if stem is not None and not is_keras_model(stem)
    ]
    if others:
        made = _safe(", ".join(others))
        how = "in Python, `problem.prepare(rows)` makes it"
        lines += ["", f"The exported model reads what {made} made of raw rows; {how}."]
    return "\n".join(lines) + "\n"


def _score_table(scores: Mapping[str, Mapping[str, float]]) -> list[str]:
    metrics = [*next(iter(scores.values()))]
    words = {
        "validation": "validation",
        "test": "test",
        "test_of_constant": "test, constant answer",
    }
    rows = [
        [words.get(name, name), *(number_text(values[m]) for m in metrics)]
        for name, values in scores.items()
    ]
    return _table(["rows", *metrics], rows)


def _trial_table(title: str, result: SearchResult) -> list[str]:
    ranked = result.leaderboard()
    failed = len(result.all_trials) - len(ranked)
    rows = [
        [
            str(trial.number),
            number_text(trial.score or 0.0),
            str((trial.best_epoch or 0) + 1),
            str(trial.plan.n_levels),
            str(len(trial.plan.units)),
            f"{trial.plan.n_parameters:,}",
            trial.status.name.lower(),
        ]
        for trial in ranked[:_SHOWN]
    ]
    columns = ["trial", "score", "epoch", "levels", "units", "parameters", "status"]
    lines = [title, "", *_table(columns, rows)]
    if len(ranked) > _SHOWN:
        lines += ["", f"{len(ranked) - _SHOWN} more are in the CSV file."]
    if failed:
        lines += ["", f"{failed} trials have no score."]
    return lines


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(map(_safe, line)) + " |" for line in lines]


def _safe(text: str) -> str:
    """Text of a user is shown as it is, and is no markup."""
    return html.escape(text, quote=False).replace("|", "\\|")
