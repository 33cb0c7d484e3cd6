"""Layers of Keras models: which there are, which are trained, copies of all."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

import keras
import numpy as np

from cerebros.errors import StemError

Thaw: TypeAlias = Literal["all", "last_convolution"] | int | Sequence[str]
"""Which layers are trained: all, the last that convolves, the last n, or by name."""

_AUGMENTING = ("Random", "AugMix", "CutMix", "MixUp", "RandAugment", "GaussianNoise")
_CONVOLUTIONS = ("Conv", "DepthwiseConv", "SeparableConv")


def all_layers(model: Any) -> Iterator[Any]:
    """Layers in the order of the model, those of models within it in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
        else:
            yield layer


def arrays_of(model: Any) -> list[Any]:
    """Copies of all weights of a model or layer, in Keras's order."""
    return [np.array(keras.ops.convert_to_numpy(w.value)) for w in model.weights]


def augmenting_layers(model: Any) -> list[str]:
    """Names of layers that change rows at random, also when the model is frozen."""
    return [
        layer.name
        for layer in all_layers(model)
        if type(layer).__name__.startswith(_AUGMENTING)
    ]


def copy_of(model: keras.Model) -> keras.Model:
    """A model with the same layers, weights and frozen layers, and nothing in common.

    Raises:
        StemError: if Keras cannot copy a layer.
    """
    try:
        with _random_left_alone():
            copy = keras.models.clone_model(model)
        copy.set_weights(arrays_of(model))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise StemError(
            f"the model {model.name!r} cannot be copied, so nothing of it can be "
            f"frozen or thawed without changing yours: {error}; give its layers a "
            "get_config()"
        ) from error
    _train_only(copy, (layer.trainable for layer in all_layers(model)))
    copy.name = model.name
    return copy


def frozen(model: keras.Model) -> keras.Model:
    """A copy that training does not change."""
    copy = copy_of(model)
    copy.trainable = False
    return copy


def thawed(stem: keras.Model, which: Thaw) -> keras.Model:
    """A copy of a stem of which chosen layers are trained, and all others are not.

    Batch normalization stays frozen, moving averages included, unless it is named:
    the few rows of a fine-tuning are no match for those that it was trained on.

    Args:
        stem: any Keras model; it is not changed.
        which: `"all"` layers; the `"last_convolution"`; the last `n` that have
            weights; or names of layers, also of such within models within the stem.

    Raises:
        StemError: if there is no such layer; the message names those that there are.

    Example:
        >>> import keras
        >>> stem = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> [len(thawed(stem, which).trainable_weights) for which in ("all", 1)]
        [2, 2]
    """
    copy = copy_of(stem)
    layers = [*all_layers(copy)]
    chosen = _chosen(layers, which)
    _train_only(copy, (id(layer) in chosen for layer in layers))
    for layer in layers:
        if id(layer) in chosen and not _is_batch_normalization(layer):
            for part in layer._flatten_layers():
                if _is_batch_normalization(part):
                    part.trainable = False
    return copy


def _chosen(layers: Sequence[Any], which: Thaw) -> set[int]:
    """Identities of the layers that are meant."""
    usual = [x for x in layers if x.weights and not _is_batch_normalization(x)]
    if which == "all":
        found = usual
    elif which == "last_convolution":
        found = [x for x in usual if type(x).__name__.startswith(_CONVOLUTIONS)][-1:]
    elif isinstance(which, int) and not isinstance(which, bool) and which > 0:
        found = usual[-which:]
    elif isinstance(which, (list, tuple)) and all(isinstance(x, str) for x in which):
        found = [x for x in layers if x.name in which]
        names = [x.name for x in layers]
        for name in which:
            check_name(name, names)
    else:
        raise StemError(
            "layers must be 'all', 'last_convolution', a number of layers >= 1 or a "
            f"list of names, but got {which!r}"
        )
    if not found:
        kinds = sorted({type(x).__name__ for x in layers})
        raise StemError(
            f"the stem has no layer to train for layers={which!r}; its layers are of "
            f"the kinds {', '.join(kinds)}"
        )
    return {id(layer) for layer in found}


def check_name(name: str, names: Sequence[str]) -> None:
    """Make sure that a layer exists.

    Raises:
        StemError: with the nearest name.
    """
    if name in names:
        return
    close = get_close_matches(name, names, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    shown = ", ".join(names[-10:])
    raise StemError(f"the stem has no layer {name!r}{guess} (the last are {shown})")


def _train_only(model: Any, flags: Any) -> None:
    """Set for each layer whether it is trained; a model holds no layer back."""
    layers = [*all_layers(model)]
    model.trainable = True  # reaches models within
    for layer, is_trained in zip(layers, flags, strict=True):
        layer.trainable = is_trained


def _is_batch_normalization(layer: Any) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


@contextmanager
def _random_left_alone() -> Iterator[None]:
    """Keras asks Python's own generator for seeds, even if it will not need them."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
