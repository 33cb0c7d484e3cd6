"""Trained networks of a trial, answering with NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.lowering import Weights
from cerebros.plan import Dense, NetworkPlan

Floats = npt.NDArray[np.floating[Any]]

_ROWS_AT_ONCE = 256  # more would leave the cache


@dataclass(frozen=True, eq=False)
class Networks:
    """One network for each fold, all of the same plan.

    Attributes:
        trial: number of the trial.
        plan: of all.
        transform: number of the target transform whose numbers they answer.
        share: how much they count among all trials.
        weights: see `weight_shapes`, with the fold as first axis.
    """

    trial: int
    plan: NetworkPlan
    transform: int
    share: float
    weights: Weights

    @cached_property
    def _doubles(self) -> dict[str, npt.NDArray[np.float64]]:
        return {key: value.astype(np.float64) for key, value in self.weights.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {key: own for key, own in vars(self).items() if key != "_doubles"}

    @property
    def n_folds(self) -> int:
        return len(next(iter(self.weights.values())))

    @property
    def is_encoded(self) -> bool:
        """Whether they read the encoded features, too."""
        return self.plan.n_inputs == 2

    def of_fold(self, fold: int) -> Weights:
        """The weights of one network."""
        return {key: value[fold] for key, value in self.weights.items()}

    def answers(self, plain: Floats, encoded: Floats) -> Floats:
        """Standardized numbers or probabilities, `(fold, row, output)`."""
        # In double precision, a row's answer does not depend on the rows beside it.
        x, z = plain.astype(np.float64), encoded.astype(np.float64)
        parts = [self._answers(x[a:b], z[a:b]) for a, b in _spans(len(plain))]
        return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

    def _answers(self, plain: Floats, encoded: Floats) -> Floats:
        inputs = [plain, encoded][: self.plan.n_inputs]
        hidden: dict[int, Floats] = {}
        for node, unit in self.plan.nodes():
            key = f"unit_{node}_dense"
            kernel = self._doubles[f"{key}/kernel"]  # (fold, read, neuron)
            total = self._doubles[f"{key}/bias"][:, None, :]
            start = 0
            for wire in unit.connections:
                width = self.plan.widths[wire.source]
                part = kernel[:, start : start + width]
                x = (
                    inputs[wire.source]
                    if wire.source < self.plan.n_inputs
                    else hidden[wire.source]
                )
                total = total + x @ part
                start += width
            dense = next(step for step in unit.steps if isinstance(step, Dense))
            hidden[node] = ACTIVATE[dense.activation](total)
        return hidden[self.plan.outputs[0]]


def _spans(n_rows: int) -> list[tuple[int, int]]:
    starts = range(0, max(n_rows, 1), _ROWS_AT_ONCE)
    return [(start, min(start + _ROWS_AT_ONCE, n_rows)) for start in starts]


def _mish(x: Floats) -> Floats:
    e = np.exp(np.minimum(x, 20))
    n = e * (e + 2)
    return np.asarray(x * (n / (n + 2)))


def _softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _elu(x: Floats) -> Floats:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _silu(x: Floats) -> Floats:
    return np.asarray(x / (1 + np.exp(-np.clip(x, -80, None))))


def _gelu(x: Floats) -> Floats:
    from math import erf

    share = np.vectorize(erf, otypes=[float])(x * 0.5**0.5)
    return np.asarray(x * (1 + share) / 2)


ACTIVATE: dict[str, Callable[[Floats], Floats]] = {
    "elu": _elu,
    "gelu": _gelu,
    "linear": lambda x: x,
    "mish": _mish,
    "relu": lambda x: np.maximum(x, 0),
    "selu": lambda x: np.where(
        x > 0, 1.0507009873554805 * x, 1.7580993408473766 * _elu(x)
    ),
    "silu": _silu,
    "softmax": _softmax,
    "tanh": lambda x: np.asarray(np.tanh(x)),
}
"""Activations of networks for tables."""


def stacked(of_folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Arrays of several networks with the fold as first axis."""
    return {key: np.stack([own[key] for own in of_folds]) for key in of_folds[0]}
