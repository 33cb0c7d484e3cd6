"""The folder of the user where compiled programs and features are kept."""

from __future__ import annotations

import logging
import os
import tempfile
from functools import cache
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
    if named:
        return Path(named) / kind
    user = _user_cache()
    return None if user is None else user / "cerebros" / kind


def usable_cache_folder(kind: str) -> Path | None:
    """The folder of a kind, made if need be; None where nothing can be kept.

    Where there is none, or it cannot be written to, that is said once, with the way
    out.
    """
    folder = cache_folder(kind)
    if folder is None:
        if os.environ.get(CACHE_VARIABLE) != "":
            _say_once(kind, "this user has no home folder")
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        _say_once(kind, f"{folder} cannot be written to ({error.strerror or error})")
        return None
    return folder


@cache
def _say_once(kind: str, why: str) -> None:
    logger.warning(
        "%s are not kept: %s; name another folder in %s, or set it empty",
        CACHE_KINDS[kind],
        why,
        CACHE_VARIABLE,
    )


def _user_cache() -> Path | None:
    if named := os.environ.get("XDG_CACHE_HOME"):
        return Path(named)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # neither HOME nor an entry among the users, as in containers
        return None
