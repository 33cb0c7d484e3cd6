"""Compiled programs that are at hand: few, so that memory does not grow."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from cerebros.programs._memory import release_memory


@dataclass(eq=False)
class _Place:
    """Where a program is or will be; whoever makes it holds the lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    program: Any = None


class Programs:
    """Programs by what they are compiled for; those used last, so many at most.

    What is dropped is compiled again when it is needed, quickly where JAX's cache on
    disk has it.
    """

    def __init__(self, most: int) -> None:
        """Keep `most` programs."""
        self._most = most
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()
        self._guard = threading.Lock()
        _all.add(self)

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: Hashable, make: Callable[[], Any]) -> tuple[Any, float]:
        """The program of a key, made unless it is there.

        Threads that ask for the same one wait for the first.

        Returns:
            The program, and the seconds that were spent in waiting for it.
        """
        begun = time.monotonic()
        place, is_one_dropped = self._place(key)
        if is_one_dropped:
            release_memory()
        with place.lock:
            if place.program is None:
                place.program = make()
            return place.program, time.monotonic() - begun

    def _place(self, key: Hashable) -> tuple[_Place, bool]:
        with self._guard:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            is_full = len(self._places) > self._most
            if is_full:
                self._places.popitem(last=False)
            return place, is_full

    def forget(self) -> None:
        """Drop all."""
        with self._guard:
            self._places.clear()


_all: WeakSet[Programs] = WeakSet()


def forget_programs() -> None:
    """Free all compiled programs."""
    for programs in list(_all):
        programs.forget()
    release_memory()
