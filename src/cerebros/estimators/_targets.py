"""Targets as networks learn them, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LEAST_SKEW = 1.0
_HEAVY_TAILS = 12.0
_KNOTS = 200
_TINY = 1e-290


@dataclass(frozen=True, eq=False)
class TargetTransform:
    """Between a target and standardized numbers.

    Answers are kept within what training had.

    Attributes:
        kind: `"identity"`, `"log"`, or `"quantile"`: the value's place among training
            values, as a normal number.
        mean: of the transformed target, subtracted.
        scale: its standard deviation, divided by.
        low: the lowest standardized number.
        high: the highest.
        values: for quantiles: the target at the knots, ascending.
        knots: for quantiles: the normal number at each.
    """

    kind: str
    mean: float
    scale: float
    low: float
    high: float
    values: Floats
    knots: Floats

    @classmethod
    def fit(cls, kind: str, target: Floats) -> TargetTransform:
        """Learn from training rows, `(row,)`."""
        values, knots = _knots(target) if kind == "quantile" else (_NONE, _NONE)
        raw = cls(kind, 0.0, 1.0, 0.0, 0.0, values, knots)
        transformed = raw._outward(target)
        mean, scale = float(transformed.mean()), float(transformed.std())
        if not scale > 1e-12 * abs(mean):
            scale = 1.0
        standardized = (transformed - mean) / scale
        low, high = float(standardized.min()), float(standardized.max())
        return cls(kind, mean, scale, low, high, values, knots)

    def forward(self, target: Floats) -> Floats:
        """Standardized numbers, `(row,)`."""
        return (self._outward(target) - self.mean) / self.scale

    def back(self, numbers: npt.NDArray[Any]) -> Floats:
        """In the units of the target, of any shape."""
        kept = np.clip(np.asarray(numbers, np.float64), self.low, self.high)
        x = kept * self.scale + self.mean
        if self.kind == "log":
            return np.asarray(np.exp(x))
        if self.kind == "quantile":
            return np.asarray(np.interp(x, self.knots, self.values))
        return np.asarray(x)

    def _outward(self, target: Floats) -> Floats:
        if self.kind == "log":
            return np.log(target)
        if self.kind == "quantile":
            return np.asarray(np.interp(target, self.values, self.knots))
        return target

    def state(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "mean": self.mean,
            "scale": self.scale,
            "low": self.low,
            "high": self.high,
            "values": self.values.tolist(),
            "knots": self.knots.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TargetTransform:
        arrays = {key: np.array(state[key], float) for key in ("values", "knots")}
        return cls(**{**state, **arrays})


_NONE = np.zeros(0)


def candidate_transforms(target: Floats) -> list[str]:
    """Transforms worth a trial, the plain one first.

    The logarithm for positive, skewed targets; quantiles for targets with tails so
    heavy that few rows make most of the squared error.
    """
    kinds = ["identity"]
    spread = target.std()
    if len(target) < 20 or not spread > 1e-12 * abs(target.mean()):
        return kinds
    z = (target - target.mean()) / spread
    skew, tails = float((z**3).mean()), float((z**4).mean())
    if target.min() > 0 and skew > _LEAST_SKEW:
        logs = np.log(target)
        z = (logs - logs.mean()) / logs.std()
        if abs(float((z**3).mean())) < skew / 2:
            kinds.append("log")
    if len(kinds) == 1 and tails > _HEAVY_TAILS:
        kinds.append("quantile")
    return kinds


def _knots(target: Floats) -> tuple[Floats, Floats]:
    from statistics import NormalDist

    shares = np.linspace(0, 1, min(_KNOTS, len(target)))
    values, first = np.unique(np.quantile(target, shares), return_index=True)
    if values[-1] - values[0] < _TINY:
        reach = np.abs(values[0]) if np.abs(values[0]) > _TINY else 1.0
        return np.array([values[0] - reach, values[0] + reach]), np.array([-1.0, 1.0])
    inner = np.clip(shares[first], 0.5 / len(target), 1 - 0.5 / len(target))
    return values, np.array([NormalDist().inv_cdf(float(share)) for share in inner])
