"""Weights as files, each written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem
from safetensors.numpy import load as from_safetensors
from safetensors.numpy import save as to_safetensors

from cerebros.errors import StoreError
from cerebros.lowering import Weights

_SUFFIX = ".safetensors"
_OURS = re.compile(r"trial_\d+\.safetensors(\.part)?")


class WeightFiles:
    """A folder of weights, `trial_00007.safetensors` and so on.

    Args:
        folder: a local path, or an address that fsspec knows (`memory://…`).
    """

    def __init__(self, folder: str) -> None:
        self._files, self._folder = fsspec.core.url_to_fs(folder)

    def write(self, number: int, weights: Weights) -> str:
        """Write the weights of a trial, and return the name of the file.

        Raises:
            StoreError: if it cannot be written; no half file is left.
        """
        name = f"trial_{number:05d}{_SUFFIX}"
        # Safetensors writes an array's memory, whatever the order of its axes.
        in_order = {key: np.asarray(array, order="C") for key, array in weights.items()}
        write_whole(self._files, self._path(name), to_safetensors(in_order))
        return name

    def read(self, name: str) -> Weights:
        """Read weights.

        Raises:
            StoreError: if the file is missing or damaged.
        """
        path = self._path(name)
        try:
            return dict(from_safetensors(self._files.cat_file(path)))
        except FileNotFoundError:
            raise StoreError(f"the file {path} is missing") from None
        except Exception as error:
            raise StoreError(
                f"the file {path} is damaged ({error}); its trial can be trained again "
                "by searching in a new folder"
            ) from error

    def keep_only(self, names: Iterable[str]) -> None:
        """Remove every trial's file that is not named, half-written ones included.

        Raises:
            StoreError: if a file cannot be removed.
        """
        kept = set(names)
        try:
            for path in self._listed():
                name = path.rpartition("/")[2]
                if _OURS.fullmatch(name) and name not in kept:
                    self._files.rm_file(path)
        except OSError as error:
            raise StoreError(
                f"files in {self._folder} cannot be removed "
                f"({error.strerror or error}); nothing is lost, make rights and call "
                "again"
            ) from error

    def _listed(self) -> list[str]:
        self._files.invalidate_cache(self._folder)
        if not self._files.exists(self._folder):
            return []
        return list(self._files.ls(self._folder, detail=False))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"


def write_whole(files: fsspec.AbstractFileSystem, path: str, content: bytes) -> None:
    """Write a file under a temporary name, then rename it.

    Raises:
        StoreError: if it cannot be written.
    """
    temporary = f"{path}.part"
    try:
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        is_local = isinstance(files, LocalFileSystem)
        with files.open(temporary, "wb") as file:
            file.write(content)
            if is_local:
                file.flush()
                os.fsync(file.fileno())
        if is_local:
            os.replace(temporary, path)
        else:
            files.mv(temporary, path)
    except OSError as error:
        with suppress(OSError):
            files.rm_file(temporary)
        raise StoreError(
            f"{path} cannot be written ({error.strerror or error}); make room "
            "or rights and call again: what was finished is kept"
        ) from error


def write_file(path: str | Path, content: str | bytes) -> None:
    """Write a local file whole or not at all.

    Raises:
        StoreError: if it cannot be written.
    """
    if isinstance(content, str):  # half a character, which UTF-8 cannot hold, is named
        content = content.encode("utf-8", "backslashreplace")
    absolute = os.path.abspath(path)
    write_whole(fsspec.filesystem("file"), absolute, content)
