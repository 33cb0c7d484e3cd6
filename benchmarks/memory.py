"""Whether a search of many trials stays as small as a search of a few.

python benchmarks/memory.py [--trials 200] [--json]

Trains differently wired networks one after another in one process. Prints the memory
after trial 20 and after the last one, and ends with 1 if that is 10 % more.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sklearn.datasets import load_diabetes

from cerebros.search import Trial, search_networks
from cerebros.spaces import RandomWiring
from cerebros.training import Problem, TrainingContext, TrainingSettings

EARLY = 20
LARGEST_RATIO = 1.10


class MemoryWatch:
    """Notes the memory of the process after every trial."""

    def __init__(self) -> None:
        self.mebibytes: list[float] = []

    @contextmanager
    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> Iterator[None]:
        yield

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        pass

    def trial(self, trial: Trial) -> None:
        gc.collect()
        self.mebibytes.append(resident_mebibytes())
        if len(self.mebibytes) % 10 == 0:
            print(
                f"trial {len(self.mebibytes):4}  {self.mebibytes[-1]:7.1f} MiB",
                file=sys.stderr,
            )


def resident_mebibytes() -> float:
    """Memory of this process that is in RAM."""
    n_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return n_pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.trials <= EARLY:
        parser.error(f"--trials must be more than {EARLY}")
    if not Path("/proc/self/statm").exists():
        parser.error("needs Linux, which says in /proc how much memory a process has")

    watch, start = MemoryWatch(), time.monotonic()
    x, y = load_diabetes(return_X_y=True)
    with tempfile.TemporaryDirectory() as folder:
        search_networks(
            Problem.regression(x, y),
            space=RandomWiring(levels=(2, 4), units=(1, 3), neurons=(2, 16)),
            n_architectures=arguments.trials,
            training=TrainingSettings(epochs=arguments.epochs),
            out=folder,
            show=watch,
        )
    seconds = time.monotonic() - start
    early, late = watch.mebibytes[EARLY - 1], watch.mebibytes[-1]
    result = {
        f"mebibytes_after_trial_{EARLY}": round(early, 1),
        f"mebibytes_after_trial_{arguments.trials}": round(late, 1),
        "ratio": round(late / early, 4),
        "seconds": round(seconds, 1),
        "seconds_per_trial": round(seconds / arguments.trials, 2),
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:32} {value}")
    return int(late / early > LARGEST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
