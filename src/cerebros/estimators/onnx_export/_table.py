"""From raw columns to features, as steps of a graph."""

from __future__ import annotations

from dataclasses import dataclass
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
from cerebros.estimators.table._texts import marks, separators

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
    for name, (plain_at, encoded_at) in encoding.places().items():
        encoder = encoding.encoders[name]
        of.setdefault(type(encoder), []).append((name, encoder, plain_at, encoded_at))
    ones = graph.add("Shape", next(iter(encoding.encoders)))
    ones = graph.add("Expand", np.ones(1, np.float32), ones)
    ones = graph.reshaped(ones, 1, -1)
    plain: list[_Made] = []
    bins: list[_Made] = []
    raw, numbers = _raw(graph, of.get(NumberEncoder, []), of.get(DateEncoder, []))
    if numbers:
        plain, bins = _features_of_numbers(graph, raw, numbers, encoded=encoded)
    if categories := of.get(CategoryEncoder):
        plain += _categories(graph, categories)
        plain += _target_means(graph, categories)
    for name, encoder, at, _ in of.get(TextEncoder, []):
        if encoder.words:
            n_made = encoder.n_features[0]
            plain.append((_text(graph, name, encoder), list(range(at, at + n_made))))
    n_plain, n_encoded = encoding.n_features
    plain += _idle(graph, ones, plain, n_plain, 0.0)
    if encoded:
        bins += _idle(graph, ones, bins, n_encoded, 0.5)
    joined = graph.joined([ones, *(name for name, _ in plain)])
    return Features(
        plain=joined,
        every=graph.joined([joined, *(name for name, _ in bins)]),
        plain_order=np.array([at for _, own in plain for at in own], np.intp),
        encoded_order=np.array([at for _, own in bins for at in own], np.intp),
    )


def _idle(
    graph: Graph, ones: str, made: list[_Made], n: int, value: float
) -> list[_Made]:
    """Features that no column makes, see `TableEncoding.widths`; all are one value."""
    idle = sorted(set(range(n)) - {at for _, own in made for at in own})
    if not idle:
        return []
    values = np.full((len(idle), 1), value, np.float32)
    return [(graph.add("Mul", ones, values), idle)]


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


def _features_of_numbers(
    graph: Graph, raw: str, numbers: list[_Number], *, encoded: bool
) -> tuple[list[_Made], list[_Made]]:
    """Plain and encoded features."""
    is_missing = graph.add("IsNaN", raw)
    medians = doubles([number.encoder.median for number in numbers])
    filled = graph.add("Where", is_missing, medians, raw)
    plain = _flags(graph, is_missing, numbers)
    bins: list[_Made] = []
    for kind in (_is_two_valued, _is_heavy_tailed, _is_usual):
        chosen = [i for i, own in enumerate(numbers) if kind(own.encoder)]
        if not chosen:
            continue
        x = graph.rows(filled, chosen, len(numbers))
        own = [numbers[i] for i in chosen]
        encoders = [number.encoder for number in own]
        at = [number.plain_at + number.encoder.has_flag for number in own]
        if kind is _is_two_valued:
            plain.append((_two_valued(graph, x, encoders), at))
            continue
        if kind is _is_heavy_tailed:
            x = _logarithmic(graph, x, encoders)
            plain.append((graph.cast(x, np.float32), at))
        else:
            plain.append((_scaled_softly(graph, x, encoders), at))
        if encoded:
            bins += _bins(graph, x, own)
    return plain + _levels(graph, raw, numbers), bins


def _is_two_valued(encoder: NumberEncoder) -> bool:
    return not encoder.is_constant and encoder.scale == 0


def _is_heavy_tailed(encoder: NumberEncoder) -> bool:
    return not encoder.is_constant and encoder.scale != 0 and encoder.reach != 0


def _is_usual(encoder: NumberEncoder) -> bool:
    return not encoder.is_constant and encoder.scale != 0 and encoder.reach == 0


def _flags(graph: Graph, is_missing: str, numbers: list[_Number]) -> list[_Made]:
    flagged = [i for i, own in enumerate(numbers) if own.encoder.has_flag]
    if not flagged:
        return []
    flags = graph.rows(is_missing, flagged, len(numbers))
    at = [numbers[i].plain_at for i in flagged]
    return [(graph.cast(flags, np.float32), at)]


def _scaled(graph: Graph, x: str, encoders: list[NumberEncoder]) -> str:
    x = graph.add("Sub", x, doubles([encoder.center for encoder in encoders]))
    x = graph.add("Mul", x, doubles([encoder.scale for encoder in encoders]))
    return graph.add("Clip", x, np.array(-1e30), np.array(1e30))


def _scaled_softly(graph: Graph, x: str, encoders: list[NumberEncoder]) -> str:
    z = _scaled(graph, x, encoders)
    third = graph.add("Mul", z, doubles([1 / 3] * len(encoders)))
    square = graph.add("Mul", third, third)
    length = graph.add("Sqrt", graph.add("Add", square, doubles([1] * len(encoders))))
    return graph.cast(graph.add("Div", z, length), np.float32)


def _logarithmic(graph: Graph, x: str, encoders: list[NumberEncoder]) -> str:
    """`asinh`, of which onnxruntime has none in double precision."""
    reach = doubles([encoder.reach for encoder in encoders])
    z = graph.add("Abs", _scaled(graph, x, encoders))
    z = graph.add("Min", z, reach)
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", z, z), np.array(1.0)))
    size = graph.add("Log", graph.add("Add", z, root))
    center = doubles([encoder.center for encoder in encoders])
    sign = graph.add("Sign", graph.add("Sub", x, center))
    return graph.add("Mul", sign, size)


