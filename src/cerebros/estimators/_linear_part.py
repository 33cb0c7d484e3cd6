"""What is linear in a target: it goes on where training has no rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table import Columns, as_days, rows_of

Floats = npt.NDArray[np.float64]

_MOST_COLUMNS = 300
_ROWS_PER_COLUMN = 3
_LEAST_ROWS = 20
_LARGEST = 1e100  # of values, so that their squares are finite
_PENALTIES = np.logspace(-6, 0, 13)  # of the variance of a column
REACH = 2.0  # ranges beyond that of training, where inputs end


@dataclass(frozen=True, eq=False)
class LinearPart:
    """A ridge regression on the numbers and dates of a table, unscaled by rank or bin.

    The features that networks read end where the training ends, and so do their
    answers. A trend does not; this part carries it on. Missing values count as the
    mean, and inputs end two ranges beyond the training.

    Attributes:
        names: of the columns; none where it answers the mean.
        low: smallest value of each in training, `(column,)`; dates in days.
        high: the largest.
        center: their means.
        slopes: `(column, output)`, in units of the target per unit of the column.
        intercept: `(output,)`, the answer at the center.

    Reference:
        Hoerl and Kennard, 1970, "Ridge Regression"; the penalty by generalized
        cross-validation: Golub, Heath and Wahba, 1979.
    """

    names: tuple[str, ...]
    low: Floats
    high: Floats
    center: Floats
    slopes: Floats
    intercept: Floats

    @classmethod
    def fit(cls, columns: Columns, targets: Floats, weights: Floats) -> LinearPart:
        """Learn from `(row, output)`.

        It has no columns, and answers the mean, where there are too few rows for them.
        Columns are never picked by how they go with the target: picked with the rows
        that validate, they would flatter.
        """
        inputs = _Inputs.of(columns, weights)
        sums = _Sums.of(inputs.scaled(), targets, weights)
        return inputs.part(sums.slopes(sums.penalty()))

    def answers(self, columns: Columns) -> Floats:
        """`(row, output)`, in units of the target."""
        x = _matrix(columns, self.names, rows_of(columns))
        reach = REACH * (self.high - self.low)
        x = np.clip(x, self.low - reach, self.high + reach) - self.center
        return np.asarray(np.nan_to_num(x) @ self.slopes + self.intercept)

    def moved_outside(self, columns: Columns) -> Floats:
        """How far the target may have moved where rows leave the training.

        For each column, the distance from the range of training, times its slope.

        Returns:
            `(row, output)`, in units of the target; 0 inside.
        """
        x = _matrix(columns, self.names, rows_of(columns))
        beyond = np.maximum(x - self.high, 0) + np.maximum(self.low - x, 0)
        most = REACH * (self.high - self.low)
        beyond = np.minimum(np.where(np.isnan(beyond), 0, beyond), most)
        return np.asarray(beyond @ np.abs(self.slopes))

    def state(self) -> dict[str, Any]:
        """Plain values and arrays."""
        return {**vars(self), "names": list(self.names)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LinearPart:
        return cls(**{**state, "names": tuple(state["names"])})


def out_of_fold_linear(
    columns: Columns, targets: Floats, weights: Floats, fold_of_row: npt.NDArray[Any]
) -> Floats:
    """What linear parts of the other folds answer for each row, `(row, output)`."""
    inputs = _Inputs.of(columns, weights)
    z = inputs.scaled()
    whole = _Sums.of(z, targets, weights)
    penalty = whole.penalty()
    answers = np.empty_like(targets)
    for fold in np.unique(fold_of_row):
        rows = np.flatnonzero(fold_of_row == fold)
        others = whole.without(_Sums.of(z[rows], targets[rows], weights[rows]))
        slopes, intercept = others.slopes(penalty)
        answers[rows] = z[rows] @ slopes + intercept
    return answers


@dataclass(frozen=True, eq=False)
class _Inputs:
    """Columns as numbers of like size.

    Attributes:
        names: of the columns that vary.
        x: `(row, column)`, raw; missing is NaN.
        center: `(column,)`, weighted means.
        scale: `(column,)`, standard deviations.
    """

    names: tuple[str, ...]
    x: Floats
    center: Floats
    scale: Floats

    @classmethod
    def of(cls, columns: Columns, weights: Floats) -> _Inputs:
        names = [name for name, own in columns.items() if own.dtype.kind in "fM"]
        n_rows = int((weights > 0).sum())
        if len(names) > _MOST_COLUMNS or n_rows < _LEAST_ROWS:
            names = []
        x = _matrix(columns, names, len(weights))
        share = np.where(np.isnan(x), 0.0, weights[:, None])
        share /= np.maximum(share.sum(axis=0), 1e-300)
        filled = np.nan_to_num(x)
        is_finite = np.abs(filled).max(axis=0, initial=0) < _LARGEST
        filled = np.where(is_finite, filled, 0.0)
        center = (filled * share).sum(axis=0)
        scale = np.sqrt((((filled - center) ** 2) * share).sum(axis=0))
        varies = scale > 1e-9 * np.abs(center) + 1e-290
        if n_rows < _ROWS_PER_COLUMN * varies.sum():
            varies[:] = False
        kept = tuple(name for name, own in zip(names, varies, strict=True) if own)
        return cls(kept, x[:, varies], center[varies], scale[varies])

    def scaled(self) -> Floats:
        return np.asarray(np.nan_to_num((self.x - self.center) / self.scale))

    def part(self, solution: tuple[Floats, Floats]) -> LinearPart:
        slopes, intercept = solution
        return LinearPart(
            names=self.names,
            low=np.nanmin(self.x, axis=0),
            high=np.nanmax(self.x, axis=0),
            center=self.center,
            slopes=slopes / self.scale[:, None],
            intercept=intercept,
        )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Weighted sums over rows, from which a ridge regression is solved.

    Sums of some rows can be taken out again, so that leaving out each fold costs no
    further pass.

    Attributes:
        n: rows.
        w: their weights together.
        z: `(column,)`; y: `(output,)`; zz, zy and yy: of products.
    """

    n: float
    w: float
    z: Floats
    y: Floats
    zz: Floats
    zy: Floats
    yy: Floats

    @classmethod
    def of(cls, z: Floats, y: Floats, weights: Floats) -> _Sums:
        weighted = z * weights[:, None]
        return cls(
            float((weights > 0).sum()),
            float(weights.sum()),
            weighted.sum(axis=0),
            weights @ y,
            weighted.T @ z,
            weighted.T @ y,
            weights @ y**2,
        )

    def without(self, other: _Sums) -> _Sums:
        return _Sums(*(vars(self)[key] - vars(other)[key] for key in vars(self)))

    def _moments(self) -> tuple[Floats, Floats, Floats]:
        """Variances of the columns, covariances with the outputs, their variances."""
        w = max(self.w, 1e-300)
        z, y = self.z / w, self.y / w
        return (
            self.zz / w - np.outer(z, z),
            self.zy / w - np.outer(z, y),
            np.maximum(self.yy / w - y**2, 1e-300),
        )

    def penalty(self) -> float:
        """By generalized cross-validation."""
        cov, to_y, of_y = self._moments()
        if not len(cov):
            return 1.0
        values, vectors = np.linalg.eigh(cov)
        values = np.maximum(values, 0)
        along = vectors.T @ to_y

        def score(penalty: float) -> float:
            slopes = along / (values + penalty)[:, None]
            left = of_y - 2 * (along * slopes).sum(axis=0)
            left = left + (values[:, None] * slopes**2).sum(axis=0)
            freedom = 1 + (values / (values + penalty)).sum()
            open_ = np.maximum(left / of_y, 0).mean()
            return float(open_ / max(1 - freedom / self.n, 1e-3) ** 2)

        return float(min(_PENALTIES, key=score))

    def slopes(self, penalty: float) -> tuple[Floats, Floats]:
        """`(column, output)` and the intercept `(output,)`."""
        cov, to_y, _ = self._moments()
        ridge = cov + penalty * np.eye(len(cov))
        slopes = np.linalg.solve(ridge, to_y).astype(np.float64)
        w = max(self.w, 1e-300)
        return slopes, np.asarray(self.y / w - (self.z / w) @ slopes)


def _matrix(columns: Columns, names: Sequence[str], n_rows: int) -> Floats:
    """`(row, column)`; dates in days, missing is NaN."""
    x = np.empty((n_rows, len(names)))
    for i, name in enumerate(names):
        values = columns[name]
        x[:, i] = as_days(values) if values.dtype.kind == "M" else values
    return x
