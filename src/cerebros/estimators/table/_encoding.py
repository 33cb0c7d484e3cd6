"""What is learned from the columns of a table, and what becomes of new rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators.table._categories import CategoryEncoder
from cerebros.estimators.table._columns import rows_of
from cerebros.estimators.table._dates import DateEncoder
from cerebros.estimators.table._kinds import kinds_of
from cerebros.estimators.table._likeness import as_kind, check_likeness
from cerebros.estimators.table._numbers import NumberEncoder
from cerebros.estimators.table._schema import Columns
from cerebros.estimators.table._texts import TextEncoder

Encoder: TypeAlias = NumberEncoder | CategoryEncoder | DateEncoder | TextEncoder
Array32: TypeAlias = npt.NDArray[np.float32]

KINDS: dict[str, type[Encoder]] = {
    "number": NumberEncoder,
    "category": CategoryEncoder,
    "date": DateEncoder,
    "text": TextEncoder,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingSettings:
    """How a table becomes arrays.

    Attributes:
        bins: of the piecewise-linear encoding of a number, at most; 0 for none.
        most_encoded: encoded features of the whole table, about; wide tables get
            fewer bins.
        most_categories: categories of a column with a feature of their own.
        text_features: features of a column of text.
        texts: names of columns that are text, whatever they hold: numbers that are
            categories, codes, and texts such as `NA`; only empty ones are missing.
        dropped: names of columns that are not read.
        identifiers: names of columns that number or name the rows, and are not read;
            what the guards find joins them.

    Raises:
        ValueError: if a number is negative.
    """

    bins: int = 16
    most_encoded: int = 640
    most_categories: int = 64
    text_features: int = 32
    texts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("bins", "most_encoded", "most_categories", "text_features"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name} must not be negative, but got {getattr(self, name)!r}"
                )
        for name in ("texts", "dropped", "identifiers"):
            if isinstance(getattr(self, name), str):
                raise ValueError(
                    f"{name} must be names of columns, as in ({getattr(self, name)!r},)"
                )

    def check_names(self, names: Collection[str]) -> None:
        """Make sure that a table has the columns that are named.

        Raises:
            DataError: if it lacks one.
        """
        for setting in ("texts", "dropped", "identifiers"):
            for name in getattr(self, setting):
                if name not in names:
                    close = get_close_matches(name, list(names), n=1)
                    guess = f"; did you mean {close[0]!r}?" if close else ""
                    raise DataError(
                        f"{setting} names the column {name!r}, which the table does "
                        f"not have{guess}"
                    )


@dataclass(frozen=True, eq=False)
class TableEncoding:
    """A fitted encoding: plain data, read by anything that has NumPy.

    Attributes:
        names: columns that training had, in their order.
        encoders: by name, of the columns that are used.
        unused: columns that are not, each with the reason.
    """

    names: tuple[str, ...]
    encoders: dict[str, Encoder]
    unused: dict[str, str]

    def transform(self, columns: Columns) -> tuple[Array32, Array32]:
        """Plain and encoded features, `(row, feature)` each.

        Columns may stand in any order; more of them do no harm.

        Raises:
            DataError: if a column that is used is missing, or holds text where
                training had numbers; all such columns are listed.
        """
        check_likeness(columns, self.encoders)
        n_rows = rows_of(columns)
        plain: list[Any] = [np.zeros((n_rows, 0))]
        encoded: list[Any] = [np.zeros((n_rows, 0))]
        for name, encoder in self.encoders.items():
            a, b = encoder.transform(as_kind(columns[name], encoder))
            plain.append(a)
            encoded.append(b)
        return (
            np.concatenate(plain, axis=1).astype(np.float32),
            np.concatenate(encoded, axis=1).astype(np.float32),
        )

    @property
    def n_features(self) -> tuple[int, int]:
        """How many plain and encoded features a row becomes."""
        each = [encoder.n_features for encoder in self.encoders.values()]
        return sum(n for n, _ in each), sum(n for _, n in each)

    def feature_names(self) -> list[str]:
        """Names of the plain features."""
        return [
            f"{column} {feature}"
            for column, encoder in self.encoders.items()
            for feature in encoder.names()
        ]

    def state(self) -> dict[str, Any]:
        """Plain values and arrays, from which `encoding_from_state` makes it again."""
        kinds = {cls: kind for kind, cls in KINDS.items()}
        return {
            "names": list(self.names),
            "unused": dict(self.unused),
            "encoders": {
                name: {"kind": kinds[type(encoder)], **encoder.state()}
                for name, encoder in self.encoders.items()
            },
        }


def encoding_from_state(state: dict[str, Any]) -> TableEncoding:
    """The encoding that `TableEncoding.state` was taken of."""
    encoders = {}
    for name, of_column in state["encoders"].items():
        rest = dict(of_column)
        encoders[name] = KINDS[rest.pop("kind")].from_state(rest)
    return TableEncoding(tuple(state["names"]), encoders, dict(state["unused"]))


def fit_encoding(
    columns: Columns, settings: EncodingSettings, *, seed: int = 0
) -> TableEncoding:
    """Learn how a table becomes arrays; targets are not looked at.

    Raises:
        DataError: if no column is left to learn from.
    """
    kinds = dict(kinds_of(columns, settings))
    unused = {name: kind[1:] for name, kind in kinds.items() if kind.startswith("!")}
    n_numbers = sum(kind in ("number", "date") for kind in kinds.values())
    n_bins = min(settings.bins, settings.most_encoded // max(1, n_numbers))
    encoders: dict[str, Encoder] = {}
    for name, kind in kinds.items():
        encoder: Encoder
        match kind:
            case "number":
                encoder = NumberEncoder.fit(columns[name], n_bins)
            case "date":
                encoder = DateEncoder.fit(columns[name], n_bins)
            case "category":
                encoder = CategoryEncoder.fit(columns[name], settings.most_categories)
            case "text":
                encoder = TextEncoder.fit(columns[name], settings.text_features, seed)
            case _:
                continue
        if encoder.n_features == (0, 0):
            unused[name] = "it holds nothing that repeats"
            continue
        encoders[name] = encoder
    if not encoders:
        reasons = "; ".join(f"{name!r}: {why}" for name, why in unused.items())
        raise DataError(f"no column can be learned from ({reasons or 'there is none'})")
    return TableEncoding(tuple(columns), encoders, unused)