def _two_valued(graph: Graph, x: str, encoders: list[NumberEncoder]) -> str:
    is_high = graph.add("Greater", x, doubles([encoder.center for encoder in encoders]))
    return graph.add("Where", is_high, _ONE, -_ONE)


def _levels(graph: Graph, raw: str, numbers: list[_Number]) -> list[_Made]:
    rows: list[int] = []
    values: list[float] = []
    at: list[int] = []
    for i, own in enumerate(numbers):
        encoder = own.encoder
        start = own.plain_at + encoder.n_features[0] - len(encoder.levels)
        rows += [i] * len(encoder.levels)
        values += encoder.levels
        at += range(start, start + len(encoder.levels))
    if not rows:
        return []
    x = graph.rows(raw, rows, len(numbers))
    return [(graph.cast(graph.add("Equal", x, doubles(values)), np.float32), at)]


def _bins(graph: Graph, x: str, numbers: list[_Number]) -> list[_Made]:
    """How far inside of each bin numbers are, from 0 to 1."""
    rows: list[int] = []
    low: list[float] = []
    size: list[float] = []
    at: list[int] = []
    for i, own in enumerate(numbers):
        n = own.encoder.n_features[1]
        if n:
            edges = own.encoder.bins()
            rows += [i] * n
            low += edges[:-1].tolist()
            size += np.diff(edges).tolist()
            at += range(own.encoded_at, own.encoded_at + n)
    if not rows:
        return []
    x = graph.rows(x, rows, len(numbers))
    inside = graph.add("Div", graph.add("Sub", x, doubles(low)), doubles(size))
    clipped = graph.add("Clip", inside, np.array(0.0), np.array(1.0))
    return [(graph.cast(clipped, np.float32), at)]


def _categories(
    graph: Graph, columns: list[tuple[str, CategoryEncoder, int, int]]
) -> list[_Made]:
    """Each category has a number among all of all columns; a feature compares it."""
    codes: list[str] = []
    rows: list[int] = []
    at: list[int] = []
    for i, (name, encoder, plain_at, _) in enumerate(columns):
        n = encoder.n_features[0] - encoder.n_target_features
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
    if not rows:
        return []
    code = graph.rows(_below(graph, codes), rows, len(columns))
    number = np.arange(len(rows), dtype=np.float32).reshape(-1, 1)
    return [(graph.cast(graph.add("Equal", code, number), np.float32), at)]


def _target_means(
    graph: Graph, columns: list[tuple[str, CategoryEncoder, int, int]]
) -> list[_Made]:
    """Each category has the number of a row in a table of means."""
    made: list[_Made] = []
    for name, encoder, plain_at, _ in columns:
        n = encoder.n_target_features
        if encoder.means is None or not n:
            continue
        levels = ["" if level is None else level for level in encoder.means.levels]
        code = graph.add(
            "LabelEncoder",
            graph.reshaped(name, -1),
            domain=TABLES,
            keys_strings=levels or [""],
            values_int64s=list(range(max(1, len(levels)))),
            default_int64=len(levels),
        )
        unseen = np.zeros((max(1, 2 - len(levels)), n))
        means = np.concatenate([encoder.means.means, unseen]).astype(np.float32)
        chosen = graph.add("Gather", means, code, axis=0)
        stop = plain_at + encoder.n_features[0]
        at = list(range(stop - n, stop))
        made.append((graph.add("Transpose", chosen, perm=[1, 0]), at))
    return made


def _text(graph: Graph, name: str, encoder: TextEncoder) -> str:
    """Counts of words, weighted, scaled to length 1, and projected."""
    # Splitting fails where there are no rows, so there is always one more, at the end.
    padded = graph.add("Concat", graph.reshaped(name, -1), np.array([""]), axis=0)
    lower = graph.add(
        "StringNormalizer",
        padded,
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
    counts = graph.add("Slice", counts, np.array([0]), np.array([-1]), np.array([0]))
    one = np.array([[1.0]])
    counts = graph.cast(counts, np.float64)
    logarithms = graph.add("Add", graph.add("Log", graph.add("Max", counts, one)), one)
    sublinear = graph.add("Mul", graph.add("Min", counts, one), logarithms)
    weighted = graph.add("Mul", sublinear, _row(encoder.rarity))
    square = graph.add("ReduceSumSquare", weighted, np.array([1]), keepdims=1)
    length = graph.add("Max", graph.add("Sqrt", square), np.array([[1e-12]]))
    projected = graph.add("MatMul", weighted, np.asarray(encoder.directions, float))
    features = graph.add("Div", projected, length)
    if n_scores := encoder.n_target_features:
        offsets = np.zeros(encoder.n_features[0])
        offsets[-n_scores:] = encoder.offsets
        features = graph.add("Add", features, _row(offsets))
    return graph.add("Transpose", graph.cast(features, np.float32), perm=[1, 0])


def _word_pattern() -> str:
    """See `words_of`, as onnxruntime reads it."""
    own = "".join(map(_escaped, marks()))
    others = "".join(map(_escaped, separators()))
    return f"[{own}]|[^{own}{others}]+"


def _escaped(character: str) -> str:
    return rf"\x{{{ord(character):X}}}"


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
