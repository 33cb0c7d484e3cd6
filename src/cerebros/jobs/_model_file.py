"""Keras models as files, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cerebros.errors import StoreError

if TYPE_CHECKING:
    import keras


def save_model(model: keras.Model, path: Path) -> Path:
    """Write a model; its folder is made, and a file of that name is replaced.

    Raises:
        StoreError: if it cannot be written.
    """
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(unfinished)
        unfinished.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"{path} cannot be written ({reason})") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path
