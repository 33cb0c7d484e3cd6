"""Models of `keras.applications` as stems, with what they expect of pixels."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import keras
import numpy as np

from cerebros.errors import StemError
from cerebros.stems._keras_stem import (
    Pooling,
    cut_at,
    in_front,
    keras_stem,
    one_input_shape,
)


def pretrained_stem(
    name: str,
    *,
    weights: str | Path | None = "imagenet",
    row_shape: Sequence[int],
    image_size: Sequence[int] | None = None,
    cut: str | int | None = None,
    pooling: Pooling = "average",
    freeze: bool = True,
    stem_name: str | None = None,
) -> keras.Model:
    """Make a stem of a Keras application, such as `"EfficientNetV2B0"`.

    What the application expects of its input (centred, scaled, blue first) is part of
    the stem: it reads pixels from 0 to 255.

    Args:
        name: as in `keras.applications`.
        weights: `"imagenet"`, which Keras fetches once and keeps; a file of weights
            (`….weights.h5`, of the application without its top); or None for random
            ones.
        row_shape: shape of one raw image, as `(32, 32, 3)`; one channel will do.
        image_size: height and width that images are resized to, such as the
            application's usual one; None leaves them as they are.
        cut: name or number of the application's layer whose output is taken.
        pooling: see `keras_stem`.
        freeze: see `keras_stem`.
        stem_name: see `name` of `keras_stem`.

    Raises:
        StemError: if there is no such application, its weights cannot be fetched or
            read, or images are too small for it.
    """
    make = _application(name)
    height_width = tuple(image_size) if image_size else tuple(row_shape)[:2]
    body = _made(make, name, weights, (*height_width, 3))
    model = _with_its_preprocessing(body, make, tuple(row_shape), cut)
    return keras_stem(model, pooling=pooling, freeze=freeze, name=stem_name)


def _application(name: str) -> Any:
    known = [
        key
        for key, value in vars(keras.applications).items()
        if inspect.isfunction(value)
    ]
    if name in known:
        return getattr(keras.applications, name)
    close = get_close_matches(str(name), known, n=1, cutoff=0.5)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    raise StemError(
        f"keras.applications has no model {name!r}{guess} (known: {', '.join(known)})"
    )


def _made(
    make: Any, name: str, weights: str | Path | None, shape: tuple[int, ...]
) -> keras.Model:
    is_file = weights is not None and weights != "imagenet"
    if is_file and not Path(str(weights)).exists():
        raise StemError(f"there is no file of weights {weights}")
    try:
        model = make(
            include_top=False,
            weights=None if is_file else weights,
            input_shape=shape,
        )
    except ValueError as error:
        raise StemError(f"{name} cannot be made for images {shape}: {error}") from error
    except Exception as error:  # Keras raises plain Exceptions, and those of sockets
        raise StemError(
            f"the weights {weights!r} of {name} cannot be fetched: {error}. Fetch them "
            f"where there is a network (keras.applications.{name}(include_top=False) "
            "keeps them in ~/.keras/models; copy that file to the same place here), or "
            "save them to a file with model.save_weights('base.weights.h5') and give "
            "weights='base.weights.h5', or give weights=None for random ones"
        ) from error
    if is_file:
        try:
            model.load_weights(weights)
        except (ValueError, OSError, KeyError) as error:
            raise StemError(
                f"the weights in {weights} do not fit {name} without its top: {error}"
            ) from error
    return model


def _with_its_preprocessing(
    body: Any, make: Any, row_shape: tuple[int, ...], cut: str | int | None
) -> keras.Model:
    """Raw pixels → resized → as the application wants them → its output."""
    if cut is not None:
        body = cut_at(body, cut)
    x = inputs = keras.Input(row_shape)
    x = in_front(x, one_input_shape(body, body.name))
    factors, offsets, is_reversed = _pixel_rule(make)
    if is_reversed:
        x = keras.layers.Concatenate(name="blue_first")(
            [x[..., 2:3], x[..., 1:2], x[..., 0:1]]
        )
    if any(factor != 1 for factor in factors) or any(offsets):
        x = keras.layers.Rescaling(factors, offset=offsets, name="pixels")(x)
    return keras.Model(inputs, body(x), name=body.name)


def _pixel_rule(make: Any) -> tuple[list[float], list[float], bool]:
    """What an application does with pixels: factor and offset of each channel it
    reads, and whether it wants blue first; found by trying.
    """
    rule = sys.modules[make.__module__].preprocess_input

    def tried(pixel: Any) -> Any:
        return np.array(rule(np.array(pixel, np.float32).reshape(1, 1, 1, 3)))[0, 0, 0]

    offsets = tried([0, 0, 0])
    change = np.array([tried(row) - offsets for row in np.eye(3) * 255]) / 255
    is_reversed = abs(change[0, 2]) > abs(change[0, 0])
    factors = np.diag(change[::-1] if is_reversed else change)
    return [*map(float, factors)], [*map(float, offsets)], bool(is_reversed)
