"""What a search tries to improve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["minimize", "maximize"]

_SMALLER_IS_BETTER = (
    "loss",
    "error",
    "mse",
    "mae",
    "mape",
    "msle",
    "entropy",
    "poisson",
)
_LARGER_IS_BETTER = (
    "accuracy",
    "auc",
    "precision",
    "recall",
    "r2",
    "f1",
    "iou",
    "f_beta",
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A column of the training history, and which way is better.

    Attributes:
        metric: name of the column, as in `val_root_mean_squared_error`.
        direction: `"minimize"` or `"maximize"`; given as `"min"` or `"max"`, too, and
            guessed from the name of the metric if it is not given.

    Raises:
        ValueError: if the direction is unknown, or cannot be guessed.
    """

    metric: str = "val_loss"
    direction: str | None = None

    def __post_init__(self) -> None:
        short = {"min": "minimize", "max": "maximize"}
        direction = self.direction or guess_direction(self.metric)
        if direction is None:
            raise ValueError(
                f"it is not known whether {self.metric!r} should be small or large; "
                "give direction='minimize' or 'maximize'"
            )
        object.__setattr__(self, "direction", short.get(direction, direction))
        if self.direction not in ("minimize", "maximize"):
            raise ValueError(
                "direction must be 'minimize' or 'maximize', but got "
                f"{self.direction!r}"
            )

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a finite value improves on another one, or is the first."""
        if not math.isfinite(value):
            return False
        if than is None:
            return True
        return value < than if self.direction == "minimize" else value > than

    def sort_key(self, value: float) -> float:
        """A number that is smaller for better values."""
        return value if self.direction == "minimize" else -value


def guess_direction(metric: str) -> Direction | None:
    """The direction that the name of a metric suggests, or None."""
    if any(word in metric for word in _LARGER_IS_BETTER):
        return "maximize"
    if any(word in metric for word in _SMALLER_IS_BETTER):
        return "minimize"
    return None
