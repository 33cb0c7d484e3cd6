"""Dates for networks: how long ago, and where in the year, the week and the day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table._numbers import Floats, NumberEncoder

DAYS_OF_YEAR = 365.2425
PARTS = ("day", "sine of the year", "cosine of the year", "weekday", "hour")


@dataclass(frozen=True, slots=True)
class DateEncoder:
    """What a column of dates becomes: five columns of numbers, each encoded as one.

    Attributes:
        parts: encoders of days since 1970, sine and cosine of the day of the year
            (a year of 365.2425 days), weekday (0 is Monday), and hour.
    """

    parts: tuple[NumberEncoder, ...]

    @classmethod
    def fit(cls, values: npt.NDArray[np.datetime64], n_bins: int) -> DateEncoder:
        """Learn from a column; NaT is missing. Only the first part has a flag."""
        first, *others = [
            NumberEncoder.fit(x, n_bins, 0) for x in date_parts(as_days(values))
        ]
        return cls((first, *(replace(part, has_flag=False) for part in others)))

    def refitted(self, values: npt.NDArray[np.datetime64]) -> DateEncoder:
        """The same learned from other rows; it makes at most as many features."""
        each = zip(self.parts, date_parts(as_days(values)), strict=True)
        return DateEncoder(tuple(part.refitted(x) for part, x in each))

    def transform(self, values: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """`(row, plain feature)` and `(row, encoded feature)`."""
        made = [
            part.transform(x)
            for part, x in zip(self.parts, date_parts(as_days(values)), strict=True)
        ]
        plain, encoded = zip(*made, strict=True)
        return np.concatenate(plain, axis=1), np.concatenate(encoded, axis=1)

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features it makes."""
        each = [part.n_features for part in self.parts]
        return sum(n for n, _ in each), sum(n for _, n in each)

    def names(self) -> list[str]:
        """What each plain feature is."""
        return [
            f"{part} {name}"
            for part, encoder in zip(PARTS, self.parts, strict=True)
            for name in encoder.names()
        ]

    def state(self) -> dict[str, Any]:
        return {"parts": [part.state() for part in self.parts]}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> DateEncoder:
        return cls(tuple(NumberEncoder.from_state(part) for part in state["parts"]))


def as_days(values: npt.NDArray[Any]) -> Floats:
    """Days since the beginning of 1970; NaN where missing."""
    days = values.astype("datetime64[us]").astype(np.int64) / 86_400e6
    return np.where(np.isnat(values), np.nan, days)


def date_parts(days: Floats) -> list[Floats]:
    """The numbers that stand for a date; all NaN where it is missing."""
    whole = np.floor(days)
    turn = 2 * np.pi * days / DAYS_OF_YEAR
    weekday = whole + 3 - 7 * np.floor((whole + 3) / 7)
    hour = (days - whole) * 24
    return [days, np.sin(turn), np.cos(turn), weekday, hour]
