"""Where trainings that take long keep their state between segments."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as from_safetensors
from safetensors.numpy import save as to_safetensors

from cerebros.errors import StoreError
from cerebros.search.stores._files import write_whole

logger = logging.getLogger(__name__)

Arrays = dict[str, npt.NDArray[Any]]
_SUFFIX = ".safetensors"


class MemoryCheckpoints:
    """Keeps states in memory, where they outlive an interrupt but not the process."""

    def __init__(self) -> None:
        self._kept: dict[str, Arrays] = {}

    def read(self, key: str) -> Arrays | None:
        kept = self._kept.get(key)
        return None if kept is None else {k: array.copy() for k, array in kept.items()}

    def write(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._kept[key] = {name: np.array(array) for name, array in arrays.items()}

    def remove(self, key: str) -> None:
        self._kept.pop(key, None)

    def keep_only(self, keys: set[str]) -> None:
        self._kept = {k: arrays for k, arrays in self._kept.items() if k in keys}


class FileCheckpoints:
    """Keeps states as files, each written whole or not at all.

    Args:
        folder: a local path, or an address that fsspec knows.
    """

    def __init__(self, folder: str) -> None:
        self._files, self._folder = fsspec.core.url_to_fs(folder)
        self._has_failed = False

    def read(self, key: str) -> Arrays | None:
        try:
            found = from_safetensors(self._files.cat_file(self._path(key)))
            return {name.partition(":")[2]: found[name] for name in sorted(found)}
        except FileNotFoundError:
            return None
        except Exception as error:
            logger.warning(
                "the checkpoint %s is damaged (%s); its networks begin anew", key, error
            )
            return None

    def write(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        in_order = {  # numbered, because safetensors does not keep the order of names
            f"{i:06d}:{name}": np.asarray(array, order="C")
            for i, (name, array) in enumerate(arrays.items())
        }
        try:
            write_whole(self._files, self._path(key), to_safetensors(in_order))
        except StoreError as error:
            if not self._has_failed:
                logger.warning("work goes on without checkpoints: %s", error)
            self._has_failed = True

    def remove(self, key: str) -> None:
        self._remove(self._path(key))

    def keep_only(self, keys: set[str]) -> None:
        kept = {self._path(key) for key in keys}
        try:
            self._files.invalidate_cache(self._folder)
            if not self._files.exists(self._folder):
                return
            listed = self._files.ls(self._folder, detail=False)
        except OSError:
            return
        for path in listed:
            name = path.rpartition("/")[2]
            is_ours = name.endswith((_SUFFIX, f"{_SUFFIX}.part"))
            if is_ours and f"{self._folder}/{name}" not in kept:
                self._remove(path)
        if not kept:
            with suppress(OSError):  # something else is in it
                self._files.rmdir(self._folder)

    def _remove(self, path: str) -> None:
        with suppress(OSError):  # it is not there, or found again by the next search
            self._files.rm_file(path)

    def _path(self, key: str) -> str:
        return f"{self._folder}/{key}{_SUFFIX}"
