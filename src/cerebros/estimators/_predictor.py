"""From raw rows to answers with NumPy alone: what a fit leaves behind."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators._linear_part import LinearPart
from cerebros.estimators._networks import Networks
from cerebros.estimators._targets import TargetTransform
from cerebros.estimators.guards import (
    Finding,
    TableRanges,
    find_drift,
    unread_findings,
)
from cerebros.estimators.table import (
    Columns,
    ReadTable,
    TableEncoding,
    TableSchema,
    raw_columns,
    rows_of,
)

Array = npt.NDArray[Any]

_BY_PLACE = {
    True: "X does not have valid feature names, but the predictor was fitted with "
    "feature names",
    False: "X has feature names, but the predictor was fitted without feature names",
}
"""Warnings, as scikit-learn has them, by whether training had names."""


@dataclass(frozen=True, eq=False)
class Certainty:
    """What the answers for unseen rows tell of the certainty of new ones.

    Attributes:
        temperature: by which logarithms of probabilities are divided.
        threshold: of the second class's probability, from which on a binary problem
            answers it.
        scores: for regression: how far answers were off, in units of the spread of
            the networks, ascending, `(place, output)`.
        floor: added to that spread, in units of the target, `(output,)`.
        distances: how far answers were off, in units of the target, ascending,
            `(place, output)`; for networks whose spread is not that of training.
    """

    temperature: float = 1.0
    threshold: float = 0.5
    scores: Array | None = None
    floor: Array | None = None
    distances: Array | None = None

    def without_spread(self) -> Certainty:
        """The same for some of the networks, whose spread is another."""
        if self.distances is None:
            return self
        n_outputs = self.distances.shape[1]
        return replace(self, scores=None, floor=np.zeros(n_outputs))


@dataclass(frozen=True, eq=False)
class Predictor:
    """Encoding, networks, and how their answers are put together.

    Attributes:
        encoding: of raw rows.
        networks: of each trial that counts.
        transforms: of targets, that networks refer to by number; for each the one of
            every output. Empty for classes.
        classes: labels in the order of the outputs; None for a regression.
        target_names: of the outputs of a regression.
        is_flat: whether answers of a regression are `(row,)`.
        certainty: calibration, threshold, intervals.
        ranges: of the columns in training.
        schema: what the columns hold and how they are read; with none, they are read
            as they seem.
        linear: what is linear in the target; None for classes.
    """

    encoding: TableEncoding
    networks: tuple[Networks, ...]
    transforms: tuple[tuple[TargetTransform, ...], ...]
    classes: Array | None
    target_names: tuple[str, ...]
    is_flat: bool
    certainty: Certainty
    ranges: TableRanges
    schema: TableSchema = field(default_factory=TableSchema)
    linear: LinearPart | None = None

    @property
    def is_classification(self) -> bool:
        return self.classes is not None

    def read(self, table: Any) -> ReadTable:
        """The columns that are used, of raw rows, read as training decided.

        What it gives can stand for the rows in every other call.

        Warns:
            UserWarning: of values that could not be read, and if columns were told
                apart by their places, because only one of both tables names them.

        Raises:
            DataError: if the rows are not like those of training.
        """
        if isinstance(table, ReadTable):
            return table
        used = self.encoding.encoders
        raw, is_by_place = self.schema.renamed(*raw_columns(table))
        if is_by_place:
            warnings.warn(_BY_PLACE[self.schema.is_named], UserWarning, stacklevel=3)
        # Columns that are not used tell what was meant by those that are missing.
        only = used if set(used) <= set(raw) else None
        read = replace(self.schema, is_named=True).read(raw, only)
        for finding in unread_findings(read.unread):
            said = f"column {finding.column!r}: {finding.evidence}"
            warnings.warn(said, UserWarning, stacklevel=3)
        return read

    def columns(self, table: Any) -> Columns:
        """The columns of raw rows; see `read`.

        Raises:
            DataError: if they are not like those of training.
        """
        return self.read(table).columns

    def predict(self, table: Any) -> Array:
        """Numbers `(row,)` or `(row, output)`, or labels `(row,)`."""
        if self.classes is None:
            answers = self.numbers(table)
            return answers[:, 0] if self.is_flat else answers
        shares = self.predict_proba(table)
        return self.labels(shares)

    def labels(self, shares: Array) -> Array:
        """The labels that probabilities `(row, class)` stand for."""
        assert self.classes is not None
        if len(self.classes) == 2:
            chosen = (shares[:, 1] >= self.certainty.threshold).astype(int)
        else:
            chosen = shares.argmax(axis=1)
        return np.asarray(self.classes[chosen])

    def predict_proba(self, table: Any) -> Array:
        """Probabilities, `(row, class)`."""
        if self.classes is None:
            raise DataError("a regression has no probabilities; use predict")
        mean = self._mean(self.columns(table))
        return calibrated(mean, self.certainty.temperature)

    def numbers(self, table: Any) -> Array:
        """Answers of a regression, `(row, output)`."""
        return self._mean(self.columns(table))

    def predict_interval(self, table: Any, alpha: float = 0.1) -> Array:
        """Where the target lies with probability `1 - alpha`.

        Args:
            table: raw rows. Those outside the range of training have wider intervals,
                by what a straight line through the training rows moves from there on;
                by a quarter of it where the answer goes on along that line.
            alpha: share of rows that may lie outside. Below one part in the number of
                training rows it is taken as that.

        Returns:
            `(row, 2)`, low and high; `(row, 2, output)` for several outputs.

        Raises:
            DataError: for classes.
            ValueError: if alpha is not between 0 and 1.

        Reference:
            Vovk, Gammerman and Shafer, 2005, "Algorithmic Learning in a Random World";
            normalized by the spread of the networks as in Papadopoulos et al., 2011,
            "Regression conformal prediction with nearest neighbours". Answers for rows
            outside of the fold stand for those of new rows.
        """
        certainty = self.certainty
        if certainty.distances is None or certainty.floor is None:
            raise DataError(
                "there are no intervals for classes; predict_proba says how certain "
                "they are"
            )
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must hold 0 < alpha < 1, but got {alpha!r}")
        n = len(certainty.distances)
        place = min(int(np.ceil((1 - alpha) * (n + 1))), n) - 1
        columns = self.columns(table)
        mean, spread = self._mean_and_spread(columns)
        if certainty.scores is None:
            reach = np.broadcast_to(certainty.distances[place], mean.shape)
        else:
            reach = certainty.scores[place] * (spread + certainty.floor)
        reach = reach + self._moved_outside(columns)
        limits = np.stack([mean - reach, mean + reach], axis=1)
        return limits[:, :, 0] if self.is_flat else limits

    def drift(self, table: Any) -> list[Finding]:
        """In what rows differ from those of training."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # found below
            read = self.read(table)
        unread = list(unread_findings(read.unread))
        return unread + find_drift(self.ranges, read.columns)

    def smaller(self, n_networks: int) -> Predictor:
        """One that keeps at most so many networks, of all trials alike.

        Args:
            n_networks: at least 1. Trials that count most come first; of each, folds
                are kept in turn. Its intervals are as wide for every row.
        """
        if n_networks < 1:
            raise ValueError(f"n_networks must be at least 1, but got {n_networks!r}")
        order = sorted(self.networks, key=lambda own: -own.share)
        n_trials = min(len(order), n_networks)
        kept = []
        for i, own in enumerate(order[:n_trials]):
            n = n_networks // n_trials + (i < n_networks % n_trials)
            folds = sorted({(i + k * own.n_folds // n) % own.n_folds for k in range(n)})
            weights = {key: value[folds] for key, value in own.weights.items()}
            kept.append(replace(own, weights=weights))
        total = sum(own.share for own in kept)
        shared = tuple(replace(own, share=own.share / total) for own in kept)
        if shares_of_folds(shared) == shares_of_folds(self.networks):
            return self
        certainty = self.certainty.without_spread()
        return replace(self, networks=shared, certainty=certainty)

    def _mean(self, columns: Columns) -> Array:
        """In units of the target, or probabilities, `(row, output)`."""
        parts = zip(self.networks, self._of_trials(columns), strict=True)
        return np.asarray(sum(own.share * a.mean(axis=0) for own, a in parts))

    def _mean_and_spread(self, columns: Columns) -> tuple[Array, Array]:
        """In units of the target, `(row, output)` each; the spread is of trials."""
        of_trials = list(self._of_trials(columns))
        shares = np.array([own.share for own in self.networks])
        parts = zip(self.networks, of_trials, strict=True)
        mean = np.asarray(sum(own.share * a.mean(axis=0) for own, a in parts))
        return mean, spread_of(of_trials, shares)

    def _of_trials(self, columns: Columns) -> Iterator[Array]:
        """Answers of the networks of each trial, `(fold, row, output)`."""
        plain, encoded = self.encoding.transform(columns)
        linear = None
        if self._is_linear:
            assert self.linear is not None
            linear = self.linear.answers(columns)
        for own in self.networks:
            answers = own.answers(plain, encoded)
            if not self.is_classification:
                answers = self._in_units(answers, own.transform, linear)
            yield answers

    def _in_units(self, answers: Array, transform: int, linear: Array | None) -> Array:
        back = [
            t.back(answers[..., i], None if linear is None else linear[:, i])
            for i, t in enumerate(self.transforms[transform])
        ]
        return np.stack(back, axis=-1)

    @property
    def _is_linear(self) -> bool:
        """Whether networks answer what a linear part leaves open."""
        return any(self._goes_on(own) for own in self.networks)

    def _goes_on(self, own: Networks) -> bool:
        return bool(self.transforms) and self.transforms[own.transform][0].kind == (
            "linear"
        )

    def _moved_outside(self, columns: Columns) -> Array:
        """What intervals of rows outside the training are wider by, `(row, output)`."""
        if self.linear is None:
            return np.zeros((rows_of(columns), 1))
        goes_on = sum(own.share for own in self.networks if self._goes_on(own))
        share = 1 - (1 - _OF_TREND) * goes_on
        return np.asarray(share * self.linear.moved_outside(columns))


_OF_TREND = 0.25
"""How much of a trend may break off where the answer follows it."""


def shares_of_folds(networks: Sequence[Networks]) -> set[tuple[int, int]]:
    """Which trials there are, and how many networks of each."""
    return {(own.trial, own.n_folds) for own in networks}


def spread_of(of_trials: list[Array], shares: Array) -> Array:
    """How far trials differ, `(row, output)`: within each fold, then over folds.

    Args:
        of_trials: answers of each, `(fold, row, output)`.
        shares: how much each counts.
    """
    if len({len(answers) for answers in of_trials}) > 1:
        of_trials = [answers.mean(axis=0, keepdims=True) for answers in of_trials]
    stacked = np.stack(of_trials)  # (trial, fold, row, output)
    mean = np.tensordot(shares, stacked, axes=1)
    variance = np.tensordot(shares, (stacked - mean) ** 2, axes=1)
    return np.asarray(np.sqrt(variance).mean(axis=0))


def calibrated(shares: Array, temperature: float) -> Array:
    """Probabilities whose logarithms are divided by a temperature, `(row, class)`."""
    shares = np.asarray(shares, np.float64)
    if temperature != 1.0:
        logs = np.log(np.maximum(shares, 1e-12)) / temperature
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
