"""Raw rows of any kind: arrays, data frames, lists of texts."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def n_rows_of(rows: Any) -> int:
    """How many rows there are."""
    return rows.shape[0] if hasattr(rows, "shape") else len(rows)


def some_rows(rows: Any, which: Any) -> Any:
    """Some rows, of the kind that all of them are.

    Args:
        rows: array, sparse matrix, data frame, series, or list.
        which: a slice or an array of numbers.
    """
    if hasattr(rows, "iloc"):
        return rows.iloc[which]
    if isinstance(rows, (list, tuple)):
        chosen = range(len(rows))[which] if isinstance(which, slice) else which
        return [rows[i] for i in chosen]
    return rows[which]


def rows_digest(rows: Any) -> bytes | None:
    """Names the content of rows; None for kinds whose content cannot be named."""
    if hasattr(rows, "iloc"):
        return _frame_digest(rows)
    if isinstance(rows, (list, tuple)):
        return _text_digest(rows) if all(isinstance(x, str) for x in rows) else None
    if not isinstance(rows, np.ndarray):
        return None
    if rows.dtype.kind == "O":
        values = rows.ravel().tolist()
        if all(isinstance(x, str) for x in values):
            return _text_digest(values, f"{rows.shape}")
        return None
    return array_digest(rows)


def array_digest(array: Any) -> bytes:
    """Names the content of an array, without a copy of the whole."""
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    for start in range(0, len(array), 1024):
        digest.update(np.ascontiguousarray(array[start : start + 1024]).data)
    return digest.digest()


def _text_digest(texts: Any, shape: str = "") -> bytes:
    digest = hashlib.sha256(f"text {len(texts)} {shape}".encode())
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.digest()


def _frame_digest(rows: Any) -> bytes | None:
    import pandas as pd

    frame = rows.to_frame() if isinstance(rows, pd.Series) else rows
    about = [(str(name), str(kind)) for name, kind in frame.dtypes.items()]
    digest = hashlib.sha256(f"frame {about}".encode())
    try:
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().data)
    except TypeError:  # cells that are lists, say
        return None
    return digest.digest()
