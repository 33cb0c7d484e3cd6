"""Compiled programs: made once, kept on disk for the next search."""

from __future__ import annotations

import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import jax

from cerebros.caches import usable_cache_folder
from cerebros.training.population._segment import Recipe, make_segment

_LARGEST_CACHE = 500 * 2**20

_programs: dict[Any, Any] = {}
_locks: dict[Any, threading.Lock] = {}
_guard = threading.Lock()


def compiled(recipe: Recipe, arguments: tuple[Any, ...]) -> tuple[Any, float]:
    """The program of a recipe for arguments of these shapes, compiled at most once.

    Args:
        recipe: what is compiled.
        arguments: of the program.

    Returns:
        The program, and the seconds that were spent in making it; 0 if it was there,
        or another worker made it.
    """
    shapes = jax.tree.map(lambda x: (jax.typeof(x).str_short(),), arguments)
    key = (recipe, str(shapes))
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        if key in _programs:
            return _programs[key], 0.0
        begun = time.monotonic()
        use_cache_folder()
        lowered = jax.jit(make_segment(recipe), donate_argnums=0).lower(*arguments)
        _programs[key] = lowered.compile(compiler_options=_options())
        return _programs[key], time.monotonic() - begun


def forget_programs() -> None:
    """Free all compiled programs."""
    with _guard:
        _programs.clear()
        _locks.clear()


def _options() -> dict[str, Any] | None:
    """One thread for each program on the CPU: cores are shared out between chunks."""
    if jax.default_backend() != "cpu":
        return None
    return {"xla_cpu_multi_thread_eigen": False}


@cache
def use_cache_folder() -> Path | None:
    """Let JAX keep compiled programs in a folder of the user, unless it has one.

    The folder is limited in size, and may be shared by processes.
    """
    if given := jax.config.values.get("jax_compilation_cache_dir"):
        return Path(given)
    folder = usable_cache_folder("programs")
    if folder is None:
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", _LARGEST_CACHE)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder
