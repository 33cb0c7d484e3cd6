"""Whole numbers that a user gave."""

from __future__ import annotations

from numbers import Integral
from typing import Any


def whole_number(name: str, value: Any, *, least: int) -> int:
    """A whole number as Python has it, NumPy's included.

    Args:
        name: of the argument, for the message.
        value: what was given.
        least: the smallest that is allowed.

    Raises:
        ValueError: if it is not a whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}, but got {value!r}")
    return int(value)
