"""Numbers for networks: scaled robustly, softly clipped, and encoded by quantile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LARGEST = 8e307  # numbers beyond count as this one, so that differences are finite
_SMALLEST = 1e-300  # of spreads; what differs by less is as good as equal
_MOST_ROWS = 100_000  # from which quantiles are learned
_LEAST_ROWS = 3  # of a value that has a feature of its own
_FAR = 5.0  # scaled numbers beyond are in the tails
_LEAST_FAR = 0.01  # share of numbers there, from which on tails are heavy
_LEAST_BINS = 4
_LEAST_BIN = 1e-7  # width on the logarithmic scale, so that rounding does no harm


@dataclass(frozen=True, slots=True)
class NumberEncoder:
    """What a column of numbers becomes.

    A missing number is replaced by the median, beside a flag if training had missing
    ones. `z = (x - center) · scale` is clipped softly, to `z / sqrt(1 + (z / 3)²)`. A
    column of two values becomes -1 and 1 instead. Encoded, it has one feature for each
    bin between two edges, going from -1 to 1 inside the bin.

    Everything is learned from the numbers that are present. A value that fills more
    than one bin is an edge, and so are its neighbours among the values of training: a
    step at this value falls into bins that hold nothing else. The other edges are
    quantiles of the other values. Where one value holds half of the rows, the spread of
    the others is the scale, and values that repeat have features of their own, 0 or 1.

    Where tails are heavy, `asinh(z)` stands for both: it grows like a logarithm, as far
    as training went, and bins lie on its scale.

    Attributes:
        center: subtracted; the median, or the middle of two values.
        scale: multiplied; 0 for two values.
        median: stands for missing numbers.
        has_flag: whether missing numbers have a flag.
        is_constant: whether all present numbers are one; then only the flag is left.
        edges: of the bins, ascending; fewer than three for no encoding.
        levels: values that have a feature of their own, ascending.
        reach: how far from the center training went, in scaled numbers, where tails
            are heavy; 0 where they are not.

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
    levels: tuple[float, ...] = ()
    reach: float = 0.0

    @classmethod
    def fit(
        cls,
        values: Floats,
        n_bins: int,
        most_levels: int = 64,
        rows_each: int = _LEAST_ROWS,
    ) -> NumberEncoder:
        """Learn from a column; NaN is missing.

        Args:
            values: of the column.
            n_bins: at most.
            most_levels: values that have a feature of their own, at most.
            rows_each: of the other values for each bin and each such value, where one
                value holds half of the rows.
        """
        present = values[~np.isnan(values)]
        has_flag = len(present) < len(values)
        if not len(present):
            return cls(0.0, 0.0, 0.0, False, True, ())
        present = np.clip(present, -_LARGEST, _LARGEST)
        low, high = float(present.min()), float(present.max())
        if low == high:
            return cls(low, 0.0, low, has_flag, True, ())
        is_two_valued = bool(((present == low) | (present == high)).all())
        present = _some(present, low, high)
        median = float(np.median(present))
        if is_two_valued:
            return cls((low + high) / 2, 0.0, median, has_flag, False, ())
        unique, counts = np.unique(present, return_counts=True)
        usual = unique[counts.argmax()]
        holds_half = bool(2 * counts.max() >= len(present))
        others = present[present != usual] if holds_half else present
        scale = 1 / max(_spread(others, median, holds_half), _SMALLEST)
        encoder = cls(median, scale, median, has_flag, False, ())
        z = np.abs(encoder._scaled(others))
        if (z > _FAR).sum() >= max(_LEAST_ROWS, _LEAST_FAR * len(z)):
            encoder = replace(encoder, reach=float(z.max()))
        levels: tuple[float, ...] = ()
        if holds_half:
            n_bins = min(n_bins, max(_LEAST_BINS, len(others) // rows_each))
            most_levels = min(most_levels, 1 + len(others) // rows_each)
            if len(unique) > n_bins + 1:
                levels = _levels(unique, counts, most_levels)
        edges = encoder._apart(_edges(present, unique, counts, n_bins))
        return replace(encoder, edges=edges, levels=levels)

    def refitted(self, values: Floats) -> NumberEncoder:
        """The same learned from other rows; it makes at most as many features."""
        fresh = NumberEncoder.fit(values, len(self.edges) - 1, len(self.levels))
        if self.is_constant and not fresh.is_constant:
            fresh = replace(fresh, is_constant=True, edges=(), levels=())
        return replace(fresh, has_flag=self.has_flag and fresh.has_flag)

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
        elif self.reach:
            plain.append(self._logarithmic(x)[:, None])
        else:
            z = self._scaled(x)
            plain.append((z / np.sqrt(1 + (z / 3) ** 2))[:, None])
        if self.levels:
            plain.append((values[:, None] == np.array(self.levels)).astype(np.float64))
        return _side_by_side(plain, len(x)), self._encode(x)

    def bins(self) -> Floats:
        """Edges as numbers are compared with them: on the scale of `asinh` or raw."""
        edges = np.array(self.edges)
        return self._logarithmic(edges) if self.reach else edges

    def _encode(self, x: Floats) -> Floats:
        if not self.n_features[1]:
            return np.zeros((len(x), 0))
        edges = self.bins()
        x = self._logarithmic(x) if self.reach else x
        with np.errstate(over="ignore"):
            inside = (x[:, None] - edges[:-1]) / np.diff(edges)
        return np.asarray(np.clip(inside, 0, 1) * 2 - 1)

    def _scaled(self, x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.clip((x - self.center) * self.scale, -1e30, 1e30)

    def _logarithmic(self, x: Floats) -> Floats:
        z = np.clip(self._scaled(x), -self.reach, self.reach)
        return np.asarray(np.arcsinh(z))

    def _apart(self, edges: Floats) -> tuple[float, ...]:
        """Edges without those that rounding could not tell from their neighbours."""
        if len(edges) < 3:
            return ()
        sizes = np.maximum(np.abs(edges[:-1]), np.abs(edges[1:]))
        is_apart = np.diff(edges) > 1e-12 * np.maximum(_SMALLEST, sizes)
        if self.reach:
            is_apart &= np.diff(self._logarithmic(edges)) > _LEAST_BIN
        kept = edges[np.concatenate([[True], is_apart])]
        return tuple(kept.tolist()) if len(kept) >= 3 else ()

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features it makes."""
        n_encoded = len(self.edges) - 1 if len(self.edges) >= 3 else 0
        n_numbers = 0 if self.is_constant else 1 + len(self.levels)
        return self.has_flag + n_numbers, n_encoded

    def names(self) -> list[str]:
        """What each plain feature is."""
        number = [] if self.is_constant else ["number"]
        levels = [f"={level:.15g}" for level in self.levels]
        return ["missing"] * self.has_flag + number + levels

    def state(self) -> dict[str, Any]:
        return {
            "center": self.center,
            "scale": self.scale,
            "median": self.median,
            "has_flag": self.has_flag,
            "is_constant": self.is_constant,
            "edges": list(self.edges),
            "levels": list(self.levels),
            "reach": self.reach,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> NumberEncoder:
        lists = {key: tuple(state[key]) for key in ("edges", "levels")}
        return cls(**{**state, **lists})


def _some(present: Floats, low: float, high: float) -> Floats:
    """So many rows that quantiles are known well, the same ones, and the extremes."""
    if len(present) <= _MOST_ROWS:
        return present
    chosen = np.random.default_rng(0).integers(len(present), size=_MOST_ROWS)
    return np.concatenate([present[chosen], [low, high]])


def _spread(others: Floats, median: float, holds_half: bool) -> float:
    """Between the quartiles, or how far those are from one value that holds half."""
    if not holds_half:
        low, high = np.quantile(others, [0.25, 0.75])
        if high > low:
            return float(high - low)
        others = others[others != median]
    return float(2 * np.median(np.minimum(np.abs(others - median), _LARGEST / 2)))


def _edges(present: Floats, unique: Floats, counts: Any, n_bins: int) -> Floats:
    """Frequent values with their neighbours, and quantiles of all others."""
    if n_bins < 2:
        return np.zeros(0)
    if len(unique) <= n_bins + 1:
        return unique
    frequent = np.flatnonzero(counts * n_bins > len(present))
    own = set(frequent.tolist())
    for at in frequent[np.argsort(-counts[frequent], kind="stable")].tolist():
        beside = {i for i in (at - 1, at + 1) if 0 <= i < len(unique)}
        if len(own | beside) <= (n_bins + 1) // 2:
            own |= beside
    is_other = np.ones(len(unique), bool)
    is_other[frequent] = False
    others = np.repeat(unique[is_other], counts[is_other])
    edges = unique[sorted(own)]
    # Quantiles may be among them already, such as the least value beside a spike.
    for n in range(n_bins + 1, 1, -1):
        spread = np.quantile(others, np.linspace(0, 1, n))
        both = np.unique(np.concatenate([edges, spread]))
        if len(both) <= n_bins + 1:
            return both
    return edges


def _levels(unique: Floats, counts: Any, most: int) -> tuple[float, ...]:
    """The most frequent of the values that repeat, the one that holds half first."""
    order = np.argsort(-counts, kind="stable")[:most]
    return tuple(np.sort(unique[order[counts[order] >= _LEAST_ROWS]]).tolist())


def _side_by_side(parts: list[Floats], n_rows: int) -> Floats:
    return np.concatenate(parts, axis=1) if parts else np.zeros((n_rows, 0))
