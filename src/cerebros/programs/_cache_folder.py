"""The folder in which JAX keeps compiled programs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cerebros.caches import usable_cache_folder

_LARGEST_CACHE = 500 * 2**20


@cache
def use_cache_folder() -> Path | None:
    """Let JAX keep compiled programs in a folder of the user, unless it has one.

    The folder is limited in size, and may be shared by processes.
    """
    import jax

    config: Any = jax.config
    if given := config.values.get("jax_compilation_cache_dir"):
        return Path(given)
    folder = usable_cache_folder("programs")
    if folder is None:
        return None
    config.update("jax_compilation_cache_dir", str(folder))
    config.update("jax_compilation_cache_max_size", _LARGEST_CACHE)
    config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
