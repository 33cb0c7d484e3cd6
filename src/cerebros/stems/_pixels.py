"""Whether images have the range of values that a stem was made for."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from cerebros.errors import StemError
from cerebros.stems._layers import all_layers

_BYTES = 255.0
_SLACK = 1.0  # resizing and compression may overshoot a little


def check_pixels(stem: keras.Model, rows: npt.NDArray[Any], where: str) -> None:
    """Refuse images whose range is not the one that the stem rescales from.

    A stem that divides by 255 (or 127.5) first, or that subtracts means of pixels,
    reads values from 0 to 255. Images from 0 to 1 are nearly black to it. Of other
    stems the range is not known, and nothing is said.

    Args:
        stem: the model.
        rows: `(row, height, width, channel)`.
        where: how the message names the input.

    Raises:
        StemError: with the range that was found.
    """
    if rows.ndim != 4 or not len(rows) or not _reads_bytes(stem):
        return
    low = high = float(rows[0].flat[0])
    for start in range(0, len(rows), 256):
        batch = rows[start : start + 256]
        low, high = min(low, float(batch.min())), max(high, float(batch.max()))
    if high <= 1 and rows.dtype.kind == "f" and high > low:
        way = "multiply them by 255"
    elif low < -_SLACK or high > _BYTES + _SLACK:
        way = "bring them to that range"
    else:
        return
    raise StemError(
        f"{where}: the stem {stem.name!r} reads pixels from 0 to 255, but these images "
        f"have values from {low:g} to {high:g}; {way}"
    )


def _reads_bytes(stem: Any) -> bool:
    """Whether the first thing that changes values takes them from 0 to 255."""
    for layer in all_layers(stem):
        if isinstance(layer, keras.layers.Rescaling):
            scale = np.max(np.abs(np.asarray(layer.scale, float)))
            offset = np.max(np.abs(np.asarray(layer.offset, float)))
            return bool(1 / 300 < scale < 1 / 50 or (scale == 1 and offset > 50))
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            return False
    return False
