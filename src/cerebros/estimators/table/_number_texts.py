"""Numbers that came as text: `1,234.5`, `1.234,5`, `$ 12`, `5 %`, `08:30`, `(0, 1]`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table._values import middle

Form: TypeAlias = Literal["plain", "flag", "time", "duration", "interval"]
Decimal: TypeAlias = Literal[".", ","]

_SYMBOL = (
    "(?:[$€£¥₹₽₩₺]|USD|EUR|GBP|JPY|CHF|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|BRL|MXN)"
)
_SPACES = " \u00a0\u2009\u202f"
_PLAIN = frozenset("0123456789+-.eE\n")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LEADING_ZERO = re.compile(r"^[+-]?0\d", re.ASCII | re.MULTILINE)
_ONE_GROUP = re.compile(r"[^\d]*[1-9]\d{0,2}[,.]\d{3}[^\d]*", re.ASCII)
_WITH_UNIT = re.compile(r"[+\-−]?[\d.,]*\d\s*([^\d\s.,+\-]\D*)", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_CLOCK = r"(\d{1,3}):(\d{2})(?::(\d{2}(?:\.\d+)?))?"
_TIME = re.compile(rf"{_CLOCK}(?: ?([AaPp])\.?[Mm]\.?)?", re.ASCII)
_DURATION = re.compile(rf"(-?\d+) days?(?:,? \+?{_CLOCK})?", re.ASCII)
_INTERVAL = re.compile(r"[\[(]\s*([^,;\s]+)\s*[,;]\s*([^,;\s]+)\s*[\])]")
_FLAGS = {"true": 1.0, "false": 0.0}

FEW = 0.05
"""Share of the values of a column below which they do not decide what it holds."""


@dataclass(frozen=True, slots=True)
class NumberTexts:
    """How the numbers of one column are written.

    Attributes:
        form: plain numbers, true and false, times of the day (read as hours),
            durations (as days), or intervals (as their middle).
        decimal: the mark before the fraction; the other one, spaces and apostrophes
            separate thousands. Signs and codes of currencies are left out, percents
            divided by 100; parentheses are a minus, as in accounts.
        unit: what stands behind the numbers, such as `kg`.
    """

    form: Form = "plain"
    decimal: Decimal = "."
    unit: str = ""

    def parse(self, text: str) -> float | None:
        """The number that a text is, or None."""
        if self.unit:
            text = text.strip().removesuffix(self.unit)
        own = None if self.form == "plain" else _FORMS[self.form](text.strip())
        return _plain(text, self.decimal) if own is None else own


def all_plain(texts: Sequence[str | None]) -> npt.NDArray[np.float64] | None:
    """Numbers in the form of programs, quickly; None if any text is anything else."""
    joined = "\n".join(filter(None, texts))
    if not joined or not set(joined) <= _PLAIN:
        return None
    objects = np.array([text or "nan" for text in texts], object)
    try:
        return objects.astype(np.float64)
    except ValueError:
        return None


def is_usual(texts: Sequence[str | None]) -> bool:
    """Whether all texts are numbers in the form of programs, and nothing else."""
    if all_plain(texts) is None or has_zeros(texts):
        return False
    present = [text for text in texts if text]
    marked = [text for text in present if "." in text]
    if len(marked) in (0, len(present)):
        return True
    # Beside numbers without a point, points may separate thousands.
    return any(_ONE_GROUP.fullmatch(text) is None for text in marked)


def has_zeros(texts: Sequence[str | None]) -> bool:
    """Whether any text is a number with leading zeros."""
    return _LEADING_ZERO.search("\n".join(filter(None, texts))) is not None


def are_codes(counts: Mapping[str, int]) -> bool:
    """Whether texts are codes with leading zeros, such as `007`."""
    n = sum(counts.values())
    texts = [text.strip() for text in counts]
    if not has_zeros(texts):
        return False
    zeros = {text for text in texts if _LEADING_ZERO.match(text)}
    whole = [text for text in texts if text.isdecimal()]
    if zeros.isdisjoint(whole):
        return False  # fractions, or dates, which are not codes
    n_zeros = sum(k for text, k in counts.items() if text.strip() in zeros)
    has_one_length = len({len(text) for text in whole}) == 1
    return has_one_length or n_zeros >= FEW * n


def form_of(counts: Mapping[str, int], enough: float) -> NumberTexts | None:
    """How texts are written as numbers, where so large a share is; plain ones last."""
    n = sum(counts.values())
    for form, parse in _FORMS.items():
        read = sum(k for text, k in counts.items() if parse(text.strip()) is not None)
        # Other texts than true and false make no column of truth values.
        if read >= (1.0 if form == "flag" else enough) * n:
            return NumberTexts(form)
    return None


def unit_of(counts: Mapping[str, int], enough: float) -> str:
    """What stands behind the numbers of so large a share; empty for nothing."""
    units: Counter[str] = Counter()
    for text, n in counts.items():
        found = _WITH_UNIT.fullmatch(text.strip())
        if found and _plain(text, ".") is None and _plain(text, ",") is None:
            units[found[1]] += n
    (unit, n_unit), *_ = units.most_common(1) or [("", 0)]
    return unit if n_unit >= enough * sum(counts.values()) else ""


def decimal_mark(counts: Mapping[str, int]) -> tuple[Decimal, str | None]:
    """The mark before fractions, decided once from all texts of a column.

    Returns:
        The mark, and a text that can be read both ways if all can.
    """
    marked = {text: k for text, k in counts.items() if "," in text or "." in text}
    n_point, n_comma = (
        sum(k for text, k in marked.items() if _plain(text, mark) is not None)
        for mark in (".", ",")
    )
    if n_point != n_comma:
        return (".", None) if n_point > n_comma else (",", None)
    open_ = [text for text in marked if _ONE_GROUP.fullmatch(text.strip())]
    if not open_:
        return ".", None
    bare = {text: _plain(text, ".") for text in counts if text not in marked}
    whole = {text: abs(x) for text, x in bare.items() if x is not None}
    n_whole = sum(counts[text] for text in whole)
    n_large = sum(counts[text] for text, x in whole.items() if x >= 1000)
    # Where thousands are separated, numbers below them have no mark, and few others.
    is_grouped = n_whole > 0 and n_large < FEW * (n_whole + sum(marked.values()))
    if "." in open_[0]:
        return (",", open_[0]) if is_grouped else (".", None)
    if not whole:
        return ".", open_[0]
    return ("." if is_grouped else ","), None


def canonical(text: str) -> str:
    """A number as text, as the text of the same number elsewhere; others as is."""
    if _PLAIN_NUMBER.fullmatch(text) is None:
        return text
    try:
        return str(int(text))
    except ValueError:
        number = float(text)
        return str(int(number)) if number.is_integer() else str(number)


def is_plain_number(text: str) -> bool:
    """Whether a text is a number as programs write it, without leading zeros."""
    return bool(_PLAIN_NUMBER.fullmatch(text)) and not _LEADING_ZERO.match(text)


@cache
def _pattern(decimal: Decimal) -> re.Pattern[str]:
    other = "," if decimal == "." else r"\."
    groups = (
        rf"[1-9]\d{{0,2}}(?P<mark>[{other}{_SPACES}'’])\d{{3}}(?:(?P=mark)\d{{3}})*"
    )
    indian = r"|[1-9]\d?(?:,\d{2})+,\d{3}" if decimal == "." else ""
    mark = re.escape(decimal)
    return re.compile(
        rf"(?P<sign>[+\-−]?)\s*(?:{_SYMBOL}\s*)?(?P<second>[+\-−]?)"
        rf"(?P<number>(?:{groups}{indian}|\d+)(?:{mark}\d*)?|{mark}\d+)"
        rf"(?P<power>[eE][+-]?\d+)?\s*(?:{_SYMBOL}|(?P<percent>%))?",
        re.ASCII,
    )


def _plain(text: str, decimal: Decimal) -> float | None:
    text = text.strip()
    is_in_parentheses = text[:1] == "(" and text[-1:] == ")"
    found = _pattern(decimal).fullmatch(text[1:-1] if is_in_parentheses else text)
    if found is None:
        return float(text) if _INFINITE.fullmatch(text) else None
    sign, second = found["sign"], found["second"]
    if sum(map(bool, (sign, second, is_in_parentheses))) > 1:
        return None
    whole, mark, fraction = found["number"].partition(decimal)
    digits = "".join(filter(str.isdecimal, whole)) + mark.replace(",", ".") + fraction
    number = float(digits + (found["power"] or ""))
    if found["percent"]:
        number /= 100
    is_negative = is_in_parentheses or (sign or second) in ("-", "−")
    return -number if is_negative else number


def _flag(text: str) -> float | None:
    return _FLAGS.get(text.lower())


def _time(text: str) -> float | None:
    """Hours; more than 24 are of a clock that stops how long something takes."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds, half = found.groups()
    if half is None:
        return _hours(hours, minutes, seconds)
    rest = _hours("0", minutes, seconds)
    if rest is None or not 1 <= int(hours) <= 12:
        return None
    return int(hours) % 12 + 12 * (half in "Pp") + rest


def _hours(hours: str, minutes: str, seconds: str | None) -> float | None:
    h, m, s = int(hours), int(minutes), float(seconds or 0)
    return h + m / 60 + s / 3600 if m < 60 and s < 60 else None


def _duration(text: str) -> float | None:
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, seconds = found.groups()
    rest = 0.0 if hours is None else _hours(hours, minutes, seconds)
    return None if rest is None else int(days) + rest / 24


def _interval(text: str) -> float | None:
    found = _INTERVAL.fullmatch(text)
    ends = [] if found is None else [_plain(end, ".") for end in found.groups()]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    return middle(ends[0], ends[1])


_FORMS: dict[Form, Callable[[str], float | None]] = {
    "flag": _flag,
    "time": _time,
    "duration": _duration,
    "interval": _interval,
}
