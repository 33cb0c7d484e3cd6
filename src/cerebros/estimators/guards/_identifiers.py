"""Columns that number the rows, or name them."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from cerebros.estimators.guards._columns import (
    Column,
    Kind,
    Numbers,
    dates_in_text,
    numbers_in_text,
)
from cerebros.estimators.guards._finding import Finding, found

FEWEST_ROWS = 20
NEARLY_UNIQUE = 0.98
DENSE = 1.25
"""Width of the range, in different values: counting with some rows left out."""
COMMON = 0.95
"""Share of texts with the same pattern."""
TEXTS = 1000
HEX = re.compile(r"[0-9a-fA-F]")
LONG_HEX = re.compile(r"(?:h[-:]?){12,}")


def find_identifier(column: Column) -> Finding | None:
    """A column whose values are nearly all different, and made to be so."""
    present = column.values[~column.is_missing]
    n_values = len(np.unique(present))
    if len(present) < FEWEST_ROWS or n_values < NEARLY_UNIQUE * len(present):
        return None
    pattern = _pattern(column, present)
    if pattern is None:
        return None
    evidence = f"{n_values:,} of its {len(present):,} values are different: {pattern}."
    way_out = "Leave it out, nothing general can be learned from it"
    return found("identifier", column.name, evidence, way_out, is_grave=False)


def _pattern(column: Column, present: Numbers) -> str | None:
    if column.kind is Kind.NUMBER:
        return _counting(present)
    if column.kind is not Kind.TEXT or dates_in_text(column):
        return None
    return _text_pattern(column)


def _counting(present: Numbers) -> str | None:
    if not np.isfinite(present).all() or (present != np.floor(present)).any():
        return None
    low, high = float(present.min()), float(present.max())
    if high / 2 - low / 2 < DENSE / 2 * len(present):
        return f"they count from {low:.0f} to {high:.0f}"
    rises = bool((present[1:] > present[:-1]).all())
    if rises and (present > 0).all() and high / 2 < len(present) * 50:
        return f"they count up from row to row, from {low:.0f} to {high:.0f}"
    return None


def _text_pattern(column: Column) -> str | None:
    labels = column.labels[:TEXTS]
    numbers = numbers_in_text(column)
    is_plain = all(label.lstrip("-").replace(".", "").isdigit() for label in labels)
    if numbers and is_plain:
        return _counting(numbers.values[~numbers.is_missing])
    hexes = Counter(HEX.sub("h", label) for label in labels)
    shape, count = hexes.most_common(1)[0]
    if LONG_HEX.fullmatch(shape) and count >= COMMON * len(labels):
        return f"they are like {labels[0]!r}"
    shapes = Counter(_shape(label) for label in labels)
    shape, count = shapes.most_common(1)[0]
    if "0" in shape and count >= COMMON * len(labels):
        return f"they are like {labels[0]!r}"
    return None


def _shape(label: str) -> str:
    """Digits as one 0, letters as one a; the rest as it is."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", label))
