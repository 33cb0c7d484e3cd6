"""How long JAX traced and compiled, whoever asked it to."""

from __future__ import annotations

import time

EVENTS = "/jax/core/compile/"


class CompileWatch:
    """Notes when JAX traces, lowers or compiles in this process.

    Tracings nest and compilations may run side by side, so what counts is the time
    during which at least one of them went on. A program that comes from a cache on
    disk counts with the time that it takes to load.
    """

    def __init__(self) -> None:
        import jax

        self._intervals: list[tuple[float, float]] = []
        jax.monitoring.register_event_duration_secs_listener(self._note)

    def _note(self, event: str, seconds: float, **_: object) -> None:
        if event.startswith(EVENTS):
            now = time.monotonic()
            self._intervals.append((now - seconds, now))

    def seconds_between(self, start: float, end: float) -> float:
        """Seconds of compiling between two values of `time.monotonic()`."""
        total = 0.0
        for begin, until in sorted(self._intervals):
            until = min(until, end)
            total += max(0.0, until - max(begin, start))
            start = max(start, until)
        return total
