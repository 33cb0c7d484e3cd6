"""Commands in processes of their own, on chosen cores, with time and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STARTED = "BENCHMARK_STARTED"
"""Environment variable: `time.monotonic()` when the process was started."""

_CACHES = ("JAX_COMPILATION_CACHE_DIR", "CEREBROS_CACHE_DIR")


class BenchmarkError(RuntimeError):
    """A measured process did not end well."""


@dataclass(frozen=True)
class FreshRun:
    """What came of a process.

    Attributes:
        output: what it printed.
        seconds: from its start to its end.
        cpu_seconds: that it and its own processes really computed.
        peak_bytes: most memory that it, or the largest of its own processes, held.
    """

    output: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    def cpu_share(self, n_cores: int) -> float:
        """Share of the cores' time that was used; low if others computed there, too."""
        return self.cpu_seconds / (self.seconds * n_cores)


def run_fresh(
    command: Sequence[str],
    *,
    cores: Sequence[int],
    environment: Mapping[str, str] | None = None,
) -> FreshRun:
    """Run a command on these cores, without any cache but those it is told of.

    Raises:
        BenchmarkError: if it ends with another code than 0, with its last words.
    """
    inherited = {key: v for key, v in os.environ.items() if key not in _CACHES}
    with tempfile.TemporaryFile("w+") as words, tempfile.TemporaryFile("w+") as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            stdout=words,
            stderr=errors,
            env={**inherited, **(environment or {}), STARTED: str(start)},
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        words.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            last_words = errors.read().strip().splitlines()[-1:] or ["it said nothing"]
            raise BenchmarkError(f"exit code {process.returncode}: {last_words[0]}")
        return FreshRun(
            words.read(),
            seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * 1024,
        )


def seconds_since_start() -> float:
    """Seconds since this process was started by `run_fresh`."""
    return time.monotonic() - float(os.environ[STARTED])
