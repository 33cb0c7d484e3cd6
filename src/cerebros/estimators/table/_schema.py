"""What the columns of a table hold, decided once, and how later tables are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators.table._date_texts import DateTexts, date_order
from cerebros.estimators.table._forms import (
    as_array,
    is_category,
    ordered_categories,
    raw_columns,
)
from cerebros.estimators.table._number_texts import (
    Decimal,
    NumberTexts,
    all_plain,
    are_codes,
    canonical,
    decimal_mark,
    form_of,
    is_plain_number,
    is_usual,
    unit_of,
)
from cerebros.estimators.table._values import (
    MARKERS,
    as_date,
    as_number,
    as_text,
    is_missing,
)

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
"""Arrays by name, `(row,)`: float64 (missing is NaN), datetime64[us] (missing is NaT),
or object holding text (missing is None)."""
Kind: TypeAlias = Literal["number", "date", "text"]

MANY = 64
"""Different values, beyond which they are no categories, but amounts."""
ENOUGH = 0.95
"""Share of the present values that must read as numbers, or dates, for a column to
hold them."""
_MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Unread:
    """Values that are not what their column holds, and so are missing.

    Attributes:
        column: its name.
        kind: what it holds.
        n: how many values could not be read.
        n_present: of how many.
        examples: some of them.
    """

    column: str
    kind: Kind
    n: int
    n_present: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A column whose texts can all be read in two ways.

    Attributes:
        column: its name.
        example: one of its texts.
        taken: as what it is read.
        other: as what it could have been read.
    """

    column: str
    example: str
    taken: str
    other: str


@dataclass(frozen=True, slots=True)
class Mixed:
    """A column of text of which most are numbers, or dates.

    Attributes:
        column: its name.
        kind: what most of it could be.
        n: how many values are something else.
        n_present: of how many.
        examples: some of them.
    """

    column: str
    kind: Kind
    n: int
    n_present: int
    examples: tuple[str, ...]


