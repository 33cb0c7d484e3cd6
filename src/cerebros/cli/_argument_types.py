"""From the text of an argument to its value."""

from __future__ import annotations

import math
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Literal

_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def closed_range(text: str) -> tuple[int, int]:
    """`2..7`, or `3` for `3..3`."""
    match = re.fullmatch(r"\s*(\d+)\s*(?:\.\.\s*(\d+))?\s*", text)
    if match is None:
        raise ArgumentTypeError(
            f"{text!r} is not a range; write it as 2..7, or 3 for exactly three"
        )
    low = int(match[1])
    high = int(match[2] or low)
    if not 1 <= low <= high:
        raise ArgumentTypeError(
            f"{text!r} is an empty range, but low..high needs 1 <= low <= high"
        )
    return low, high


def seconds(text: str) -> float:
    """`90`, `90s`, `5m` or `1.5h`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _SECONDS or float(match[1]) == 0:
        raise ArgumentTypeError(
            f"{text!r} is not a time above 0; write it as 90, 90s, 5m or 1.5h"
        )
    return float(match[1]) * _SECONDS[match[2]]


def at_least(least: int) -> Callable[[str], int]:
    """A whole number that is not smaller."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise ArgumentTypeError(f"{text!r} is not a whole number >= {least}")
        return value

    return parse


def positive(text: str) -> float:
    """A number above 0, such as `0.005` or `1e-3`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def share(text: str, *, may_be_zero: bool = False) -> float:
    """A share of the rows: `0.2` is a fifth."""
    least = "0 <=" if may_be_zero else "0 <"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < 1 or (may_be_zero and value == 0)):
        raise ArgumentTypeError(
            f"{text!r} is not a share of the rows: {least} share < 1 must hold; "
            "0.2 is a fifth of them"
        )
    return value


def share_or_none(text: str) -> float:
    """A share of the rows, or 0 for none."""
    return share(text, may_be_zero=True)


def keep(text: str) -> int | Literal["all"]:
    """A whole number, or `all`."""
    return "all" if text == "all" else at_least(1)(text)


def trial(text: str) -> int | Literal["best"]:
    """The number of a trial, or `best`."""
    if text == "best":
        return "best"
    try:
        return at_least(0)(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"{text!r} is no trial; give its number (trials are counted from 0), "
            "or 'best'"
        ) from None
