"""Trials as data frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cerebros.plan import plan_id
from cerebros.search._trial import Trial

if TYPE_CHECKING:
    import pandas as pd


_COLUMNS = [
    "trial", "score", "best_epoch", "epochs", "status", "levels", "units", "parameters",
    "seconds", "plan_id", "repairs", "error",
]  # fmt: skip


def trials_frame(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row for each trial, in order of the numbers."""
    import pandas as pd

    rows = [
        {
            "trial": trial.number,
            "score": trial.score,
            "best_epoch": trial.best_epoch,
            "epochs": len(next(iter(trial.history.values()), ())),
            "status": trial.status.name.lower(),
            "levels": trial.plan.n_levels,
            "units": len(trial.plan.units),
            "parameters": trial.plan.n_parameters,
            "seconds": trial.seconds,
            "plan_id": plan_id(trial.plan),
            "repairs": len(trial.repairs),
            "error": trial.error,
        }
        for trial in trials
    ]
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"score": float})


def history_frame(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row for each trial and epoch, in that order."""
    import pandas as pd

    rows = [
        {"trial": trial.number, "epoch": epoch}
        | {metric: values[epoch] for metric, values in trial.history.items()}
        for trial in trials
        for epoch in range(len(next(iter(trial.history.values()), ())))
    ]
    return pd.DataFrame(rows, columns=None if rows else ["trial", "epoch"])
