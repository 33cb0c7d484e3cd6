"""Scores that tell what was chosen from what judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_STANDARD_ERRORS = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""That are noise, for 2, 3, … parts: Student's distribution at 97.5 %."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one model stands.

    Attributes:
        name: of the model.
        score: on rows used neither for training nor for selection.
        error: standard error of that, from its parts; NaN if there is one part only.
        selection: the selection score: on the rows by which it was selected, which
            flatters; None if nothing was selected.
        n_rows: that judge.
        lead: how much better than the estimator it is; NaN for what is not compared.
        lead_error: standard error of that, from the same parts.
        n_parts: how many there are.
    """

    name: str
    score: float
    error: float
    selection: float | None
    n_rows: int
    lead: float = float("nan")
    lead_error: float = float("nan")
    n_parts: int = 5

    @property
    def is_ahead(self) -> bool:
        return self.lead > 0

    @property
    def is_ahead_beyond_noise(self) -> bool:
        """By more standard errors than so few parts give by chance, one time in 40.

        With one part only, nothing says so.
        """
        at = min(max(self.n_parts - 2, 0), len(_STANDARD_ERRORS) - 1)
        return self.lead > _STANDARD_ERRORS[at] * self.lead_error


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What to expect of new rows, beside what simple models reach.

    Attributes:
        metric: name of the metric.
        is_better_low: whether small numbers are good.
        model: the estimator itself.
        best_trial: its best single trial, by the selection score.
        baselines: constant, linear, gradient boosting, as far as there was time.
        left_out: baselines for which there was none, each with the reason.
    """

    metric: str
    is_better_low: bool
    model: Standing
    best_trial: Standing
    baselines: tuple[Standing, ...]
    left_out: dict[str, str] = field(default_factory=dict)

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

    @property
    def verdict(self) -> str:
        """A sentence if a baseline is better than the estimator; empty if none is."""
        ahead = [own for own in self.baselines if own.is_ahead]
        if not ahead:
            return ""
        best = max(ahead, key=lambda own: own.lead)
        figures = " against ".join(_apart(best.score, self.model.score))
        if best.is_ahead_beyond_noise:
            how, noise = "better than", "beyond noise"
        elif np.isfinite(best.lead_error):
            how, noise = "about as good as", "a difference within noise"
        else:
            how, noise = "better than", "though nothing tells how much of it is noise"
        return (
            f"The baseline {best.name} is {how} this model: {self.metric} {figures}, "
            f"{noise}."
        )

    def __str__(self) -> str:
        better = "lower" if self.is_better_low else "higher"
        lines = [self.verdict] if self.verdict else []
        lines.append(
            f"{self.metric} on rows used neither for training nor for selection "
            f"({better} is better)"
        )
        standings = (self.model, self.best_trial, *self.baselines)
        width = max(20, *(len(s.name) for s in standings))
        for s in standings:
            line = f"  {s.name:<{width}} {score_text(s.score):>10}"
            if np.isfinite(s.error):
                line += f" ± {score_text(s.error, 2)}"
            if s.selection is not None:
                line += f"   (selection score: {score_text(s.selection)})"
            if s.n_rows < self.model.n_rows:
                line += f"   ({s.n_rows} of {self.model.n_rows} rows)"
            lines.append(line)
        for name, why in self.left_out.items():
            lines.append(f"  {name} was left out: {why}")
        return "\n".join(lines)


def _apart(one: float, other: float) -> tuple[str, str]:
    """Two figures, with as many digits as it takes to tell them apart."""
    for digits in range(4, 10):
        texts = score_text(one, digits), score_text(other, digits)
        if texts[0] != texts[1]:
            break
    return texts


def score_text(value: float, digits: int = 4) -> str:
    """A score with at least so many digits; whole ones are all shown."""
    is_long = abs(value) >= 10**digits
    return f"{value:,.0f}" if is_long else f"{value:,.{digits}g}"
