"""The folder of the user where compiled programs and features are kept."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "CEREBROS_CACHE_DIR"
"""Environment variable that names the folder; empty to keep nothing."""

CACHE_KINDS = {
    "programs": "compiled programs",
    "features": "features that stems computed",
}
"""What is kept, each in a folder of its own."""


def cache_folder(kind: str) -> Path | None:
    """Where something of a kind belongs, whether or not it exists; None for nowhere."""
    named = os.environ.get(CACHE_VARIABLE)
    if named == "":
        return None
    root = Path(named) if named else _user_cache() / "cerebros"
    return root / kind


def usable_cache_folder(kind: str) -> Path | None:
    """The folder of a kind, made if need be; None where nothing can be kept.

    A folder that cannot be written to is said so, with the way out.
    """
    folder = cache_folder(kind)
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        logger.warning(
            "%s are not kept: %s cannot be written to (%s); name another folder in %s",
            CACHE_KINDS[kind],
            folder,
            error.strerror or error,
            CACHE_VARIABLE,
        )
        return None
    return folder


def _user_cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else Path.home() / ".cache"
