"""Settings of JAX under which programs mean the same, whatever a user has set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_OWN = {
    "enable_x64": False,
    "default_matmul_precision": None,
    "numpy_dtype_promotion": "standard",
    "numpy_rank_promotion": "allow",
    "default_prng_impl": "threefry2x32",
    "threefry_partitionable": True,
    "debug_nans": False,  # a training that diverges is an outcome, not an exception
    "debug_infs": False,
    "disable_jit": False,
    "transfer_guard": "allow",
}
"""Those that change numbers, or forbid what programs do; by names of `jax`."""


@contextmanager
def own_settings() -> Iterator[None]:
    """Compute under them, in this thread; what the user has set holds afterwards."""
    import jax

    with ExitStack() as stack:
        for name, value in _OWN.items():
            stack.enter_context(getattr(jax, name)(value))
        yield


def in_own_settings(function: Callable[P, T]) -> Callable[P, T]:
    """A function that computes under them."""

    @wraps(function)
    def computing(*args: P.args, **kwargs: P.kwargs) -> T:
        with own_settings():
            return function(*args, **kwargs)

    return computing


def each_in_own_settings(
    function: Callable[P, Iterator[T]],
) -> Callable[P, Iterator[T]]:
    """A generator that computes under them; whoever takes its items does not."""

    @wraps(function)
    def computing(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items: Any = function(*args, **kwargs)
        try:
            while True:
                with own_settings():
                    try:
                        item = next(items)
                    except StopIteration:
                        return
                yield item
        finally:
            items.close()

    return computing
