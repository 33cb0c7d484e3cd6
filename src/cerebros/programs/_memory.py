"""Memory that nobody needs any more."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from typing import Any


def release_memory() -> None:
    """Free dropped models and programs, and hand their memory back to the system.

    JAX keeps whatever it ever traced, some 13 MiB for each of our programs.
    """
    gc.collect()  # models and traced functions have cycles
    jax: Any = sys.modules.get("jax")
    if jax is not None:
        jax.clear_caches()
    _trim()


def _trim() -> None:
    """Hand what was freed back to the system.

    The C library of Linux keeps the memory in which programs were compiled, in pieces
    too small for the next one: twice as much after ten networks, and growing.
    """
    with suppress(OSError, AttributeError, TypeError):  # only there is it known
        ctypes.CDLL(None).malloc_trim(0)
