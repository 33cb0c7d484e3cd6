"""Tables of any form as columns of three kinds: numbers, dates, texts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cerebros.estimators.table._schema import Columns, infer_schema


def columns_of(table: Any, *, texts: Collection[str] = ()) -> Columns:
    """The columns of a table, read as they seem.

    Args:
        table: of any form; see `infer_schema`.
        texts: names of columns that are text, whatever they hold.

    Raises:
        DataError: if names come twice, lengths differ, or numbers are infinite; all
            problems are listed.
        ValueError: if the table is not two-dimensional.
    """
    return infer_schema(table, texts=texts)[0].read(table).columns


def rows_of(columns: Columns) -> int:
    """How many rows columns have."""
    return len(next(iter(columns.values()))) if columns else 0
