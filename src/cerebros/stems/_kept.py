"""Features on disk: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.caches import usable_cache_folder

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]
Batches = Iterable[Array]
"""Rows of features, float32, in order."""


class KeptFeatures:
    """Features that are computed once, and found again under a key.

    Args:
        key: names stem and rows; None if that cannot be done, so nothing is kept.
        name: of the stem, for messages.
    """

    def __init__(self, key: str | None, name: str) -> None:
        folder = None if key is None else usable_cache_folder("features")
        self._path = None if folder is None else folder / f"{key}.npy"
        self._name = name

    def stored(self) -> Array | None:
        """Features that were kept; None if there are none, or they are damaged."""
        path = self._path
        if path is None or not path.exists():
            return None
        try:
            about = json.loads(path.with_suffix(".json").read_text())
            features: Array = np.load(path, mmap_mode="r", allow_pickle=False)
            digest = hashlib.sha256(features.data).hexdigest()
            if about["sha256"] == digest and about["shape"] == list(features.shape):
                return features
            problem = "its content is not what was written"
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            problem = str(error)
        logger.warning("%s is damaged (%s) and computed anew", path, problem)
        return None

    def keep(self, batches: Batches, shape: tuple[int, int]) -> Array:
        """Compute features batch by batch, and put them where they are found again.

        Args:
            batches: computes them.
            shape: of all of them together.
        """
        if self._path is not None:
            try:
                return self._written(batches, shape, self._path)
            except OSError as error:
                logger.warning(
                    "features are not kept: %s cannot be written (%s)",
                    self._path,
                    error.strerror or error,
                )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "features.npy"
            _write(batches, shape, path)
            features: Array = np.load(path, allow_pickle=False)
        return features

    def _written(self, batches: Batches, shape: tuple[int, int], path: Path) -> Array:
        """Whole or not at all.

        Raises:
            OSError: if they cannot be written.
        """
        beside = path.with_suffix(".json")
        unfinished = {
            p: p.with_name(f".{p.name}.{os.getpid()}") for p in (beside, path)
        }
        try:
            digest = _write(batches, shape, unfinished[path])
            about = {"stem": self._name, "shape": shape, "sha256": digest}
            unfinished[beside].write_text(json.dumps(about))
            for finished, temporary in unfinished.items():  # the features last
                os.replace(temporary, finished)
        finally:
            for temporary in unfinished.values():
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
        features: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        size = features.nbytes / 2**20
        logger.info("features of %s: %.1f MiB in %s", self._name, size, path)
        return features


def _write(batches: Batches, shape: tuple[int, int], path: Path) -> str:
    """Write a NumPy file of which only a batch is in memory, and return its SHA-256."""
    digest = hashlib.sha256()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for batch in batches:
            content = np.ascontiguousarray(batch, "<f4").data
            digest.update(content)
            file.write(content)
    return digest.hexdigest()
