"""What a stem makes of rows: computed once, batch by batch, and kept on disk.

A stem that is not trained gives the same features of a row in every trial and epoch. So
they are computed once, and networks are trained on them as on any other table. They are
kept under a key of stem and rows; a changed stem, or a changed row, has another key.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.stems._fingerprint import stem_fingerprint
from cerebros.stems._functions import is_keras_model, name_of, transformed
from cerebros.stems._kept import KeptFeatures
from cerebros.stems._rows import array_digest, n_rows_of, rows_digest

Array = npt.NDArray[Any]

_BATCH_BYTES = 16 * 2**20
_MOST_BATCH_ROWS = 64


def features_of(stem: Any, rows: Any) -> Array:
    """What a stem makes of rows, as one row of features each.

    Rows are read, run and written in batches, and the result is mapped from the file
    where it is kept, so memory does not grow with their number. Features that are not
    kept are in memory at the end.

    Args:
        stem: a Keras model with one input and one output, which runs as in prediction;
            a fitted transformer; or a `FunctionStem`.
        rows: `(row, …)`; for transformers and functions also data frames or texts.

    Returns:
        `(row, feature)`, float32.

    Raises:
        StemError: if a transformer or function gives something else than one row of
            numbers for each row.
    """
    kept = KeptFeatures(_key(stem, rows), name_of(stem))
    if (known := kept.stored()) is not None:
        return known
    if is_keras_model(stem):
        width = math.prod(stem.output_shape[1:])
        return kept.keep(_predicted(stem, rows, width), (len(rows), width))
    batches = transformed(stem, rows)
    first = next(batches)
    return kept.keep(chain([first], batches), (n_rows_of(rows), first.shape[1]))


def _predicted(stem: Any, rows: Array, width: int) -> Iterator[Array]:
    """Run a Keras model over all rows, in batches of one shape, for one program."""
    import keras

    kind = stem.inputs[0].dtype
    bytes_of_row = max(1, math.prod(rows.shape[1:]) * 4)
    size = max(1, min(len(rows), _MOST_BATCH_ROWS, _BATCH_BYTES // bytes_of_row))
    for start in range(0, len(rows), size):
        batch = np.asarray(rows[start : start + size], kind)
        n = len(batch)
        if n < size:
            batch = np.concatenate([batch, np.repeat(batch[-1:], size - n, axis=0)])
        found = keras.ops.convert_to_numpy(stem.predict_on_batch(batch))
        yield found[:n].reshape(n, width)


def _key(stem: Any, rows: Any) -> str | None:
    """Names stem and rows; equal for equal computations. None if they have no name."""
    about_stem = stem_fingerprint(stem)
    if about_stem is None:  # without looking at all rows
        return None
    about_rows = array_digest(rows) if is_keras_model(stem) else rows_digest(rows)
    if about_rows is None:
        return None
    if is_keras_model(stem):
        import keras

        versions = f"{keras.__version__} {keras.backend.backend()}"
    else:
        versions = importlib.metadata.version("scikit-learn")
    digest = hashlib.sha256(f"{versions} {about_stem}".encode())
    digest.update(about_rows)
    return digest.hexdigest()[:32]
