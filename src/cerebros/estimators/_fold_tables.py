"""What the networks of each fold learn from: features, targets, and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.estimators._linear_part import LinearPart, out_of_fold_linear
from cerebros.estimators._request import Target
from cerebros.estimators._targets import TargetTransform, bounds
from cerebros.estimators._validation import Fold
from cerebros.estimators.table import Columns, TableEncoding

Array: TypeAlias = npt.NDArray[Any]
Transforms: TypeAlias = tuple[tuple[TargetTransform, ...], ...]

_HEAVY = 2.0  # mean weights, above which a row is gone through more than once
_INNER_FOLDS = 5


@dataclass(frozen=True, eq=False)
class FoldTable:
    """A table as some folds see it.

    Arrays have all rows of the table; those that none of the folds sees are zeros.

    Attributes:
        folds: numbers of the folds.
        plain: plain features, `(row, feature)`.
        encoded: encoded ones.
        targets: for each candidate transform the standardized targets, or classes
            one-hot, `(row, output)`.
        transforms: the candidates, one for each output; empty for classes.
        linear: what the linear part answers, `(row, output)`; None if there is none.
        entries: numbers of the rows that an epoch goes through; see `Rows`.
    """

    folds: tuple[int, ...]
    plain: Array
    encoded: Array
    targets: tuple[Array, ...]
    transforms: Transforms
    linear: Array | None
    entries: Array

    def in_units(self, numbers: Array, transform: int, rows: Array) -> Array:
        """Standardized answers for rows in units of the target, `(row, output)`."""
        linear = None if self.linear is None else self.linear[rows]
        back = [
            t.back(numbers[:, i], None if linear is None else linear[:, i])
            for i, t in enumerate(self.transforms[transform])
        ]
        return np.stack(back, axis=1)

    def bounded(self, numbers: Array, transform: int, fold: Fold) -> Array:
        """Answers near the range of a fold's own rows, where several share a table."""
        if not self.transforms or len(self.folds) == 1:
            return numbers
        seen = fold.train[self._has_entries[fold.train]]
        return np.clip(numbers, *bounds(self.targets[transform][seen]))

    @cached_property
    def _has_entries(self) -> Array:
        """Of each row, whether it has a weight."""
        return np.bincount(self.entries, minlength=len(self.plain)) > 0


@dataclass(frozen=True, eq=False)
class TablesOfFolds:
    """All tables of a fit.

    Attributes:
        each: the tables; the folds of the last one answer in the end.
        linear: of all rows; None for classes.
    """

    each: tuple[FoldTable, ...]
    linear: LinearPart | None

    @property
    def last(self) -> FoldTable:
        return self.each[-1]

    def of_fold(self, fold: int) -> FoldTable:
        return next(table for table in self.each if fold in table.folds)


def tables_of_folds(
    columns: Columns,
    target: Target,
    encoding: TableEncoding,
    folds: Sequence[Fold],
    kinds: Sequence[str],
    linear: LinearPart | None,
    *,
    unit: Array,
    is_bounded: bool,
    seed: int,
) -> TablesOfFolds:
    """Encode a table, so that no fold knows more than it may.

    Where every row validates once, all folds share one table; what is learned from
    targets (means of categories, the linear part) is taken for each row from rows of
    other folds. Otherwise, as with rows that follow in time, each fold has encoding
    and transforms of its own, learned from the rows that it trains on.

    Args:
        columns: without the target.
        target: what is learned.
        encoding: learned from all rows.
        folds: of the first trial.
        kinds: of the candidate transforms; none for classes.
        linear: learned from all rows; None for classes.
        unit: of each row; rows of one unit tell each other nothing of targets.
        is_bounded: whether answers stay near the range of training.
        seed: of draws.
    """
    everything = np.arange(len(target.weights))
    maker = _Maker(columns, target, tuple(kinds), unit, is_bounded, seed)
    if all(fold.answers for fold in folds):
        number = np.zeros(len(everything), np.int64)
        for k, fold in enumerate(folds):
            number[fold.valid] = k
        shared = maker.table(tuple(range(len(folds))), encoding, everything, number)
        return TablesOfFolds((shared,), linear)
    each = []
    for k, fold in enumerate(folds):
        is_whole = len(fold.train) == len(everything)
        own = encoding if is_whole else maker.refitted(encoding, fold.train)
        number = maker.inner_folds(fold.train)
        each.append(maker.table((k,), own, fold.train, number, fold.valid))
    return TablesOfFolds(tuple(each), linear)


