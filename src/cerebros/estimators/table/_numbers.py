"""Numbers for networks: scaled robustly, softly clipped, and encoded by quantile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LARGEST = 8e307  # numbers beyond count as this one, so that differences are finite
_SMALLEST = 1e-300  # of spreads; what differs by less is as good as equal


@dataclass(frozen=True, slots=True)
class NumberEncoder:
    """What a column of numbers becomes.

    A missing number is replaced by the median, beside a flag if training had missing
    ones. `z = (x - center) · scale` is clipped softly, to `z / sqrt(1 + (z / 3)²)`. A
    column of two values becomes -1 and 1 instead. Encoded, it has one feature for each
    bin between two edges, going from -1 to 1 inside the bin.

    Attributes:
        center: subtracted; the median, or the middle of two values.
        scale: multiplied; 0 for two values.
        median: stands for missing numbers.
        has_flag: whether missing numbers have a flag.
        is_constant: whether all present numbers are one; then only the flag is left.
        edges: of the bins, ascending; fewer than three for no encoding.

    Reference:
        Gorishniy, Rubachev and Babenko, 2022, "On Embeddings for Numerical Features in
        Tabular Deep Learning" (piecewise-linear encoding); Holzmüller, Grinsztajn and
        Steinwart, 2024, "Better by Default" (robust scale and soft clip).
    """

    center: float
    scale: float
    median: float
    has_flag: bool
    is_constant: bool
    edges: tuple[float, ...]

    @classmethod
    def fit(cls, values: Floats, n_bins: int) -> NumberEncoder:
        """Learn from a column; NaN is missing."""
        values = np.clip(values, -_LARGEST, _LARGEST)
        is_missing = np.isnan(values)
        present = values[~is_missing]
        has_flag = bool(is_missing.any())
        if not len(present):
            return cls(0.0, 0.0, 0.0, False, True, ())
        unique = np.unique(present)
        median = float(np.median(present))
        if len(unique) < 2:
            return cls(median, 0.0, median, has_flag, True, ())
        filled = np.where(is_missing, median, values)
        if len(unique) == 2:
            return cls(float(unique.mean()), 0.0, median, has_flag, False, ())
        low, high = np.quantile(filled, [0.25, 0.75])
        spread = high - low if high > low else (unique[-1] - unique[0]) / 2
        scale = 1 / max(spread, _SMALLEST)
        edges = _edges(filled, n_bins)
        return cls(median, float(scale), median, has_flag, False, edges)

    def transform(self, values: Floats) -> tuple[Floats, Floats]:
        """`(row, plain feature)` and `(row, encoded feature)`."""
        values = np.clip(values, -_LARGEST, _LARGEST)
        is_missing = np.isnan(values)
        plain = [is_missing[:, None].astype(np.float64)] if self.has_flag else []
        if self.is_constant:
            return _side_by_side(plain, len(values)), np.zeros((len(values), 0))
        x = np.where(is_missing, self.median, values)
        if self.scale == 0:
            plain.append(np.where(x > self.center, 1.0, -1.0)[:, None])
        else:
            with np.errstate(over="ignore"):
                z = np.clip((x - self.center) * self.scale, -1e30, 1e30)
            plain.append((z / np.sqrt(1 + (z / 3) ** 2))[:, None])
        return _side_by_side(plain, len(x)), self._encode(x)

    def _encode(self, x: Floats) -> Floats:
        if len(self.edges) < 3:
            return np.zeros((len(x), 0))
        edges = np.array(self.edges)
        with np.errstate(over="ignore"):
            inside = (x[:, None] - edges[:-1]) / np.diff(edges)
        return np.asarray(np.clip(inside, 0, 1) * 2 - 1)

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features it makes."""
        n_encoded = max(0, len(self.edges) - 1) if len(self.edges) >= 3 else 0
        return self.has_flag + (not self.is_constant), n_encoded

    def names(self) -> list[str]:
        """What each plain feature is."""
        return ["missing"] * self.has_flag + ["number"] * (not self.is_constant)

    def state(self) -> dict[str, Any]:
        return {
            "center": self.center,
            "scale": self.scale,
            "median": self.median,
            "has_flag": self.has_flag,
            "is_constant": self.is_constant,
            "edges": list(self.edges),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> NumberEncoder:
        return cls(**{**state, "edges": tuple(state["edges"])})


def _edges(filled: Floats, n_bins: int) -> tuple[float, ...]:
    unique = np.unique(filled)
    if n_bins < 2:
        return ()
    if len(unique) > n_bins:
        unique = np.unique(np.quantile(filled, np.linspace(0, 1, n_bins + 1)))
    least = 1e-12 * max(_SMALLEST, np.abs(unique).max())
    edges = unique[np.concatenate([[True], np.diff(unique) > least])]
    return tuple(edges.tolist()) if len(edges) >= 3 else ()


def _side_by_side(parts: list[Floats], n_rows: int) -> Floats:
    return np.concatenate(parts, axis=1) if parts else np.zeros((n_rows, 0))
