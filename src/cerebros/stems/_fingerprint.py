"""What names the content of a stem: equal names, equal features."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from cerebros.stems._functions import FunctionStem, is_keras_model


def stem_fingerprint(stem: Any) -> str | None:
    """Thirty-two hexadecimal digits that name a stem; None for none.

    Of a Keras model they name layers, wires and weights; the names of layers, which
    Keras counts up within a process, mean nothing. Functions have no fingerprint, and
    neither has a transformer of a user's own class, or with a function of a user
    within: what such code does cannot be seen from outside. `FunctionStem.key` gives
    them one.
    """
    if stem is None:
        return None
    if isinstance(stem, FunctionStem):
        return None if stem.key is None else _hexadecimal(f"key {stem.key}".encode())
    if is_keras_model(stem):
        return _fingerprint_of_model(stem)
    return _fingerprint_of_transformer(stem)


def _hexadecimal(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


# --- Keras models ------------------------------------------------------------------


def _fingerprint_of_model(stem: Any) -> str:
    from cerebros.stems._layers import arrays_of

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


# --- Transformers ------------------------------------------------------------------


class _OwnCode(Exception):  # noqa: N818 (no error: a way out of a deep walk)
    """There is a function or class of a user within, whose body pickling passes by."""


class _Walk(pickle.Pickler):
    """Writes the state of an object, and stops at code. Nothing is ever loaded."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, (FunctionType, type)) and not _is_installed(thing):
            raise _OwnCode
        return NotImplemented


def _is_installed(thing: Any) -> bool:
    """Whether code is that of Python or of an installed package."""
    top = (thing.__module__ or "").partition(".")[0]
    if top != "__main__" and top in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def _fingerprint_of_transformer(stem: Any) -> str | None:
    content = io.BytesIO()
    try:
        _Walk(content, protocol=5).dump(stem)
    except (_OwnCode, pickle.PicklingError, TypeError, AttributeError):
        return None
    return _hexadecimal(content.getvalue())
