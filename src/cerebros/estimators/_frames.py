"""What came of a fit, as data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cerebros.plan import summarize_plan

if TYPE_CHECKING:
    from cerebros.estimators._conclusion import Fit


def leaderboard_frame(fit: Fit) -> pd.DataFrame:
    """The whole, its trials, and baselines, the best by honest score first.

    `score` is by rows that neither trained nor chose; `selection_score` by those that
    chose, which flatters.
    """
    report = fit.report
    shares = dict(
        zip(
            (trial.drawn.number for trial in fit.trials),
            fit.selection.shares,
            strict=True,
        )
    )
    rows = []
    for kind, standings in (
        ("ensemble", [report.model]),
        ("trial", fit.trial_standings),
        ("baseline", report.baselines),
    ):
        for own in standings:
            number = int(own.name.split()[-1]) if kind == "trial" else -1
            rows.append(
                {
                    "model": own.name,
                    "kind": kind,
                    "score": own.score,
                    "standard_error": own.error,
                    "selection_score": (
                        np.nan if own.selection is None else own.selection
                    ),
                    "share": shares.get(number, np.nan),
                    "rows": own.n_rows,
                }
            )
    frame = pd.DataFrame(rows)
    return frame.sort_values(
        "score", ascending=report.is_better_low, kind="stable", ignore_index=True
    )


def trials_frame(fit: Fit) -> pd.DataFrame:
    """One row for each trial: what it is, how it was trained, and what it counts."""
    rows = []
    for trial, standing, share, at in zip(
        fit.trials,
        fit.trial_standings,
        fit.selection.shares,
        fit.selection.checkpoints,
        strict=True,
    ):
        drawn, training = trial.drawn, trial.drawn.training
        rows.append(
            {
                "trial": drawn.number,
                "score": standing.score,
                "selection_score": standing.selection,
                "share": share,
                "epochs": trial.epochs[at],
                "seconds": trial.seconds,
                "network": summarize_plan(drawn.plan),
                "parameters": drawn.plan.n_parameters,
                "is_encoded": drawn.is_encoded,
                "learning_rate": training.learning_rate,
                "weight_decay": training.weight_decay,
                "schedule": training.schedule,
                "transform": _transform(fit, trial.transform),
            }
        )
    return pd.DataFrame(rows)


def history_frame(fit: Fit) -> pd.DataFrame:
    """One row for each checkpoint of each trial: its loss on rows it has not seen."""
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
