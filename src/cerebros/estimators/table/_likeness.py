"""Whether later columns are like those that their encoders were learned from."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators.table._dates import DateEncoder
from cerebros.estimators.table._numbers import NumberEncoder
from cerebros.estimators.table._schema import Columns, as_texts

_MOST_TOLD = 10


def check_likeness(columns: Columns, encoders: Mapping[str, Any]) -> None:
    """Make sure that each column with an encoder is there, and of its kind.

    Raises:
        DataError: if not; all such columns are listed.
    """
    problems: list[str] = []
    for name, encoder in encoders.items():
        if name not in columns:
            # Guessing takes time, so only for those that are told.
            guess = _guess(name, columns) if len(problems) < _MOST_TOLD else ""
            problems.append(f"column {name!r} is missing{guess}")
        elif not _fits(columns[name], encoder):
            problems.append(
                f"column {name!r} held {_words(encoder)} in training, but holds "
                f"{_example(columns[name])}"
            )
    if problems:
        listed = "\n- ".join(problems[:_MOST_TOLD])
        n_more = len(problems) - _MOST_TOLD
        more = f"\n- and {n_more} more" if n_more > 0 else ""
        raise DataError(f"The table is not like that of training:\n- {listed}{more}")


def as_kind(values: npt.NDArray[Any], encoder: Any) -> npt.NDArray[Any]:
    """A column as its encoder reads it; one that passes `check_likeness`."""
    if isinstance(encoder, DateEncoder):
        if values.dtype.kind == "M":
            return values
        return np.full(len(values), "NaT", "datetime64[us]")
    if isinstance(encoder, NumberEncoder):
        return values if values.dtype.kind == "f" else np.full(len(values), np.nan)
    return values if values.dtype.kind == "O" else as_texts(values)


def _fits(values: npt.NDArray[Any], encoder: Any) -> bool:
    if not isinstance(encoder, (NumberEncoder, DateEncoder)):
        return True  # anything can be text
    kind = "M" if isinstance(encoder, DateEncoder) else "f"
    return values.dtype.kind == kind or _is_all_missing(values)


def _is_all_missing(values: npt.NDArray[Any]) -> bool:
    if values.dtype.kind == "O":
        return all(value is None for value in values)
    if values.dtype.kind == "M":
        return bool(np.isnat(values).all())
    return bool(np.isnan(values).all())


def _words(encoder: Any) -> str:
    return "dates" if isinstance(encoder, DateEncoder) else "numbers"


def _example(values: npt.NDArray[Any]) -> str:
    if values.dtype.kind == "O":
        texts = [value for value in values if value is not None]
        text = next((t for t in texts if not t[:1].isdigit()), texts[0])
        return f"text such as {text!r}"
    return "dates" if values.dtype.kind == "M" else "numbers"


def _guess(name: str, columns: Columns) -> str:
    close = get_close_matches(name, list(columns), n=1)
    return f"; is it the one named {close[0]!r}?" if close else ""
