"""What is learned from the columns of a table, and what becomes of new rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators.table._categories import CategoryEncoder
from cerebros.estimators.table._columns import Columns, as_texts, rows_of
from cerebros.estimators.table._dates import DateEncoder
from cerebros.estimators.table._numbers import NumberEncoder
from cerebros.estimators.table._texts import TextEncoder

Encoder: TypeAlias = NumberEncoder | CategoryEncoder | DateEncoder | TextEncoder
Array32: TypeAlias = npt.NDArray[np.float32]

KINDS: dict[str, type[Encoder]] = {
    "number": NumberEncoder,
    "category": CategoryEncoder,
    "date": DateEncoder,
    "text": TextEncoder,
}

_MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingSettings:
    """How a table becomes arrays.

    Attributes:
        bins: of the piecewise-linear encoding of a number, at most; 0 for none.
        most_encoded: encoded features of the whole table, about; wide tables get
            fewer bins.
        most_categories: categories of a column with a feature of their own.
        text_features: features of a column of text.
        texts: names of columns whose numbers are categories.
        dropped: names of columns that are not read.

    Raises:
        ValueError: if a number is negative.
    """

    bins: int = 16
    most_encoded: int = 640
    most_categories: int = 64
    text_features: int = 32
    texts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("bins", "most_encoded", "most_categories", "text_features"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name} must not be negative, but got {getattr(self, name)!r}"
                )
        for name in ("texts", "dropped"):
            if isinstance(getattr(self, name), str):
                raise ValueError(
                    f"{name} must be names of columns, as in ({getattr(self, name)!r},)"
                )

    def check_names(self, names: Collection[str]) -> None:
        """Make sure that a table has the columns that are named.

        Raises:
            DataError: if it lacks one.
        """
        for setting in ("texts", "dropped"):
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
        self._check(columns)
        n_rows = rows_of(columns)
        plain: list[Any] = [np.zeros((n_rows, 0))]
        encoded: list[Any] = [np.zeros((n_rows, 0))]
        for name, encoder in self.encoders.items():
            a, b = encoder.transform(_as_kind(columns[name], encoder))
            plain.append(a)
            encoded.append(b)
        return (
            np.concatenate(plain, axis=1).astype(np.float32),
            np.concatenate(encoded, axis=1).astype(np.float32),
        )

    def _check(self, columns: Columns) -> None:
        problems: list[str] = []
        for name, encoder in self.encoders.items():
            if name not in columns:
                # Guessing takes time, so only for those that are told.
                guess = _guess(name, columns) if len(problems) < _MOST_TOLD else ""
                problems.append(f"column {name!r} is missing{guess}")
            elif not _fits(columns[name], encoder):
                problems.append(
                    f"column {name!r} held {_WORDS[type(encoder)]} in training, but "
                    f"holds {_example(columns[name])}"
                )
        if problems:
            listed = "\n- ".join(problems[:_MOST_TOLD])
            n_more = len(problems) - _MOST_TOLD
            more = f"\n- and {n_more} more" if n_more > 0 else ""
            raise DataError(
                f"The table is not like that of training:\n- {listed}{more}"
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
    kinds = dict(_kinds(columns, settings))
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


def _kinds(columns: Columns, settings: EncodingSettings) -> Iterator[tuple[str, str]]:
    """The kind of each column, or `!` and why it is not used."""
    for name, values in columns.items():
        if name in settings.dropped:
            yield name, "!it was to be dropped"
        elif values.dtype.kind == "O":
            yield name, _kind_of_texts(values)
        elif values.dtype.kind == "M":
            is_constant = len(np.unique(values[~np.isnat(values)])) < 2
            yield (
                name,
                _constant(np.isnat(values), "date") if is_constant else "date",
            )
        else:
            is_constant = len(np.unique(values[~np.isnan(values)])) < 2
            yield (
                name,
                _constant(np.isnan(values), "number") if is_constant else "number",
            )


def _constant(is_missing: npt.NDArray[np.bool_], otherwise: str) -> str:
    if is_missing.all():
        return "!all of it is missing"
    if is_missing.any():
        return otherwise  # whether it is missing may tell something
    return "!it is constant"


def _kind_of_texts(values: npt.NDArray[Any]) -> str:
    present = [value for value in values if value is not None]
    unique = set(present)
    if not present:
        return "!all of it is missing"
    if len(unique) == 1:
        return "category" if len(present) < len(values) else "!it is constant"
    if len(unique) <= max(20, 0.5 * len(present)):
        n_words = np.mean([value.count(" ") + 1 for value in unique])
        if n_words >= 5 and len(unique) > 50:
            return "text"
        return "category"
    words = [set(value.lower().split()) for value in unique]
    shared = len(set().union(*words)) < 0.7 * sum(len(w) for w in words)
    if np.mean([len(w) for w in words]) >= 2 and shared:
        return "text"
    if len(unique) > 0.95 * len(present):
        return "!nearly all of its texts differ, as names and identifiers do"
    return "category"


_WORDS: dict[type, str] = {
    NumberEncoder: "numbers",
    CategoryEncoder: "categories",
    DateEncoder: "dates",
    TextEncoder: "texts",
}


def _fits(values: npt.NDArray[Any], encoder: Encoder) -> bool:
    if isinstance(encoder, (CategoryEncoder, TextEncoder)):
        return True
    is_empty = values.dtype.kind == "O" and all(value is None for value in values)
    kind = "M" if isinstance(encoder, DateEncoder) else "f"
    return values.dtype.kind == kind or is_empty or _is_all_missing(values)


def _is_all_missing(values: npt.NDArray[Any]) -> bool:
    if values.dtype.kind == "M":
        return bool(np.isnat(values).all())
    return values.dtype.kind == "f" and bool(np.isnan(values).all())


def _as_kind(values: npt.NDArray[Any], encoder: Encoder) -> npt.NDArray[Any]:
    """A column as its encoder reads it; one that fits by `_fits`."""
    if isinstance(encoder, (CategoryEncoder, TextEncoder)):
        return values if values.dtype.kind == "O" else as_texts(values)
    if isinstance(encoder, DateEncoder):
        if values.dtype.kind == "M":
            return values
        return np.full(len(values), "NaT", "datetime64[us]")
    return values if values.dtype.kind == "f" else np.full(len(values), np.nan)


def _example(values: npt.NDArray[Any]) -> str:
    if values.dtype.kind == "O":
        texts = [value for value in values if value is not None]
        text = next((t for t in texts if not t[:1].isdigit()), texts[0])
        return f"text such as {text!r}"
    return "dates" if values.dtype.kind == "M" else "numbers"


def _guess(name: str, columns: Columns) -> str:
    close = get_close_matches(name, list(columns), n=1)
    return f"; is it the one named {close[0]!r}?" if close else ""
