"""Loading JAX and Keras, which must not be interrupted halfway."""

from __future__ import annotations

import signal
import threading
from importlib import import_module
from types import FrameType


def load_whole(package: str) -> None:
    """Import a package; an interrupt waits until that is done.

    An exception in the middle of loading their compiled parts ends the process with a
    segmentation fault.

    Args:
        package: `jax`, or `keras` with its backend.

    Raises:
        KeyboardInterrupt: if it was asked for meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        import_module(package)
        return
    asked_for = threading.Event()

    def remember(_signal: int, _frame: FrameType | None) -> None:
        asked_for.set()

    before = signal.signal(signal.SIGINT, remember)
    try:
        import_module(package)
    finally:
        signal.signal(signal.SIGINT, before)
    if asked_for.is_set():
        raise KeyboardInterrupt
