"""JAX in processes that were forked from one that used it."""

from __future__ import annotations

import os
import sys

from cerebros.errors import ForkError

_used_by: int | None = None  # the process that was the first to compute with JAX
_forked_from: int | None = None  # the same, where this one is a copy of it


def check_not_forked(what: str) -> None:
    """Say so if JAX would wait for ever for threads that only the parent has.

    Otherwise remember that this process uses JAX from now on.

    Args:
        what: is to be done, for the error.

    Raises:
        ForkError: in a copy of a process that had used JAX.
    """
    global _used_by
    if _forked_from is not None:
        raise ForkError(
            f"{what} needs JAX, but this process {os.getpid()} was forked from "
            f"process {_forked_from}, which had used JAX already, and its threads are "
            'not copied; start processes with multiprocessing.get_context("spawn"), '
            "or with joblib's usual backend, or use JAX in the children alone. "
            "Predicting needs no JAX"
        )
    if _used_by is None:
        _used_by = os.getpid()


def _after_fork_in_child() -> None:
    global _used_by, _forked_from
    if _forked_from is None and (_used_by is not None or _has_backends()):
        _forked_from = _used_by or os.getppid()
    _used_by = None


def _has_backends() -> bool:
    """Whether JAX was used at all, by whomever.

    JAX has a function that tells, but it takes a lock, which may have been held when
    the process was forked.
    """
    return bool(getattr(sys.modules.get("jax._src.xla_bridge"), "_backends", None))


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
