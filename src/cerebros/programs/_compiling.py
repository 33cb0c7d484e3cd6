"""From a function to a program for arguments of given shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cerebros.programs._cache_folder import use_cache_folder


def compiled_program(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    platform: str,
    *,
    donated: tuple[int, ...] | int = (),
) -> Any:
    """Compile a function, or take what JAX's cache on disk has of it.

    Args:
        function: of arrays.
        arguments: like those that it will be called with.
        platform: of the device.
        donated: numbers of arguments whose memory the program may use.
    """
    import jax

    use_cache_folder()
    traced = jax.jit(function, donate_argnums=donated)
    # Cores are shared out between programs, so that on a CPU each has one thread.
    options: Any = {"xla_cpu_multi_thread_eigen": False} if platform == "cpu" else None
    return traced.lower(*arguments).compile(compiler_options=options)
