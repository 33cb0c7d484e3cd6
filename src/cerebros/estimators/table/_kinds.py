"""What becomes of each column: its kind of features, or why it is not used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cerebros.estimators.table._schema import Columns

if TYPE_CHECKING:
    from cerebros.estimators.table._encoding import EncodingSettings


def kinds_of(columns: Columns, settings: EncodingSettings) -> Iterator[tuple[str, str]]:
    """The kind of each column, or `!` and why it is not used."""
    for name, values in columns.items():
        if name in settings.dropped:
            yield name, "!it was to be dropped"
        elif name in settings.identifiers:
            yield name, "!it names the rows, and says nothing of new ones"
        elif values.dtype.kind == "O":
            yield name, _kind_of_texts(values)
        else:
            kind = "date" if values.dtype.kind == "M" else "number"
            is_absent = np.isnat(values) if kind == "date" else np.isnan(values)
            is_constant = len(np.unique(values[~is_absent])) < 2
            yield name, _constant(is_absent, kind) if is_constant else kind


def _constant(is_missing: npt.NDArray[np.bool_], otherwise: str) -> str:
    if is_missing.all():
        return "!all of it is missing"
    if is_missing.any():
        return otherwise  # whether it is missing may tell something
    return "!it is constant"


def _kind_of_texts(values: npt.NDArray[Any]) -> str:
    present = [value for value in values if value is not None]
    unique = set(present)
    if not present:
        return "!all of it is missing"
    if len(unique) == 1:
        return "category" if len(present) < len(values) else "!it is constant"
    if len(unique) <= max(20, 0.5 * len(present)):
        n_words = np.mean([value.count(" ") + 1 for value in unique])
        if n_words >= 5 and len(unique) > 50:
            return "text"
        return "category"
    words = [set(value.lower().split()) for value in unique]
    shared = len(set().union(*words)) < 0.7 * sum(len(w) for w in words)
    if np.mean([len(w) for w in words]) >= 2 and shared:
        return "text"
    if len(unique) > 0.95 * len(present):
        return "!nearly all of its texts differ, as names and identifiers do"
    return "category"