Doubt: TypeAlias = Ambiguous | Mixed
"""What a person should know of how a column is read."""


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """What one column holds, and how it is read.

    Attributes:
        kind: numbers, dates or text.
        numbers: how numbers are written, where they come as text.
        dates: the same of dates.
        order: of categories that have one; they are the numbers 0, 1, 2, ….
        keeps_markers: whether `NA` and the like are texts of their own.
        has_numbers: whether the texts of a column of text, or ordered categories, are
            numbers, so that 3.0 reads as 3.
        has_strays: whether training had values that could not be read.
    """

    kind: Kind
    numbers: NumberTexts = field(default_factory=NumberTexts)
    dates: DateTexts = field(default_factory=DateTexts)
    order: tuple[str, ...] = ()
    keeps_markers: bool = False
    has_numbers: bool = False
    has_strays: bool = False

    def state(self) -> dict[str, Any]:
        """Plain values, from which `from_state` makes it again."""
        return {**asdict(self), "order": list(self.order)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ColumnSchema:
        return cls(
            **{
                **state,
                "numbers": NumberTexts(**state["numbers"]),
                "dates": DateTexts(**state["dates"]),
                "order": tuple(state["order"]),
            }
        )

    def read(self, name: str, values: Any) -> tuple[npt.NDArray[Any], Unread | None]:
        """A column of any form as an array, and what of it could not be read.

        Where training had no such values and none at all can be read, the column is
        handed back as what it is, so that whoever uses it can refuse it.
        """
        array = as_array(values)
        if array.ndim != 1:
            return array, None
        if array.dtype.kind == "c":
            raise ValueError("Complex data not supported: a table holds real numbers")
        if self.kind == "text":
            return self._texts(array), None
        if self.order:
            return self._checked(name, array, *self._places(array))
        if self.kind == "number":
            return self._checked(name, array, *self._numbers(array))
        return self._checked(name, array, *self._dates(array))

    def _checked(
        self,
        name: str,
        array: npt.NDArray[Any],
        read: npt.NDArray[Any],
        strays: list[str],
    ) -> tuple[npt.NDArray[Any], Unread | None]:
        if not strays:
            return read, None
        n_read = int((read == read).sum())  # neither NaN nor NaT
        if not n_read and not self.has_strays and not self.order:
            return _as_it_is(array), None
        examples = tuple(dict.fromkeys(strays))[:_MOST_EXAMPLES]
        n = len(strays)
        return read, Unread(name, self.kind, n, n + n_read, examples)

    def _numbers(self, array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], list[str]]:
        kind = array.dtype.kind
        if kind in "biuf":
            with np.errstate(over="ignore"):  # infinity is told of later
                return array.astype(np.float64), []
        if kind == "m":
            days = array.astype("timedelta64[us]").astype(np.float64) / 86_400e6
            return np.where(np.isnat(array), np.nan, days), []
        if kind == "M":
            strays = [str(value) for value in array[~np.isnat(array)]]
            return np.full(len(array), np.nan), strays
        objects = _without_markers(array)
        texts = objects.tolist()
        if self.numbers.decimal == "." and _are_texts(texts):
            plain = all_plain(texts)
            if plain is not None:
                return plain, []
        known: dict[str, float | None] = {}
        numbers, strays = np.full(len(array), np.nan), []
        for i, value in enumerate(texts):
            if is_missing(value):
                continue
            number = as_number(value)
            if number is None and isinstance(value, (str, bytes)):
                text = as_text(value)
                if text not in known:
                    known[text] = self.numbers.parse(text)
                number = known[text]
            if number is None:
                strays.append(as_text(value))
            else:
                numbers[i] = number
        return numbers, strays

    def _dates(self, array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], list[str]]:
        dates = np.full(len(array), "NaT", "datetime64[us]")
        kind = array.dtype.kind
        if kind == "M":
            return array.astype("datetime64[us]"), []
        if kind in "biufm":
            present = array[array == array]
            return dates, [as_text(value) for value in present]
        known: dict[str, np.datetime64 | None] = {}
        strays = []
        for i, value in enumerate(_without_markers(array).tolist()):
            if is_missing(value):
                continue
            date = as_date(value)
            if date is None and isinstance(value, (str, bytes)):
                text = as_text(value)
                if text not in known:
                    known[text] = self.dates.parse(text)
                date = known[text]
            if date is None:
                strays.append(as_text(value))
            else:
                dates[i] = date
        return dates, strays

    def _places(self, array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], list[str]]:
        place = {text: float(i) for i, text in enumerate(self.order)}
        numbers, strays = np.full(len(array), np.nan), []
        for i, text in enumerate(as_texts(array)):
            if self.has_numbers and text is not None:
                text = canonical(text)
            if text in place:
                numbers[i] = place[text]
            elif text is not None and text not in MARKERS:
                strays.append(text)
        return numbers, strays

    def _texts(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if array.dtype.kind == "M":
            return as_texts(array.astype("datetime64[us]"))
        known: dict[Any, str | None] = {}
        texts = np.empty(len(array), object)
        for i, value in enumerate(array.astype(object)):
            if isinstance(value, str):
                if value not in known:
                    known[value] = self._text(value)
                texts[i] = known[value]
            else:
                texts[i] = None if is_missing(value) else self._text(as_text(value))
        return texts

    def _text(self, text: str) -> str | None:
        if not text or (text in MARKERS and not self.keeps_markers):
            return None
        return canonical(text) if self.has_numbers else text


@dataclass(frozen=True, eq=False)
class ReadTable:
    """The columns of a table, and which of their values could not be read."""

    columns: Columns
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSchema:
    """What each column of a table holds; plain data, decided once.

    Attributes:
        columns: by name, in the order that they had.
        is_named: whether the table had names; if not, they are `x0`, `x1`, ….
    """

    columns: Mapping[str, ColumnSchema] = field(default_factory=dict)
    is_named: bool = True

    def read(self, table: Any, only: Collection[str] | None = None) -> ReadTable:
        """Read a table, each value for itself.

        Columns are found by name; where either table has no names, by place, if there
        are as many. Columns that the schema does not know are read as they seem.

        Args:
            table: of any form; see `raw_columns`.
            only: names of columns that are read, as far as they are there; None for
                all.

        Raises:
            DataError: if names come twice, lengths differ, numbers are infinite, or
                columns without names are too many or too few.
            ValueError: if the table is not two-dimensional.
        """
        if isinstance(table, ReadTable):
            return table
        raw, _ = self.renamed(*raw_columns(table))
        columns: Columns = {}
        unread = []
        for name, values in raw.items():
            if only is not None and name not in only:
                continue
            own = self.columns.get(name) or infer_column(name, values)[0]
            columns[name], left_out = own.read(name, values)
            unread += [left_out] if left_out else []
        _check(columns)
        return ReadTable(columns, tuple(unread))

    def renamed(
        self, raw: dict[str, Any], is_named: bool
    ) -> tuple[dict[str, Any], bool]:
        """Columns by the names of training, and whether places told which is which."""
        has_all = set(self.columns) <= set(raw)
        if not self.columns or (is_named and (self.is_named or has_all)):
            return raw, False
        if len(raw) != len(self.columns):
            raise DataError(
                f"X has {len(raw)} features, but training had {len(self.columns)}; "
                "without the same names columns are told apart by their places, so "
                "give as many, or a data frame with the names of training"
            )
        return dict(zip(self.columns, raw.values(), strict=True)), (
            is_named != self.is_named
        )

    def without(self, names: Collection[str]) -> TableSchema:
        """The schema of a table that lacks some columns."""
        kept = {name: own for name, own in self.columns.items() if name not in names}
        return TableSchema(kept, self.is_named)

    def state(self) -> dict[str, Any]:
        """Plain values, from which `from_state` makes it again."""
        return {
            "is_named": self.is_named,
            "names": list(self.columns),
            "columns": [own.state() for own in self.columns.values()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TableSchema:
        columns = map(ColumnSchema.from_state, state["columns"])
        return cls(dict(zip(state["names"], columns, strict=True)), state["is_named"])


def infer_schema(
    table: Any, *, texts: Collection[str] = ()
) -> tuple[TableSchema, list[Doubt]]:
    """Decide what the columns of a table hold.

    A column of which at least 95 % of the present values are numbers, or texts that
    read as numbers, holds numbers, and one of dates dates; one mark without letters
    and digits, such as `?`, may stand for any share that is missing. Codes with
    leading zeros are text, and so are categories, unless they have an order.

    Args:
        table: of any form; see `raw_columns`.
        texts: names of columns that are text, whatever they hold; only the empty text
            is missing there.

    Raises:
        DataError: if names come twice, or lengths differ.
        ValueError: if the table is not two-dimensional.
    """
    raw, is_named = raw_columns(table)
    columns, open_ = {}, []
    for name, values in raw.items():
        columns[name], doubt = infer_column(name, values, is_text=name in texts)
        open_ += [doubt] if doubt else []
    return TableSchema(columns, is_named), open_


def infer_column(
    name: str, values: Any, *, is_text: bool = False
) -> tuple[ColumnSchema, Doubt | None]:
    """Decide what a column holds, and say what is doubtful about it."""
    array = as_array(values)
    if array.ndim != 1:
        return ColumnSchema("text"), None
    categories = None if is_text else ordered_categories(values)
    if categories is not None and array.dtype.kind != "M":
        order = tuple(map(as_text, categories))
        has_numbers = all(map(is_plain_number, order))
        return ColumnSchema("number", order=order, has_numbers=has_numbers), None
    if is_text or (categories is None and is_category(values)):
        return _of_text(array, is_asked=is_text), None
    kind = array.dtype.kind
    if kind in "biufmc":
        form = NumberTexts({"b": "flag", "m": "duration"}.get(kind, "plain"))  # type: ignore[arg-type]
        return ColumnSchema("number", form), None
    if kind == "M":
        return ColumnSchema("date"), None
    return _of_objects(name, array)


def as_texts(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column of numbers or dates as the text that would have stood there."""
    objects = values.astype(str).astype(object) if values.dtype.kind == "M" else values
    texts = np.empty(len(values), object)
    for i, value in enumerate(objects.astype(object)):
        is_absent = np.isnat(values[i]) if values.dtype.kind == "M" else False
        texts[i] = None if is_absent or is_missing(value) else as_text(value)
    return texts


def _without_mark(counts: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Texts without the one mark, such as `?` or `-`, that stands for what is missing.

    Returns:
        The other texts, and how often the mark stands there; 0 if there are several,
        which tell something.
    """
    marks = [text for text in counts if not any(map(str.isalnum, text))]
    if len({text.strip() for text in marks}) != 1:
        return dict(counts), 0
    others = {text: n for text, n in counts.items() if text not in marks}
    return others, sum(counts[text] for text in marks)


def _of_text(array: npt.NDArray[Any], *, is_asked: bool) -> ColumnSchema:
    present = {as_text(v) for v in array.astype(object) if not is_missing(v)}
    return ColumnSchema(
        "text",
        keeps_markers=is_asked or not present.isdisjoint(MARKERS),
        has_numbers=bool(present) and all(map(is_plain_number, present)),
    )


def _of_objects(
    name: str, array: npt.NDArray[Any]
) -> tuple[ColumnSchema, Doubt | None]:
    values = _without_markers(array).tolist()
    if _are_texts(values) and is_usual(values):
        return ColumnSchema("number"), None  # and quickly found
    counts, objects = _taken_apart(array.astype(object).tolist())
    texts = {text: n for text, n in counts.items() if text.strip() not in MARKERS}
    texts, n_marks = _without_mark(texts)
    n = sum(texts.values()) + sum(objects.values())
    if not n:
        if n_marks:
            return _of_text(array, is_asked=False), None
        if counts:  # nothing but NA
            return ColumnSchema("text", keeps_markers=True), None
        return ColumnSchema("number"), None
    if texts and are_codes(texts):
        return _of_text(array, is_asked=False), None
    if not texts or objects["number"]:
        # The type of the others tells what the texts among them are.
        form = NumberTexts(_form_of_objects(array))
    else:
        form = form_of(texts, ENOUGH) or NumberTexts()
    doubt: str | None = None
    if form.form == "plain":
        unit = unit_of(texts, ENOUGH)
        bare = Counter[str]()
        for text, k in texts.items():
            bare[text.strip().removesuffix(unit)] += k
        mark, doubt = decimal_mark(bare)
        form = NumberTexts("plain", mark, unit)
    n_numbers = objects["number"] + _n_read(texts, form)
    if n_numbers >= ENOUGH * n:
        has_strays = n_numbers < n + n_marks
        found = ColumnSchema("number", form, has_strays=has_strays)
        return found, _open_number(name, doubt) if doubt else None
    dates, doubt = date_order(texts)
    n_dates = objects["date"] + _n_read(texts, dates)
    if n_dates >= ENOUGH * n:
        has_strays = n_dates < n + n_marks
        found = ColumnSchema("date", dates=dates, has_strays=has_strays)
        return found, _open_date(name, doubt) if doubt else None
    mixed = _mixed(name, texts, form, "number") or _mixed(name, texts, dates, "date")
    return _of_text(array, is_asked=False), mixed


def _mixed(
    name: str, counts: Mapping[str, int], form: NumberTexts | DateTexts, kind: Kind
) -> Mixed | None:
    """A remark if most texts are amounts, each of which few rows have."""
    others = {text: n for text, n in counts.items() if form.parse(text) is None}
    n, n_others = sum(counts.values()), sum(others.values())
    if len(counts) - len(others) <= MANY or 2 * n_others > n:
        return None
    examples = sorted(others, key=lambda text: -others[text])[:_MOST_EXAMPLES]
    return Mixed(name, kind, n_others, n, tuple(examples))


def _taken_apart(values: Sequence[Any]) -> tuple[Counter[str], Counter[str]]:
    """How often each text occurs, and how many values of other types there are."""
    texts: list[str] = []
    types: Counter[str] = Counter()
    for value in values:
        if isinstance(value, str):
            if value and not value.isspace():
                texts.append(value)
        elif is_missing(value):
            continue
        elif isinstance(value, bytes):
            texts.append(as_text(value))
        elif as_number(value) is not None:
            types["number"] += 1
        else:
            types["date" if as_date(value) is not None else "other"] += 1
    return Counter(texts), types


def _form_of_objects(array: npt.NDArray[Any]) -> Any:
    names = Counter(type(v).__name__ for v in array if not is_missing(v))
    names.pop("str", None)
    (most, _), *_ = names.most_common(1) or [("float", 0)]
    forms = {"bool": "flag", "bool_": "flag", "time": "time", "Interval": "interval"}
    is_duration = most in ("timedelta", "Timedelta", "timedelta64")
    return "duration" if is_duration else forms.get(most, "plain")


def _n_read(texts: Mapping[str, int], form: NumberTexts | DateTexts) -> int:
    return sum(n for text, n in texts.items() if form.parse(text) is not None)


def _open_number(name: str, text: str) -> Ambiguous:
    text = text.strip()
    marks: tuple[Decimal, Decimal] = (".", ",") if "," in text else (",", ".")
    taken, other = (f"{NumberTexts(decimal=d).parse(text):g}" for d in marks)
    mark = "comma" if "," in text else "point"
    return Ambiguous(
        name,
        text,
        f"{taken}, the {mark} separating thousands",
        f"{other}, the {mark} before a fraction",
    )


def _open_date(name: str, text: str) -> Ambiguous:
    text = text.strip()
    taken, other = (
        f"{np.datetime_as_string(date, 'D')}, the {first} first"
        if (date := DateTexts(is_day).parse(text)) is not None
        else "nothing"
        for is_day, first in ((False, "month"), (True, "day"))
    )
    return Ambiguous(name, text, taken, other)


def _without_markers(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    objects = np.empty(len(array), object)
    objects[:] = [
        None
        if isinstance(value, str) and (not (text := value.strip()) or text in MARKERS)
        else value
        for value in array.astype(object).tolist()
    ]
    return objects


def _are_texts(values: Sequence[Any]) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def _as_it_is(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column that cannot be read as what it should be."""
    if array.dtype.kind == "M":
        return array.astype("datetime64[us]")
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    return as_texts(array)


def _check(columns: Columns) -> None:
    for name, values in columns.items():
        if values.ndim != 1:
            raise ValueError(
                f"column {name!r} must hold one value for each row, but got an array "
                f"of shape {values.shape}"
            )
    problems = [
        f"column {name!r} holds {int(np.isinf(values).sum())} infinite values; "
        "replace them, or mark them as missing (NaN)"
        for name, values in columns.items()
        if values.dtype.kind == "f" and np.isinf(values).any()
    ]
    if problems:
        raise DataError(f"Input X contains infinity. {_listed(problems)}")


def _listed(problems: Sequence[str], most: int = 5) -> str:
    more = f"\n- and {len(problems) - most} more" if len(problems) > most else ""
    return "\n- ".join(["The table cannot be used:", *problems[:most]]) + more
