"""What came of a fit, as data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cerebros.plan import summarize_plan

if TYPE_CHECKING:
    from cerebros.estimators._committee import Trained
    from cerebros.estimators._conclusion import Fit
    from cerebros.estimators._recipe import Drawn
    from cerebros.estimators._score_report import Standing


def leaderboard_frame(fit: Fit) -> pd.DataFrame:
    """The whole, its trials, and baselines, the best by honest score first.

    `score` is on rows used neither for training nor for selection; `selection_score`,
    which flatters, on those used for selection. Trials that do not answer come last.
    """
    report = fit.report
    rows = [_of_standing("ensemble", report.model)]
    rows += [
        _of_standing("trial", own, weight=weight, status=_status(trial))
        for trial, own, weight in zip(
            fit.trials, fit.trial_standings, fit.selection.shares, strict=True
        )
    ]
    rows += [_of_standing("baseline", own) for own in report.baselines]
    rows += [
        {
            "model": f"trial {own.drawn.number}",
            "kind": "trial",
            "status": own.status,
            "score": np.nan,
            "standard_error": np.nan,
            "selection_score": np.nan,
            "ensemble_weight": 0.0,
            "rows": 0,
        }
        for own in fit.left_out
    ]
    return pd.DataFrame(rows).sort_values(
        "score", ascending=report.is_better_low, kind="stable", ignore_index=True
    )


def _of_standing(
    kind: str, own: Standing, *, weight: float = np.nan, status: str = "finished"
) -> dict[str, Any]:
    return {
        "model": own.name,
        "kind": kind,
        "status": status,
        "score": own.score,
        "standard_error": own.error,
        "selection_score": np.nan if own.selection is None else own.selection,
        "ensemble_weight": weight,
        "rows": own.n_rows,
    }


def trials_frame(fit: Fit) -> pd.DataFrame:
    """One row for each trial that was begun: what it is, and what became of it.

    `score` of the best single trial is that of selecting it: see `ScoreReport`.
    """
    rows = []
    for i, trial in enumerate(fit.trials):
        standing = fit.trial_standings[i]
        rows.append(
            {
                "trial": trial.drawn.number,
                "status": _status(trial),
                "reason": "" if trial.is_complete else "no trial was finished in time",
                "is_best": i == fit.best,
                "score": standing.score,
                "selection_score": standing.selection,
                "ensemble_weight": fit.selection.shares[i],
                "epochs": trial.epochs[fit.selection.checkpoints[i]],
                "seconds": trial.seconds,
                **_drawn(fit, trial.drawn, trial.transform),
            }
        )
    for own in fit.left_out:
        rows.append(
            {
                "trial": own.drawn.number,
                "status": own.status,
                "reason": own.reason,
                "is_best": False,
                "score": np.nan,
                "selection_score": np.nan,
                "ensemble_weight": 0.0,
                "epochs": own.n_epochs,
                "seconds": own.seconds,
                **_drawn(fit, own.drawn, own.transform),
            }
        )
    return pd.DataFrame(rows).sort_values("trial", ignore_index=True)


def _drawn(fit: Fit, drawn: Drawn, transform: int) -> dict[str, Any]:
    return {
        "network": summarize_plan(drawn.plan),
        "parameters": drawn.plan.n_parameters,
        "is_encoded": drawn.is_encoded,
        "learning_rate": drawn.training.learning_rate,
        "weight_decay": drawn.training.weight_decay,
        "schedule": drawn.training.schedule,
        "transform": _transform(fit, transform),
    }


def _status(trial: Trained) -> str:
    return "finished" if trial.is_complete else "unfinished"


def history_frame(fit: Fit) -> pd.DataFrame:
    """One row for each checkpoint of each trial: its loss on the rows that select."""
    return pd.DataFrame(
        [
            {"trial": trial.drawn.number, "epochs": epochs, "loss": float(loss)}
            for trial, losses in zip(fit.trials, fit.losses, strict=True)
            for epochs, loss in zip(trial.epochs, losses, strict=False)
        ]
    )


def _transform(fit: Fit, number: int) -> str:
    transforms = fit.predictor.transforms
    return transforms[number][0].kind if transforms else ""
