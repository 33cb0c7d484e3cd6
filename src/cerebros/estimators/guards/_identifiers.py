"""Columns that number the rows, or name them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cerebros.estimators.guards._columns import (
    Column,
    Kind,
    Numbers,
    dates_in_text,
    numbers_in_text,
)
from cerebros.estimators.guards._explained import explained_by_windows
from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._target import Target

FEWEST_ROWS = 20
NEARLY_UNIQUE = 0.98
DENSE = 1.25
"""Width of the range, in different values: counting with some rows left out."""
COMMON = 0.95
"""Share of texts with the same pattern."""
TEXTS = 1000
HEX = re.compile(r"[0-9a-fA-F]")
LONG_HEX = re.compile(r"(?:h[-:]?){12,}")


_NAME = re.compile(
    r"(?:^|_)(?:id|ids|pid|uid|oid|uuid|guid|rowid|key|pk|identifier|serial)(?:_|$)"
    r"|(?:user|customer|client|patient|person|member|order|record|account|product"
    r"|item|student|employee|passenger|loan|case|transaction|session|sample|subject)"
    r"_?(?:id|no|nr|key|number)$"
)
"""Of a column of different whole numbers that name the rows."""
_COUNTER = re.compile(
    r"(?:(?:row|obs|observation|record)_?)?"
    r"(?:order|index|idx|rows?|nr|no|num|number|seq|sequence|counter|record|obs"
    r"|observation|rownames?|names?)?|unnamed(?:_\d+)?"
)
"""Of a column that counts the rows."""
RELATED = 0.05
"""Share of the target that neighbours in a column must explain for it to be learned."""


def find_identifiers(
    columns: Sequence[Column], targets: Sequence[Target], order: str | None = None
) -> list[Finding]:
    """Columns whose values are nearly all different, and made to be so.

    They are left out of what is learned, but for columns that only count the rows
    without saying so in their name, and go along with the target; and not if nothing
    were left.

    Args:
        columns: of the table.
        targets: of the same rows.
        order: name of the column by which rows are ordered, which numbers them by
            nature.
    """
    reasons = [
        (column, *reason)
        for column in columns
        if column.name != order and (reason := _reason(column))
    ]
    is_all = len(reasons) >= sum(map(_varies, columns))
    return [
        _finding(column, evidence, is_left_out=not is_all and (is_named or not related))
        for column, evidence, is_named in reasons
        for related in [_is_related(column, targets)]
    ]


def _varies(column: Column) -> bool:
    present = column.values[~column.is_missing]
    return len(present) > 0 and bool((present != present[0]).any())


def _finding(column: Column, evidence: str, *, is_left_out: bool) -> Finding:
    if not is_left_out:
        way_out = "Leave it out, nothing general can be learned from it"
        return found("identifier", column.name, evidence, way_out, is_grave=False)
    way_out = "It is not learned from; drop it"
    finding = found("identifier", column.name, evidence, way_out, is_grave=False)
    advice = finding.advice.replace(
        f"{way_out}, or silence", "It is not learned from; to learn from it, silence"
    )
    return replace(finding, advice=advice, is_left_out=True)


def _reason(column: Column) -> tuple[str, bool] | None:
    """How a column names the rows, and whether its name or its form says so."""
    present = column.values[~column.is_missing]
    n_values = len(np.unique(present))
    if len(present) < FEWEST_ROWS or n_values < NEARLY_UNIQUE * len(present):
        return None
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.name)
    name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    pattern = _pattern(column, present)
    # R calls the names of rows X; a small one may be anything.
    is_counter = column.name == "X" or _COUNTER.fullmatch(name) is not None
    is_named = column.kind is Kind.TEXT or is_counter
    if _NAME.search(name) and column.kind is Kind.NUMBER:
        is_whole = np.isfinite(present).all() and (present == np.floor(present)).all()
        pattern = pattern or ("its name says what they are for" if is_whole else None)
        is_named = True
    if pattern is None:
        return None
    values = f"{n_values:,} of its {len(present):,} values are different: {pattern}."
    return values, is_named


def _is_related(column: Column, targets: Sequence[Target]) -> bool:
    """Whether rows that are near in a column have targets that are alike."""
    if column.kind is Kind.TEXT:
        return False
    rows = np.flatnonzero(~column.is_missing)
    order = rows[np.argsort(column.values[rows], kind="stable")]
    return any(explained_by_windows(order, t.scores) > RELATED for t in targets)


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
