"""Columns of any kind as numbers; the guards see nothing else of a table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Rows = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

NUMBER_IN_TEXT = re.compile(r"[^\d-]*(-?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?)\D*")
DATE_IN_TEXT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")
MISSING_TYPES = ("NAType", "NaTType")


class Kind(Enum):
    """What a column holds."""

    NUMBER = "numbers"
    FLAG = "true or false"
    DATE = "dates"
    TEXT = "text"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column as numbers.

    Attributes:
        name: its name in the table.
        kind: what it holds.
        values: `(row,)`; a missing value is NaN. Dates are days since 1970; a text
            is its position in `labels`.
        labels: the different texts, in order of appearance.
    """

    name: str
    kind: Kind
    values: Numbers
    labels: tuple[str, ...] = ()

    def at(self, rows: Rows) -> Column:
        return replace(self, values=self.values[rows])

    @property
    def is_missing(self) -> Flags:
        return np.isnan(self.values)


def read_columns(columns: Mapping[str, npt.NDArray[Any]]) -> list[Column]:
    return [read_column(str(name), np.asarray(x)) for name, x in columns.items()]


def read_column(name: str, values: npt.NDArray[Any]) -> Column:
    """The column as numbers, whatever its type."""
    kind = values.dtype.kind
    if kind == "M":
        return Column(name, Kind.DATE, _days(values))
    if kind == "b":
        return Column(name, Kind.FLAG, values.astype(np.float64))
    if kind in "iufm":
        return Column(name, Kind.NUMBER, values.astype(np.float64))
    return _read_text(name, values.tolist())


def numbers_in_text(column: Column) -> Column | None:
    """Texts such as "$1,250" or "12 kg" as numbers; None if they are no numbers."""
    numbers = []
    for label in column.labels:
        match = NUMBER_IN_TEXT.fullmatch(label)
        if match is None:
            return None
        numbers.append(float(match[1].replace(",", "")))
    if not numbers:
        return None
    return Column(column.name, Kind.NUMBER, _looked_up(column, numbers))


def dates_in_text(column: Column) -> Column | None:
    """Texts such as "2024-12-31" as dates; None if they are no dates."""
    labels = column.labels
    if not labels or not all(DATE_IN_TEXT.fullmatch(label) for label in labels):
        return None
    try:
        days = _days(np.array(labels, "datetime64[us]"))
    except ValueError:  # there is no 30th of February
        return None
    return Column(column.name, Kind.DATE, _looked_up(column, days))


def _looked_up(column: Column, meanings: Sequence[float] | Numbers) -> Numbers:
    table = np.append(np.asarray(meanings, np.float64), np.nan)
    codes = np.where(column.is_missing, len(table) - 1, column.values)
    return table[codes.astype(np.intp)]


def _days(values: npt.NDArray[Any]) -> Numbers:
    microseconds = values.astype("datetime64[us]")
    days = microseconds.astype(np.int64) / 86_400e6
    return np.where(np.isnat(microseconds), np.nan, days)


def _read_text(name: str, values: Sequence[object]) -> Column:
    found: defaultdict[object, int] = defaultdict(count().__next__)
    try:
        positions = [found[value] for value in values]
    except TypeError:  # lists cannot be looked up
        return _read_text(name, [repr(value) for value in values])
    labels: dict[str, float] = {}
    codes = [
        np.nan
        if is_missing_value(value)
        else labels.setdefault(str(value), len(labels))
        for value in found
    ]
    table = np.array(codes, np.float64)
    return Column(name, Kind.TEXT, table[np.array(positions, np.intp)], tuple(labels))


def is_missing_value(value: object) -> bool:
    """Whether an entry of a column of objects stands for nothing."""
    if isinstance(value, str):
        return False
    if value is None or type(value).__name__ in MISSING_TYPES:
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))
