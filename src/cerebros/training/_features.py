"""What frozen stems make of the data: computed once, kept on disk, trained on as data.

A stem that is not trained gives the same features of a row in every trial and epoch. So
they are computed once, in batches, and networks are trained on them as on any other
table. They are kept under a key of stem and data; a changed stem, or a changed row, has
another key.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.training._cache_folder import usable_cache_folder
from cerebros.training._keras_model import arrays_of
from cerebros.training._task import TrainingContext

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]

_BATCH_BYTES = 16 * 2**20
_MOST_BATCH_ROWS = 64
_AUGMENTING = ("Random", "AugMix", "CutMix", "MixUp", "RandAugment", "GaussianNoise")


def behind_frozen_stems(context: TrainingContext) -> TrainingContext:
    """The context of trainings on what frozen stems make of the inputs.

    Stems that are trained, or that augment rows at random, stay as they are.

    Args:
        context: of the search; its stems are Keras models or None.

    Raises:
        DataError: if a stem gives numbers that are not finite.
    """
    if not context.stems:
        return context
    inputs, stems = list(context.data.inputs), list(context.stems)
    for i, stem in enumerate(context.stems):
        if stem is None or stem.trainable_weights:
            continue
        if layers := _augmenting_layers(stem):
            logger.warning(
                "features of input %d are not computed in advance, since %s of its "
                "stem change rows at random: every trial runs the stem in every epoch",
                i,
                ", ".join(layers),
            )
            continue
        inputs[i], stems[i] = features_of(stem, inputs[i]), None
        _check_finite(inputs[i], i)
    if stems == list(context.stems):
        return context
    is_left = any(stem is not None for stem in stems)
    # Names of columns were those of what went into the stems.
    data = replace(context.data, inputs=tuple(inputs), columns=())
    return replace(context, data=data, stems=stems if is_left else None)


def features_of(stem: keras.Model, rows: Array) -> Array:
    """What a stem makes of rows, as one row of features each.

    Args:
        stem: a model with one input and one output; it runs as in prediction.
        rows: `(row, …)`.

    Returns:
        `(row, feature)`, float32.
    """
    folder = usable_cache_folder("features")
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return _computed(stem, rows, Path(temporary) / "features.npy")
    path = folder / f"{_key(stem, rows)}.npy"
    if (known := _stored(path)) is not None:
        return known
    try:
        return _kept(stem, rows, path)
    except OSError as error:
        logger.warning(
            "features are not kept: %s cannot be written (%s)",
            path,
            error.strerror or error,
        )
    with tempfile.TemporaryDirectory() as temporary:
        return _computed(stem, rows, Path(temporary) / "features.npy")


def _kept(stem: keras.Model, rows: Array, path: Path) -> Array:
    """Compute features, and put them where they are found again; whole or not at all.

    Raises:
        OSError: if they cannot be written.
    """
    beside = path.with_suffix(".json")
    unfinished = {p: p.with_name(f".{p.name}.{os.getpid()}") for p in (beside, path)}
    try:
        features = _computed(stem, rows, unfinished[path])
        digest = hashlib.sha256(features.data).hexdigest()
        about = {"stem": stem.name, "shape": features.shape, "sha256": digest}
        unfinished[beside].write_text(json.dumps(about))
        for finished, temporary in unfinished.items():  # the features last
            os.replace(temporary, finished)
    finally:
        for temporary in unfinished.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    size = features.nbytes / 2**20
    logger.info("features of %s: %.1f MiB in %s", stem.name, size, path)
    return features


def _stored(path: Path) -> Array | None:
    """Features that were kept; None if there are none, or they are damaged."""
    if not path.exists():
        return None
    try:
        about = json.loads(path.with_suffix(".json").read_text())
        features: Array = np.load(path, allow_pickle=False)
        digest = hashlib.sha256(features.data).hexdigest()
        if about["sha256"] == digest and about["shape"] == list(features.shape):
            return features
        problem = "its content is not what was written"
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        problem = str(error)
    logger.warning("%s is damaged (%s) and computed anew", path, problem)
    return None


def _computed(stem: keras.Model, rows: Array, path: Path) -> Array:
    """Run a stem over all rows, batch by batch, into a file."""
    width = math.prod(stem.output_shape[1:])
    file = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float32, shape=(len(rows), width)
    )
    for start, batch, n in _batches(rows):
        found = keras.ops.convert_to_numpy(stem.predict_on_batch(batch))[:n]
        file[start : start + n] = found.reshape(n, width)
    file.flush()
    del file
    features: Array = np.load(path, allow_pickle=False)
    return features


def _batches(rows: Array) -> Iterator[tuple[int, Array, int]]:
    """First row, rows, and how many are meant; all of one shape, for one program."""
    bytes_of_row = max(1, rows[:1].nbytes)
    size = max(1, min(len(rows), _MOST_BATCH_ROWS, _BATCH_BYTES // bytes_of_row))
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        n = len(batch)
        if n < size:
            batch = np.concatenate([batch, np.repeat(batch[-1:], size - n, axis=0)])
        yield start, batch, n


def _key(stem: keras.Model, rows: Array) -> str:
    """Names stem and rows; equal for equal computations."""
    versions = f"{keras.__version__} {keras.backend.backend()}"
    digest = hashlib.sha256(f"{versions} {stem_fingerprint(stem)}".encode())
    digest.update(f"{rows.dtype.str}{rows.shape}".encode())
    for start in range(0, len(rows), 1024):
        digest.update(np.ascontiguousarray(rows[start : start + 1024]).data)
    return digest.hexdigest()[:32]


def stem_fingerprint(stem: keras.Model) -> str:
    """Thirty-two hexadecimal digits that name layers, wires and weights of a stem.

    The names of layers, which Keras counts up within a process, mean nothing.
    """
    config = json.loads(stem.to_json())
    numbers = {name: f"#{i}" for i, name in enumerate(dict.fromkeys(_names(config)))}
    config = _renamed(config, numbers)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for array in arrays_of(stem):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


def _names(config: Any) -> Iterator[str]:
    """What is called by a name in a configuration, in order."""
    if isinstance(config, dict):
        if isinstance(config.get("name"), str):
            yield config["name"]
        for value in config.values():
            yield from _names(value)
    elif isinstance(config, list):
        for value in config:
            yield from _names(value)


def _renamed(config: Any, names: Mapping[str, str]) -> Any:
    """A configuration with other names, wherever these stand."""
    if isinstance(config, dict):
        return {key: _renamed(value, names) for key, value in config.items()}
    if isinstance(config, list):
        return [_renamed(value, names) for value in config]
    return names.get(config, config) if isinstance(config, str) else config


def _all_layers(model: Any) -> Iterator[Any]:
    """Layers of a model, those of models within it included."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _all_layers(layer)


def _augmenting_layers(stem: Any) -> list[str]:
    """Names of layers that change rows at random."""
    return [
        layer.name
        for layer in _all_layers(stem)
        if type(layer).__name__.startswith(_AUGMENTING)
    ]


def _check_finite(features: Array, i: int) -> None:
    is_finite = np.isfinite(features).all(axis=1)
    if not is_finite.all():
        raise DataError(
            f"the stem of input {i} gives numbers that are missing or infinite for "
            f"{int((~is_finite).sum())} of {len(features)} rows, first for row "
            f"{int(np.argmin(is_finite))}; check the range of the values that it reads"
        )
