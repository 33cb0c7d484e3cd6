"""From the standardized numbers that a network learns to the units of the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class OutputScale:
    """Multiply each column of an output, then add.

    Attributes:
        mean: what is added, one number for each column.
        scale: what is multiplied by.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def of(cls, targets: npt.NDArray[Any]) -> OutputScale:
        """Mean and standard deviation of each column of targets, `(row, width)`."""
        mean = targets.mean(axis=0, dtype=np.float64)
        deviation = targets.std(axis=0, dtype=np.float64)
        scale = np.where(deviation > 0, deviation, 1.0)
        return cls(tuple(mean.tolist()), tuple(scale.tolist()))
