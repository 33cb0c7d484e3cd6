"""Settings of JAX under which programs mean the same, whatever a user has set."""

from __future__ import annotations

import sys
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
    """Compute under them, in this thread; what the user has set holds afterwards.

    Keras, where it is loaded, has float32 for all that is not told otherwise.
    """
    import jax

    with ExitStack() as stack:
        if "keras" in sys.modules:
            stack.enter_context(_keras_in_float32())
        for name, value in _OWN.items():
            stack.enter_context(getattr(jax, name)(value))
        yield


@contextmanager
def _keras_in_float32() -> Iterator[None]:
    import keras

    usual, policy = keras.config.floatx(), keras.config.dtype_policy()
    if (usual, policy.name) == ("float32", "float32"):
        yield
        return
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_floatx(usual)
        keras.config.set_dtype_policy(policy)


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