def encoding_targets(target: Target, rows: Array) -> Array:
    """What target means of categories are taken of: `(row, output or class)`.

    Numbers are standardized by the rows that count.
    """
    values, weights = target.values[rows], target.weights[rows]
    if target.classes is not None:
        return np.eye(len(target.classes))[values]
    counting = values[weights > 0]
    spread = counting.std(axis=0)
    centered = values - counting.mean(axis=0)
    return np.asarray(centered / np.where(spread > 0, spread, 1))


@dataclass(frozen=True, eq=False)
class _Maker:
    """Makes tables of one fit; see `tables_of_folds`."""

    columns: Columns
    target: Target
    kinds: tuple[str, ...]
    unit: Array
    is_bounded: bool
    seed: int

    def table(
        self,
        folds: tuple[int, ...],
        encoding: TableEncoding,
        seen: Array,
        fold_of_row: Array,
        valid: Array | None = None,
    ) -> FoldTable:
        """A table in which `seen` rows train, each with a fold of its own.

        Args:
            folds: that see it.
            encoding: learned from the rows seen.
            seen: numbers of rows.
            fold_of_row: of the rows seen, for what is learned from targets.
            valid: further rows; None if all are among those seen.
        """
        target, n_rows = self.target, len(self.target.weights)
        plain, encoded = encoding.out_of_fold(
            self._rows(seen),
            encoding_targets(target, seen),
            target.weights[seen],
            fold_of_row,
        )
        linear = None
        if "linear" in self.kinds:
            own = out_of_fold_linear(
                self._rows(seen), target.values[seen], target.weights[seen], fold_of_row
            )
            linear = _spread(own, seen, n_rows)
        if valid is not None:
            plain, encoded = (
                _spread(plain, seen, n_rows),
                _spread(encoded, seen, n_rows),
            )
            if len(valid):
                plain[valid], encoded[valid] = encoding.transform(self._rows(valid))
            if linear is not None and len(valid):
                part = self.linear(seen)
                assert part is not None
                linear[valid] = part.answers(self._rows(valid))
        transforms = self._transforms(seen, linear)
        return FoldTable(
            folds=folds,
            plain=plain,
            encoded=encoded,
            targets=self._targets(transforms, linear),
            transforms=transforms,
            linear=linear,
            entries=entries_of(target.weights, seen),
        )

    def linear(self, rows: Array) -> LinearPart | None:
        if self.target.classes is not None:
            return None
        own = self._rows(rows)
        return LinearPart.fit(own, self.target.values[rows], self.target.weights[rows])

    def refitted(self, encoding: TableEncoding, rows: Array) -> TableEncoding:
        return encoding.refitted(
            self._rows(rows),
            targets=encoding_targets(self.target, rows),
            weights=self.target.weights[rows],
            seed=self.seed,
        )

    def inner_folds(self, rows: Array) -> Array:
        """A fold for each of some rows, the same for all of a unit."""
        rng = np.random.default_rng([self.seed, 29])
        units, own = np.unique(self.unit[rows], return_inverse=True)
        return np.asarray(rng.permutation(np.arange(len(units)) % _INNER_FOLDS)[own])

    def _rows(self, rows: Array) -> Columns:
        if len(rows) == len(self.target.weights):
            return self.columns
        return {name: values[rows] for name, values in self.columns.items()}

    def _transforms(self, seen: Array, linear: Array | None) -> Transforms:
        values = self.target.values
        seen = seen[self.target.weights[seen] > 0]
        return tuple(
            tuple(
                TargetTransform.fit(
                    kind,
                    values[seen, i],
                    None if linear is None else linear[seen, i],
                    is_bounded=self.is_bounded,
                )
                for i in range(values.shape[1])
            )
            for kind in self.kinds
        )

    def _targets(
        self, transforms: Transforms, linear: Array | None
    ) -> tuple[Array, ...]:
        target = self.target
        if target.classes is not None:
            return (np.eye(len(target.classes), dtype=np.float32)[target.values],)
        made = []
        for of in transforms:
            each = [
                t.forward(target.values[:, i], None if linear is None else linear[:, i])
                for i, t in enumerate(of)
            ]
            made.append(np.stack(each, axis=1).astype(np.float32))
        return tuple(made)


def _spread(values: Array, rows: Array, n_rows: int) -> Array:
    """Rows at their places among all, with zeros elsewhere."""
    if len(rows) == n_rows:
        return values
    whole = np.zeros((n_rows, *values.shape[1:]), values.dtype)
    whole[rows] = values
    return whole


def entries_of(weights: Array, seen: Array) -> Array:
    """Rows of an epoch: heavy ones several times, so that no step is made by one.

    No entry weighs more than twice the mean.
    """
    kept = seen[weights[seen] > 0]
    times = np.ceil(weights[kept] / (_HEAVY * weights[kept].mean()) - 1e-9)
    return np.repeat(kept, np.maximum(times, 1).astype(np.int64))
