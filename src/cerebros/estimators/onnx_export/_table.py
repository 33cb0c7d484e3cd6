"""From raw columns to features, as steps of a graph."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.estimators.onnx_export._graph import (
    RUNTIME,
    TABLES,
    Array,
    Graph,
    doubles,
)
from cerebros.estimators.table import (
    CategoryEncoder,
    DateEncoder,
    NumberEncoder,
    TableEncoding,
    TextEncoder,
)
from cerebros.estimators.table._dates import DAYS_OF_YEAR

_LOCALE = "C"
"""Of lower case. It knows ASCII only, but is on every machine; without the locale that
a file asks for, onnxruntime refuses to read it at all."""


_ONE = np.ones((1, 1), np.float32)


@dataclass(frozen=True)
class Features:
    """What networks read, in single precision.

    Attributes:
        plain: name of an array `(1 + plain feature, row)`; its first row is all ones.
        every: the same with encoded features below; they go from 0 to 1 where those of
            `TableEncoding.transform` go from -1 to 1.
        plain_order: which feature of `TableEncoding.transform` each is.
        encoded_order: the same for encoded features.
    """

    plain: str
    every: str
    plain_order: npt.NDArray[np.intp]
    encoded_order: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Number:
    """A row of raw numbers, and where its features stand in the encoding."""

    encoder: NumberEncoder
    plain_at: int
    encoded_at: int


_Made: TypeAlias = tuple[str, list[int]]
"""Name of an array `(feature, row)` in single precision, and which features it has."""


def add_features(graph: Graph, encoding: TableEncoding, *, encoded: bool) -> Features:
    """Add what `TableEncoding.transform` does; inputs are named like columns.

    Args:
        graph: to be added to.
        encoding: of the table.
        encoded: whether encoded features are wanted.
    """
    of: dict[type, list[tuple[str, Any, int, int]]] = {}
    plain_at = encoded_at = 0
    for name, encoder in encoding.encoders.items():
        of.setdefault(type(encoder), []).append((name, encoder, plain_at, encoded_at))
        n_plain, n_encoded = encoder.n_features
        plain_at, encoded_at = plain_at + n_plain, encoded_at + n_encoded
    ones = graph.add("Shape", next(iter(encoding.encoders)))
    ones = graph.add("Expand", np.ones(1, np.float32), ones)
    made: list[_Made] = [(graph.reshaped(ones, 1, -1), [])]
    bins: _Made | None = None
    raw, numbers = _raw(graph, of.get(NumberEncoder, []), of.get(DateEncoder, []))
    if numbers:
        is_missing = graph.add("IsNaN", raw)
        medians = doubles([number.encoder.median for number in numbers])
        filled = graph.add("Where", is_missing, medians, raw)
        made += _numbers(graph, filled, is_missing, numbers)
        bins = _bins(graph, filled, numbers) if encoded else None
    if categories := of.get(CategoryEncoder):
        made.append(_categories(graph, categories))
    for name, encoder, at, _ in of.get(TextEncoder, []):
        n_made = encoder.n_features[0]
        made.append((_text(graph, name, encoder), list(range(at, at + n_made))))
    plain = graph.joined([name for name, _ in made])
    return Features(
        plain=plain,
        every=graph.joined([plain, bins[0]]) if bins else plain,
        plain_order=np.array([at for _, own in made for at in own], np.intp),
        encoded_order=np.array(bins[1] if bins else [], np.intp),
    )


def _raw(
    graph: Graph,
    numbers: list[tuple[str, NumberEncoder, int, int]],
    dates: list[tuple[str, DateEncoder, int, int]],
) -> tuple[str, list[_Number]]:
    """Raw numbers and parts of dates as one array, and what becomes of each row."""
    parts, rows = [], []
    if numbers:
        parts.append(_below(graph, [name for name, *_ in numbers]))
        rows += [_Number(encoder, at, bins) for _, encoder, at, bins in numbers]
    if dates:
        parts += _date_parts(graph, _below(graph, [name for name, *_ in dates]))
        of_dates = [_numbers_of_date(encoder, at, e) for _, encoder, at, e in dates]
        rows += [row for of_part in zip(*of_dates, strict=True) for row in of_part]
    return graph.joined(parts) if parts else "", rows


def _below(graph: Graph, names: list[str]) -> str:
    """Columns `(row, 1)` as an array `(column, row)`."""
    return graph.reshaped(graph.joined(names), len(names), -1)


def _numbers_of_date(encoder: DateEncoder, plain: int, encoded: int) -> list[_Number]:
    rows = []
    for part in encoder.parts:
        rows.append(_Number(part, plain, encoded))
        n_plain, n_encoded = part.n_features
        plain, encoded = plain + n_plain, encoded + n_encoded
    return rows


def _date_parts(graph: Graph, days: str) -> list[str]:
    """See `date_parts`; a cosine is the sine of a quarter turn later."""
    whole = graph.add("Floor", days)
    turn = graph.add("Mul", days, np.array(2 * np.pi / DAYS_OF_YEAR))
    later = graph.add("Add", turn, np.array(np.pi / 2))
    from_monday = graph.add("Add", whole, np.array(3.0))
    weeks = graph.add("Floor", graph.add("Div", from_monday, np.array(7.0)))
    weekday = graph.add("Sub", from_monday, graph.add("Mul", weeks, np.array(7.0)))
    hour = graph.add("Mul", graph.add("Sub", days, whole), np.array(24.0))
    return [days, graph.add("Sin", turn), graph.add("Sin", later), weekday, hour]


def _numbers(
    graph: Graph, filled: str, is_missing: str, numbers: list[_Number]
) -> list[_Made]:
    made: list[_Made] = []
    flagged = [i for i, own in enumerate(numbers) if own.encoder.has_flag]
    if flagged:
        flags = graph.rows(is_missing, flagged, len(numbers))
        at = [numbers[i].plain_at for i in flagged]
        made.append((graph.cast(flags, np.float32), at))
    present = [i for i, own in enumerate(numbers) if not own.encoder.is_constant]
    for is_two_valued, make in ((False, _scaled), (True, _two_valued)):
        chosen = [
            i for i in present if (numbers[i].encoder.scale == 0) == is_two_valued
        ]
        if chosen:
            x = graph.rows(filled, chosen, len(numbers))
            features = make(graph, x, [numbers[i].encoder for i in chosen])
            at = [numbers[i].plain_at + numbers[i].encoder.has_flag for i in chosen]
            made.append((features, at))
    return made


def _scaled(graph: Graph, x: str, encoders: list[NumberEncoder]) -> str:
    x = graph.add("Sub", x, doubles([encoder.center for encoder in encoders]))
    x = graph.add("Mul", x, doubles([encoder.scale for encoder in encoders]))
    z = graph.add("Clip", x, np.array(-1e30), np.array(1e30))
    third = graph.add("Mul", z, doubles([1 / 3] * len(encoders)))
    square = graph.add("Mul", third, third)
    length = graph.add("Sqrt", graph.add("Add", square, doubles([1] * len(encoders))))
    return graph.cast(graph.add("Div", z, length), np.float32)


def _two_valued(graph: Graph, x: str, encoders: list[NumberEncoder]) -> str:
    is_high = graph.add("Greater", x, doubles([encoder.center for encoder in encoders]))
    return graph.add("Where", is_high, _ONE, -_ONE)


def _bins(graph: Graph, filled: str, numbers: list[_Number]) -> _Made | None:
    """How far inside of each bin numbers are, from 0 to 1."""
    rows, low, size, at = [], [], [], []
    for i, own in enumerate(numbers):
        for k in range(own.encoder.n_features[1]):
            start, stop = own.encoder.edges[k : k + 2]
            rows.append(i)
            low.append(start)
            size.append(stop - start)
            at.append(own.encoded_at + k)
    if not rows:
        return None
    x = graph.rows(filled, rows, len(numbers))
    inside = graph.add("Div", graph.add("Sub", x, doubles(low)), doubles(size))
    clipped = graph.add("Clip", inside, np.array(0.0), np.array(1.0))
    return graph.cast(clipped, np.float32), at


def _categories(
    graph: Graph, columns: list[tuple[str, CategoryEncoder, int, int]]
) -> _Made:
    """Each category has a number among all of all columns; a feature compares it."""
    codes: list[str] = []
    rows: list[int] = []
    at: list[int] = []
    for i, (name, encoder, plain_at, _) in enumerate(columns):
        n = encoder.n_features[0]
        start = len(rows)
        rare = start + n - 1 if encoder.has_rare else -1
        missing = start + len(encoder.kept) if encoder.has_missing else rare
        codes.append(
            graph.add(
                "LabelEncoder",
                name,
                domain=TABLES,
                keys_strings=[*encoder.kept, ""],
                values_floats=[
                    *(float(start + k) for k in range(len(encoder.kept))),
                    float(missing),
                ],
                default_float=float(rare),
            )
        )
        rows += [i] * n
        at += range(plain_at, plain_at + n)
    code = graph.rows(_below(graph, codes), rows, len(columns))
    number = np.arange(len(rows), dtype=np.float32).reshape(-1, 1)
    return graph.cast(graph.add("Equal", code, number), np.float32), at


def _text(graph: Graph, name: str, encoder: TextEncoder) -> str:
    """Counts of words, weighted, scaled to length 1, and projected."""
    lower = graph.add(
        "StringNormalizer",
        graph.reshaped(name, -1),
        case_change_action="LOWER",
        is_case_sensitive=1,
        locale=_LOCALE,
    )
    words = graph.add(
        "Tokenizer",
        lower,
        domain=RUNTIME,
        mark=0,
        mincharnum=1,
        pad_value="",
        tokenexp=_word_pattern(),
    )
    spelled = _spellings(encoder.words)
    counts = graph.add(
        "TfIdfVectorizer",
        words,
        mode="TF",
        min_gram_length=1,
        max_gram_length=1,
        max_skip_count=0,
        ngram_counts=[0],
        ngram_indexes=list(spelled.values()),
        pool_strings=list(spelled),
    )
    weighted = graph.add("Mul", graph.cast(counts, np.float64), _row(encoder.rarity))
    square = graph.add("ReduceSumSquare", weighted, np.array([1]), keepdims=1)
    length = graph.add("Max", graph.add("Sqrt", square), np.array([[1e-12]]))
    projected = graph.add("MatMul", weighted, np.asarray(encoder.directions, float))
    features = graph.cast(graph.add("Div", projected, length), np.float32)
    return graph.add("Transpose", features, perm=[1, 0])


@cache
def _word_pattern() -> str:
    """What `str.split` leaves: anything but what Python calls a space."""
    spaces = [c for c in range(sys.maxunicode + 1) if chr(c).isspace()]
    return "[^" + "".join(rf"\x{{{c:X}}}" for c in spaces) + "]+"


def _spellings(words: tuple[str, ...]) -> dict[str, int]:
    """Words as they are after `_LOCALE`'s lower case, with the place of each."""
    places = {word: i for i, word in enumerate(words)}
    for i, word in enumerate(words):
        for other in (word.upper(), word.title(), word.capitalize()):
            if other.lower() == word:
                places.setdefault(_ascii_lower(other), i)
    return places


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def _row(values: Array) -> Array:
    return np.asarray(values, np.float64).reshape(1, -1)
