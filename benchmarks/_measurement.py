"""What one process measured of its training, and the script that measures it.

Run by `population.py`, which gives a `Request` and reads a `Measurement`, both JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from _fresh_process import run_fresh, seconds_since_start


@dataclass(frozen=True)
class Request:
    """What is to be trained, and how.

    Attributes:
        trainer: a name of `TRAINERS`.
        workload: a name of `WORKLOADS`.
        table: file of the data.
        numbers: of the trials.
        epochs: instead of the workload's own, or None.
        warm_up: whether a short training that does not count comes first.
    """

    trainer: str
    workload: str
    table: str
    numbers: Sequence[int]
    epochs: int | None = None
    warm_up: bool = False


@dataclass(frozen=True)
class TrainedNetwork:
    """One network; seconds mean something only where it was trained alone."""

    number: int
    n_units: int
    seconds: float
    compile_seconds: float
    score: float | None
    status: str


@dataclass(frozen=True)
class Measurement:
    """Where the time of a process went, a warm-up left out.

    Attributes:
        seconds: from the start of the process to the last outcome.
        import_seconds: until everything was imported, Python's own start included.
        preparation_seconds: after that, to read the data and to draw the plans.
        compile_seconds: in which JAX traced, lowered, compiled or read its cache.
        networks: one for each outcome.
        reported: figures of the engine's own report.
        cpu_share: share of its cores' time that the process used, to its very end.
        peak_bytes: most memory that the process held.
    """

    seconds: float
    import_seconds: float
    preparation_seconds: float
    compile_seconds: float
    networks: tuple[TrainedNetwork, ...]
    reported: dict[str, Any]
    cpu_share: float | None = None
    peak_bytes: int = 0

    @property
    def training_seconds(self) -> float:
        """What remains: packing, training, validating, reading weights back."""
        return (
            self.seconds
            - self.import_seconds
            - self.preparation_seconds
            - self.compile_seconds
        )


def measure(
    request: Request, *, cores: Sequence[int], cache: Path | None = None
) -> Measurement:
    """Train in a fresh process.

    Args:
        request: what to train.
        cores: numbers of the cores that the process may use.
        cache: folder of the engine's compiled programs.

    Raises:
        BenchmarkError: if the process failed.
    """
    run = run_fresh(
        [sys.executable, __file__, json.dumps(asdict(request))],
        cores=cores,
        environment={} if cache is None else {"CEREBROS_CACHE_DIR": str(cache)},
    )
    values = json.loads(run.output.splitlines()[-1])
    networks = tuple(TrainedNetwork(**network) for network in values.pop("networks"))
    values |= {
        "networks": networks,
        "cpu_share": run.cpu_share(len(cores)),
        "peak_bytes": run.peak_bytes,
    }
    return Measurement(**values)


def _measured(request: Request) -> Measurement:
    from _compile_watch import CompileWatch
    from _tables import Table
    from _trainers import TRAINERS, reported_figures
    from _workloads import WORKLOADS, context_of, one_epoch, tasks_of, warm_up_task

    train = TRAINERS[request.trainer]()
    watch = CompileWatch()
    imports = seconds_since_start()

    workload, table = WORKLOADS[request.workload], Table.load(Path(request.table))
    context = context_of(workload, table, epochs=request.epochs)
    tasks = tasks_of(workload, table.x.shape[1], request.numbers)
    preparation = seconds_since_start() - imports

    reported: dict[str, Any] = {}
    if request.warm_up:
        first = warm_up_task(table.x.shape[1])
        for _ in train([first], one_epoch(context), lambda report: None):
            pass
    start = before = time.monotonic()
    networks = []
    for task, outcome in train(
        tasks, context, lambda report: reported.update(reported_figures(report))
    ):
        now = time.monotonic()
        networks.append(
            TrainedNetwork(
                number=task.number,
                n_units=len(task.plan.units),
                seconds=now - before,
                compile_seconds=watch.seconds_between(before, now),
                score=outcome.score,
                status=outcome.status.name,
            )
        )
        before = now
    end = time.monotonic()
    return Measurement(
        seconds=imports + preparation + end - start,
        import_seconds=imports,
        preparation_seconds=preparation,
        compile_seconds=watch.seconds_between(start, end),
        networks=tuple(networks),
        reported=reported,
    )


if __name__ == "__main__":
    measurement = _measured(Request(**json.loads(sys.argv[1])))
    print(json.dumps(asdict(measurement), default=str))
