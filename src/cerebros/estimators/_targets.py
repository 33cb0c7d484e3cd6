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
_FREE = 1e9  # standard deviations: as good as no bound, but a number that JSON has
MARGIN = 0.1
"""Of the range of training, by which answers may leave it on either side: a bound on
nonsense that does not cut off a trend."""
_MARGIN_OF_LOGS = 1.0  # where nothing else bounds, as a number may overflow


@dataclass(frozen=True, eq=False)
class TargetTransform:
    """Between a target and standardized numbers.

    Attributes:
        kind: `"identity"`; `"linear"`: what a linear part leaves open (see
            `LinearPart`); `"log"`; or `"quantile"`: the value's place among training
            values, as a normal number.
        mean: of the transformed target, subtracted.
        scale: its standard deviation, divided by.
        low: the lowest standardized number that is answered.
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
    def fit(
        cls,
        kind: str,
        target: Floats,
        linear: Floats | None = None,
        *,
        is_bounded: bool = True,
    ) -> TargetTransform:
        """Learn from training rows, `(row,)`.

        Args:
            kind: see the class.
            target: in its own units.
            linear: what the linear part answers for the same rows; for that kind.
            is_bounded: whether answers stay near the range of these rows; False where
                later rows may go on beyond it.
        """
        values, knots = _knots(target) if kind == "quantile" else (_NONE, _NONE)
        raw = cls(kind, 0.0, 1.0, 0.0, 0.0, values, knots)
        transformed = raw._outward(target, linear)
        mean, scale = float(transformed.mean()), float(transformed.std())
        if not scale > 1e-12 * abs(mean):
            scale = 1.0
        standardized = (transformed - mean) / scale
        low, high = _limits(standardized, kind, is_bounded=is_bounded)
        if kind == "identity" and is_bounded and target.min() >= 0:
            low = max(low, -mean / scale)  # what is never negative stays so
        return cls(kind, mean, scale, low, high, values, knots)

    def forward(self, target: Floats, linear: Floats | None = None) -> Floats:
        """Standardized numbers, `(row,)`."""
        return (self._outward(target, linear) - self.mean) / self.scale

    def back(self, numbers: npt.NDArray[Any], linear: Floats | None = None) -> Floats:
        """In the units of the target, of any shape.

        Args:
            numbers: standardized, `(…, row)`.
            linear: what the linear part answers, `(row,)`; for that kind.
        """
        kept = np.clip(np.asarray(numbers, np.float64), self.low, self.high)
        x = kept * self.scale + self.mean
        if self.kind == "log":
            return np.asarray(np.exp(x))
        if self.kind == "quantile":
            return np.asarray(np.interp(x, self.knots, self.values))
        if self.kind == "linear":
            assert linear is not None
            return np.asarray(x + linear)
        return np.asarray(x)

    def _outward(self, target: Floats, linear: Floats | None) -> Floats:
        if self.kind == "log":
            return np.log(target)
        if self.kind == "quantile":
            return np.asarray(np.interp(target, self.values, self.knots))
        if self.kind == "linear":
            assert linear is not None
            return target - linear
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


def _limits(numbers: Floats, kind: str, *, is_bounded: bool) -> tuple[float, float]:
    """Between which standardized answers stay, from those of training."""
    if not is_bounded and kind != "log":
        return -_FREE, _FREE
    low, high = bounds(numbers, MARGIN if is_bounded else _MARGIN_OF_LOGS)
    return float(low), float(high)


def bounds(numbers: Floats, margin: float = MARGIN) -> tuple[Floats, Floats]:
    """Between which answers stay, from those of training, `(row, …)`."""
    low, high = numbers.min(axis=0), numbers.max(axis=0)
    return low - margin * (high - low), high + margin * (high - low)


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
