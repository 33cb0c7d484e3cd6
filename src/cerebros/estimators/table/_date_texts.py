"""Dates that came as text: ISO, `31.01.2001`, `01/31/2001`, `1/31/01`, `Jan 2001`."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_TIME = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?: ?(?:Z|UTC|GMT|(?P<zone>[+-])(?P<ahead>\d{2}):?(?P<minutes>\d{2})?))?)?"
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?:-(?P<m>\d{2})(?:-(?P<d>\d{2}))?"
    r"|/(?P<m2>\d{1,2})(?:/(?P<d2>\d{1,2}))?|\.(?P<m3>\d{1,2})\.(?P<d3>\d{1,2}))?"
    + _TIME,
    re.ASCII,
)
_YEAR_LAST = re.compile(
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)"
    # Two digits are a year only where nothing else, such as a version, looks so.
    r"(?P<year>\d{4}|(?<=/)\d{2}|(?<=\d{2}\.\d{2}\.)\d{2})" + _TIME,
    re.ASCII,
)
_NAMED = re.compile(
    r"(?:(?P<d>\d{1,2})[ -](?P<name>[A-Za-z]{3,9})\.?[ -]"
    r"|(?P<name2>[A-Za-z]{3,9})\.? (?P<d2>\d{1,2}),? )"
    r"(?P<year>\d{4}|(?<=-)\d{2})" + _TIME,
    re.ASCII,
)
_MONTH = re.compile(
    r"(?:(?P<month>\d{1,2})/|(?P<name>[A-Za-z]{3,9})\.?[ -])(?P<year>\d{4})",
    re.ASCII,
)
_QUARTER = re.compile(r"(?P<year>\d{4})-?Q(?P<quarter>[1-4])", re.ASCII)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_MONTH_OF_NAME = {
    name[:n]: month
    for month, name in enumerate(_MONTHS, start=1)
    for n in (3, 4 if name == "september" else 3, len(name))
}
_FIRST_YEAR, _LAST_YEAR = 1000, 2999
_FIRST_SHORT = 69  # 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068, as in POSIX


@dataclass(frozen=True, slots=True)
class DateTexts:
    """How the dates of one column are written.

    Attributes:
        is_day_first: whether `01/02/2001` is the first of February; with points the
            day is first in any case.
    """

    is_day_first: bool = False

    def parse(self, text: str) -> np.datetime64 | None:
        """The moment that a text is, in UTC, or None."""
        text = text.strip()
        if "/" in text and text.count("/") == 1 and "-" in text:
            text = text.partition("/")[0]  # a week, as pandas writes it
        try:
            return self._parsed(text)
        except ValueError:
            return None  # such as the 31st of February

    def _parsed(self, text: str) -> np.datetime64 | None:
        if found := _YEAR_FIRST.fullmatch(text):
            month = found["m"] or found["m2"] or found["m3"] or 1
            day = found["d"] or found["d2"] or found["d3"] or 1
            return _moment(found, int(month), int(day))
        if found := _YEAR_LAST.fullmatch(text):
            first, second = int(found["a"]), int(found["b"])
            if self.is_day_first or found["mark"] == ".":
                first, second = second, first
            return _moment(found, first, second)
        if found := _QUARTER.fullmatch(text):
            month = 3 * int(found["quarter"]) - 2
            return np.datetime64(datetime.datetime(int(found["year"]), month, 1), "us")
        if found := _MONTH.fullmatch(text):
            named = _MONTH_OF_NAME.get((found["name"] or "").lower(), 0)
            month = int(found["month"] or named)
            return np.datetime64(datetime.datetime(int(found["year"]), month, 1), "us")
        if found := _NAMED.fullmatch(text):
            name = (found["name"] or found["name2"]).lower()
            if name in _MONTH_OF_NAME:
                day = int(found["d"] or found["d2"])
                return _moment(found, _MONTH_OF_NAME[name], day)
        return None


def date_order(counts: Mapping[str, int]) -> tuple[DateTexts, str | None]:
    """Whether days stand before months, decided once from all texts of a column.

    Returns:
        How dates are written, and a text that can be read both ways if all can. Then
        the month is taken to be first.
    """
    open_ = [
        (text, found)
        for text in counts
        if (found := _YEAR_LAST.fullmatch(text.strip())) and found["mark"] != "."
    ]
    n_day = sum(counts[text] for text, found in open_ if int(found["a"]) > 12)
    n_month = sum(counts[text] for text, found in open_ if int(found["b"]) > 12)
    both = [text for text, found in open_ if found["a"] != found["b"]]
    is_open = both and not n_day and not n_month
    return DateTexts(is_day_first=n_day > n_month), both[0] if is_open else None


def _moment(found: re.Match[str], month: int, day: int) -> np.datetime64 | None:
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += 1900 if year >= _FIRST_SHORT else 2000
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    hour = int(found["hour"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found["half"] in "Pp")
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]
    moment = datetime.datetime(
        year,
        month,
        day,
        hour,
        int(found["minute"] or 0),
        int(found["second"] or 0),
        int(fraction),
    )
    if found["zone"]:
        ahead = 60 * int(found["ahead"]) + int(found["minutes"] or 0)
        away = datetime.timedelta(minutes=ahead)
        moment = moment - away if found["zone"] == "+" else moment + away
    return np.datetime64(moment, "us")
