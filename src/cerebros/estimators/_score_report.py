"""Scores that tell what was chosen from what judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one model stands.

    Attributes:
        name: of the model.
        score: by rows that neither trained nor chose it.
        error: standard error of that, from its parts; NaN if there is one part only.
        selection: by the rows that chose it, which flatters; None if nothing was
            chosen.
        n_rows: that judge.
    """

    name: str
    score: float
    error: float
    selection: float | None
    n_rows: int


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What to expect of new rows, beside what simple models reach.

    Attributes:
        metric: name of the metric.
        is_better_low: whether small numbers are good.
        model: the estimator itself.
        best_trial: its best single trial.
        baselines: constant, linear, gradient boosting, as far as there was time.
    """

    metric: str
    is_better_low: bool
    model: Standing
    best_trial: Standing
    baselines: tuple[Standing, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each model."""
        return [
            {
                "model": s.name,
                "score": s.score,
                "standard_error": s.error,
                "selection_score": s.selection,
                "rows": s.n_rows,
            }
            for s in (self.model, self.best_trial, *self.baselines)
        ]

    def __str__(self) -> str:
        better = "lower" if self.is_better_low else "higher"
        lines = [
            f"{self.metric} on rows that neither trained nor chose ({better} is better)"
        ]
        for s in (self.model, self.best_trial, *self.baselines):
            line = f"  {s.name:<20} {_text(s.score):>10}"
            if np.isfinite(s.error):
                line += f" ± {_text(s.error, 2)}"
            if s.selection is not None:
                line += f"   (by the rows that chose it: {_text(s.selection)})"
            if s.n_rows < self.model.n_rows:
                line += f"   (time for {s.n_rows} of {self.model.n_rows} rows)"
            lines.append(line)
        return "\n".join(lines)


def _text(value: float, digits: int = 4) -> str:
    is_long = abs(value) >= 10**digits
    return f"{value:,.0f}" if is_long else f"{value:.{digits}g}"
