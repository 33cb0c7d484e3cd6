"""Which trials answer together, in which state, and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_LEAST = 1e-7
_ROUNDS = 3


class Loss(Protocol):
    """Mean loss of answers `(…, row)`; what a row's answer is depends on the loss."""

    def __call__(self, answers: Floats, rows: npt.NDArray[np.intp]) -> Floats: ...


@dataclass(frozen=True, eq=False)
class LogLoss:
    """Of the probability that was given to the true class.

    Attributes:
        weights: how much each row counts, `(row,)`.
    """

    weights: Floats

    def __call__(self, answers: Floats, rows: npt.NDArray[np.intp]) -> Floats:
        return _mean(-np.log(np.maximum(answers, _LEAST)), self.weights[rows])


@dataclass(frozen=True, eq=False)
class _Distance:
    """Of numbers, which are compared with targets.

    Attributes:
        targets: `(row,)`.
        weights: how much each row counts, `(row,)`.
    """

    targets: Floats
    weights: Floats

    def __call__(self, answers: Floats, rows: npt.NDArray[np.intp]) -> Floats:
        return _mean(self.of(answers - self.targets[rows]), self.weights[rows])

    def of(self, differences: Floats) -> Floats:
        raise NotImplementedError


class SquaredError(_Distance):
    """The mean of squared differences."""

    def of(self, differences: Floats) -> Floats:
        return differences**2


class AbsoluteError(_Distance):
    """The mean of absolute differences."""

    def of(self, differences: Floats) -> Floats:
        return np.abs(differences)


@dataclass(frozen=True, eq=False)
class Selection:
    """What is chosen.

    Attributes:
        checkpoints: of each trial, `(trial,)`.
        shares: how much each trial counts, `(trial,)`; they add up to 1.
    """

    checkpoints: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]


def select(
    answers: Floats,
    loss: Loss,
    rows: npt.NDArray[np.intp],
    *,
    is_ensemble: bool = True,
    eligible: npt.NDArray[np.bool_] | None = None,
) -> Selection:
    """Choose checkpoints and shares by the answers for rows that trials have not seen.

    First each trial stops at the checkpoint that is best for the mean of all trials,
    one trial at a time until nothing changes. Then trials are drawn greedily, with
    replacement, beginning with all of them once; a trial's share is half of what it
    would have in the plain mean, and half of what was drawn.

    Args:
        answers: `(trial, checkpoint, row)`, for all rows.
        loss: what is made small.
        rows: those that choose.
        is_ensemble: False to choose the one best trial.
        eligible: which trials may be chosen, `(trial,)`; None for all.

    Reference:
        Caruana, Niculescu-Mizil, Crew and Ksikes, 2004, "Ensemble Selection from
        Libraries of Models".
    """
    if eligible is not None and not eligible.all():
        of_some = select(answers[eligible], loss, rows, is_ensemble=is_ensemble)
        checkpoints = np.argmin(loss(answers[:, :, rows], rows), axis=1)
        checkpoints[eligible] = of_some.checkpoints
        shares = np.zeros(len(answers))
        shares[eligible] = of_some.shares
        return Selection(checkpoints, shares)
    of_rows = answers[:, :, rows]
    n_trials = len(answers)
    if not is_ensemble or n_trials == 1:
        losses = loss(of_rows, rows)
        best, at = np.unravel_index(np.argmin(losses), losses.shape)
        checkpoints = np.argmin(losses, axis=1)
        checkpoints[best] = at
        return Selection(checkpoints, np.eye(n_trials)[best])
    checkpoints = _stops(of_rows, loss, rows)
    chosen = of_rows[np.arange(n_trials), checkpoints]
    drawn = _drawn_greedily(chosen, loss, rows)
    return Selection(checkpoints, 0.5 / n_trials + 0.5 * drawn)


def _stops(
    answers: Floats, loss: Loss, rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.int64]:
    n_trials = len(answers)
    common = int(np.argmin(loss(answers.mean(axis=0), rows)))
    stops = np.full(n_trials, common, np.int64)
    total = answers[:, common].sum(axis=0)
    for _ in range(_ROUNDS):
        before = stops.copy()
        for trial in range(n_trials):
            others = total - answers[trial, stops[trial]]
            stops[trial] = np.argmin(loss((others + answers[trial]) / n_trials, rows))
            total = others + answers[trial, stops[trial]]
        if (before == stops).all():
            break
    return stops


def _drawn_greedily(
    answers: Floats, loss: Loss, rows: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Shares of trials, `(trial,)`, from their answers `(trial, row)`."""
    n_trials = len(answers)
    counts = np.ones(n_trials)
    total = answers.sum(axis=0)
    best, shares = float(loss(total / n_trials, rows)), counts / n_trials
    for _ in range(3 * n_trials):
        losses = loss((total + answers) / (counts.sum() + 1), rows)
        trial = int(np.argmin(losses))
        counts[trial] += 1
        total = total + answers[trial]
        if losses[trial] < best:
            best, shares = float(losses[trial]), counts / counts.sum()
    return shares


def combined(answers: Floats, selection: Selection) -> Floats:
    """The answer of all together, from `(trial, checkpoint, …)`."""
    own = answers[np.arange(len(answers)), selection.checkpoints]
    return np.tensordot(selection.shares, own, axes=1).astype(own.dtype)


def _mean(values: Floats, weights: Floats) -> Floats:
    total = weights.sum()
    if total <= 0:
        return np.asarray(values.mean(axis=-1), np.float32)
    return np.asarray(values @ (weights / total), np.float32)
