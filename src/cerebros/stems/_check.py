"""Whether a Keras stem and the rows that go into it fit."""

from __future__ import annotations

from typing import Any

import keras
import numpy.typing as npt

from cerebros.errors import StemError
from cerebros.stems._keras_stem import check_one_output, one_input_shape
from cerebros.stems._pixels import check_pixels


def check_stem(stem: keras.Model, rows: npt.NDArray[Any], where: str) -> None:
    """Find out before any training.

    Args:
        stem: a Keras model.
        rows: what goes into it.
        where: how a message names the input.

    Raises:
        StemError: if the model has several inputs or outputs, an open width, reads
            rows of another shape, or pixels of another range.
    """
    name = f"{where}: the stem {stem.name!r}"
    wanted = one_input_shape(stem, name)
    check_one_output(stem.outputs, name)
    shape = tuple(rows.shape[1:])
    if len(shape) != len(wanted) or any(
        theirs not in (None, ours) for ours, theirs in zip(shape, wanted, strict=True)
    ):
        way = f"make it with keras_stem(model, row_shape={shape})"
        if len(shape) == 2 and len(wanted) == 3:
            way = "images of one channel need an axis for it: images[..., None]"
        raise StemError(
            f"{name} reads rows of the shape {wanted}, but they have the shape "
            f"{shape}; {way}, which resizes images and repeats a single channel"
        )
    if None in stem.output_shape[1:]:
        raise StemError(
            f"{name} puts out {tuple(stem.output_shape[1:])}, whose size is not "
            "known; let it end in a pooling layer, as "
            "keras_stem(model, pooling='average') does"
        )
    check_pixels(stem, rows, where)
