"""A Keras model as a stem: what stands in front of it, where it is cut, and behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import keras

from cerebros.errors import StemError
from cerebros.stems._layers import check_name, copy_of, frozen

Pooling: TypeAlias = Literal["flatten", "average", "max"]
POOLINGS = ("flatten", "average", "max")


def keras_stem(
    model: keras.Model | str | Path,
    *,
    row_shape: Sequence[int] | None = None,
    cut: str | int | None = None,
    pooling: Pooling = "flatten",
    freeze: bool = True,
    name: str | None = None,
) -> keras.Model:
    """Make a stem of a Keras model: raw rows in, one row of features out.

    Args:
        model: any Keras model with one input, or a `.keras` file of one. It is copied,
            not changed.
        row_shape: shape of one raw row, where it is not what the model reads: images
            of another size are resized, those of one channel repeated to three.
        cut: name or number of the layer whose output is taken, `-3` for the third
            last; None for the model's own output.
        pooling: what is done with an output of several dimensions: `"flatten"`, or its
            `"average"` or `"max"` over all places.
        freeze: whether training leaves it alone. Features of a frozen stem are computed
            once; of others, layers are trained that are trainable in the model.
        name: of the stem; stems side by side need different ones.

    Returns:
        A Keras model with one input `(batch, *row_shape)` and one output
        `(batch, feature)`.

    Raises:
        StemError: if the model has several inputs or outputs, there is no such layer,
            or shapes do not fit.

    Example:
        >>> import keras
        >>> base = keras.Sequential(
        ...     [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, name="edges")]
        ... )
        >>> stem = keras_stem(base, row_shape=(8, 8, 1), cut="edges", pooling="average")
        >>> stem.input_shape, stem.output_shape
        ((None, 8, 8, 1), (None, 4))
    """
    if pooling not in POOLINGS:
        raise StemError(
            f"pooling must be one of {', '.join(POOLINGS)}, but got {pooling!r}"
        )
    if isinstance(model, (str, Path)):
        model = _loaded(Path(model))
    if not isinstance(model, keras.Model):
        raise StemError(
            f"a stem is made of a Keras model or a .keras file, but got {model!r}"
        )
    wanted = one_input_shape(model, "the stem's model")
    body = frozen(model) if freeze else copy_of(model)
    if cut is not None:
        body = cut_at(body, cut)
    check_one_output(body.outputs, "the stem's model")
    shape = tuple(row_shape) if row_shape is not None else wanted
    if None in shape:
        raise StemError(
            f"the stem's model reads rows of the shape {wanted}, which leaves sizes "
            "open; say with row_shape=… which shape the rows have"
        )
    x = inputs = keras.Input(shape, dtype=body.inputs[0].dtype)
    outputs = _pooled(body(in_front(x, wanted)), pooling)
    return keras.Model(inputs, outputs, name=name or f"{body.name}_stem")


def in_front(x: Any, wanted: tuple[int | None, ...]) -> Any:
    """Bring images to what a model reads: three channels, and its height and width.

    Args:
        x: symbolic tensor of raw rows.
        wanted: what the model reads of one row; None for any size.

    Raises:
        StemError: if that cannot be done.
    """
    shape = tuple(x.shape[1:])
    if len(shape) == len(wanted) == 3:
        if shape[2] == 1 and wanted[2] == 3:
            x = keras.layers.Concatenate(name="three_channels")([x, x, x])
        if None not in wanted[:2] and x.shape[1:3] != wanted[:2]:
            x = keras.layers.Resizing(*wanted[:2], name="resizing")(x)
    left = tuple(x.shape[1:])
    if len(left) != len(wanted) or any(
        theirs not in (None, ours) for ours, theirs in zip(left, wanted, strict=True)
    ):
        way = "give rows of that shape"
        if len(shape) == len(wanted) == 3 and left[2] != wanted[2]:
            way = (
                f"images have {shape[2]} channels, but {wanted[2]} are read; convert "
                "them (one channel is repeated to three by itself)"
            )
        elif len(wanted) == 3 and len(shape) == 2:
            way = "images of one channel need an axis for it: images[..., None]"
        raise StemError(
            f"rows have the shape {shape}, but the model reads {wanted}; {way}"
        )
    return x


def one_input_shape(model: Any, name: str) -> tuple[int | None, ...]:
    """What a model reads of one row; None for any size.

    Raises:
        StemError: if it has several inputs, or none that is known.
    """
    shape = getattr(model, "input_shape", None)  # absent until the model is built
    if isinstance(shape, (list, dict)):
        raise StemError(
            f"{name} has {len(shape)} inputs, but must have one; merge them into one "
            "in front of it, or give one stem for each input"
        )
    if not isinstance(shape, tuple):
        raise StemError(
            f"{name} is not built, so what it reads is not known; begin it with a "
            "keras.Input, or call it once"
        )
    return tuple(shape[1:])


def check_one_output(outputs: Any, name: str) -> None:
    """Raise a StemError if there are several outputs."""
    if isinstance(outputs, (list, tuple, dict)) and len(outputs) != 1:
        raise StemError(
            f"{name} has {len(outputs)} outputs, but must have one; cut it with "
            "keras.Model(model.inputs, model.outputs[0]), or at a layer with cut=…"
        )


def cut_at(model: Any, cut: str | int) -> keras.Model:
    """The model up to the output of a layer.

    Raises:
        StemError: if there is no such layer, or no one output of it.
    """
    names = [layer.name for layer in model.layers]
    if isinstance(cut, bool) or not isinstance(cut, (int, str)):
        raise StemError(f"cut must be a layer's name or number, but got {cut!r}")
    if isinstance(cut, int):
        if not -len(names) <= cut < len(names):
            raise StemError(
                f"cut is {cut}, but the model {model.name!r} has {len(names)} layers, "
                f"numbered 0 to {len(names) - 1}, or -1 to {-len(names)} from behind"
            )
        layer = model.layers[cut]
    else:
        check_name(cut, names)
        layer = model.get_layer(cut)
    try:
        output = layer.output
    except (AttributeError, ValueError) as error:
        raise StemError(
            f"the model cannot be cut at layer {layer.name!r}, since it stands in "
            f"several places or in none: {error}"
        ) from error
    cut_model = keras.Model(model.inputs, output, name=model.name)
    check_one_output(output, f"layer {layer.name!r}")
    return cut_model


def _pooled(x: Any, pooling: Pooling) -> Any:
    shape = tuple(x.shape[1:])
    if len(shape) == 1:
        return x
    if pooling == "flatten":
        if None in shape:
            raise StemError(
                f"the stem puts out {shape}, whose size is not known, so it cannot be "
                "flattened; use pooling='average'"
            )
        return keras.layers.Flatten(name="flatten")(x)
    places = tuple(range(1, len(x.shape) - 1))
    if len(places) not in (1, 2, 3):
        raise StemError(f"the stem puts out {shape}, which cannot be pooled; flatten")
    kind = "Average" if pooling == "average" else "Max"
    layer = getattr(keras.layers, f"Global{kind}Pooling{len(places)}D")
    return layer(name="pooling")(x)


def _loaded(path: Path) -> keras.Model:
    """A model from a file; code that stands in the file is never run."""
    if not path.exists():
        raise StemError(f"there is no model file {path}")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise StemError(
            f"{path} cannot be read as a Keras model: {error}; save it with "
            "model.save('base.keras')"
        ) from error
