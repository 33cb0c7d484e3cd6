"""What is to be predicted, in the form in which columns are compared with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.guards._columns import Codes, Flags, Numbers, Rows
from cerebros.estimators.guards._ranks import rank

MOST_OUTPUTS = 10
"""Columns of the target that are looked at; what leaks is in the table's columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One column of the target.

    Attributes:
        name: how it is called in a sentence.
        values: `(row,)`, finite numbers, or the numbers of classes.
        is_class: whether `values` are numbers of classes.
    """

    name: str
    values: Numbers
    is_class: bool

    def at(self, rows: Rows | Flags) -> Target:
        return Target(self.name, self.values[rows], self.is_class)

    @property
    def is_constant(self) -> bool:
        return len(self.values) < 2 or bool((self.values == self.values[0]).all())

    @property
    def classes(self) -> Codes:
        """Numbers of classes, or of different values, counted from 0."""
        return np.unique(self.values, return_inverse=True)[1].astype(np.intp)

    @property
    def scores(self) -> Numbers:
        """`(row, score)`: the rank of a number, from 0 to 1, or a 1 for the class."""
        if not self.is_class:
            return rank(self.values).middle[:, None]
        classes = self.classes
        return np.eye(int(classes.max(initial=0)) + 1)[classes]


def read_targets(target: npt.NDArray[Any], *, is_classification: bool) -> list[Target]:
    """Each column of the target; rows without a number are not taken out yet."""
    values = np.asarray(target)
    matrix = values[:, None] if values.ndim == 1 else values
    n_outputs = min(matrix.shape[1], MOST_OUTPUTS)
    return [
        Target(
            "the target" if matrix.shape[1] == 1 else f"target {i}",
            _as_numbers(matrix[:, i]),
            is_classification,
        )
        for i in range(n_outputs)
    ]


def _as_numbers(values: npt.NDArray[Any]) -> Numbers:
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    return np.unique(values, return_inverse=True)[1].astype(np.float64)
