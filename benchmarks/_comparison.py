"""Every way to train the networks of a workload, measured one after the other."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from _fresh_process import BenchmarkError
from _measurement import Measurement, Request, measure
from _rows import Row
from _sample import scaled, spread_sample
from _tables import Table
from _useful_work import useful_flop
from _workloads import WORKLOADS, context_of, tasks_of

from cerebros.training import TrainingTask

MOST_ON_ONE_CORE = 256
"""The largest number of networks that is also measured on one core."""
Samples: TypeAlias = dict[str, Measurement | str]
"""What each trainer of a sample measured, or what went wrong in words."""
ONE_BY_ONE = {"keras": "Keras, one by one", "loop": "epoch loop, one by one"}


@dataclass(frozen=True)
class Run:
    """What is measured, where.

    Attributes:
        networks: for each workload the numbers of networks.
        n_sampled: networks that Keras and the loop train.
        epochs: instead of the workload's own, or None.
        skip_keras: whether Keras is left out.
        cores: numbers of the cores that may be used.
        folder: for tables and caches.
    """

    networks: Mapping[str, Sequence[int]]
    n_sampled: int
    epochs: int | None
    skip_keras: bool
    cores: Sequence[int]
    folder: Path

    def table_file(self, workload: str) -> Path:
        return self.folder / f"{WORKLOADS[workload].table}.npz"

    def request(self, trainer: str, workload: str, numbers: Sequence[int]) -> Request:
        table = str(self.table_file(workload))
        return Request(trainer, workload, table, tuple(numbers), self.epochs)


def workload_rows(run: Run, workload: str) -> Iterator[Row]:
    """All rows of a workload, by number of networks."""
    numbers = run.networks[workload]
    table = Table.load(run.table_file(workload))
    context = context_of(WORKLOADS[workload], table, epochs=run.epochs)
    tasks = tasks_of(WORKLOADS[workload], table.x.shape[1], range(max(numbers)))
    flop = [useful_flop(task.plan, context) for task in tasks]
    samples = _samples(run, workload, tasks)
    on_one_core = max((n for n in numbers if n <= MOST_ON_ONE_CORE), default=None)
    for n in numbers:
        rows = [*_scaled_rows(run, workload, tasks[:n], samples)]
        keras = next((r.seconds for r in rows if r.what == ONE_BY_ONE["keras"]), None)
        rows += _engine_rows(run, workload, n, run.cores)
        if n == on_one_core and len(run.cores) > 1:
            rows += _engine_rows(run, workload, n, run.cores[-1:])
        for row in rows:
            yield replace(row, useful_flop=sum(flop[:n]), keras_seconds=keras)


def _samples(run: Run, workload: str, tasks: Sequence[TrainingTask]) -> Samples:
    """Keras and the loop, each on the same few networks of the largest number."""
    numbers = [task.number for task in spread_sample(tasks, run.n_sampled)]
    samples: Samples = {}
    for trainer in ONE_BY_ONE:
        if trainer == "keras" and run.skip_keras:
            continue
        say(f"{workload}: {trainer}, networks {', '.join(map(str, numbers))}")
        request = run.request(trainer, workload, numbers)
        try:
            samples[trainer] = measure(replace(request, warm_up=True), cores=run.cores)
        except BenchmarkError as error:
            samples[trainer] = str(error)
    return samples


def _scaled_rows(
    run: Run, workload: str, tasks: Sequence[TrainingTask], samples: Samples
) -> Iterator[Row]:
    for trainer, sample in samples.items():
        row = Row(workload, len(tasks), ONE_BY_ONE[trainer], n_cores=len(run.cores))
        if isinstance(sample, str):
            yield row.failed(sample)
            continue
        row = row.measured(scaled(sample, tasks))
        yield replace(row, n_sampled=len(sample.networks))


def _engine_rows(
    run: Run, workload: str, n: int, cores: Sequence[int]
) -> Iterator[Row]:
    """Cold, then warm; nothing more once it failed."""
    request = run.request("engine", workload, range(n))
    with tempfile.TemporaryDirectory(dir=run.folder) as cache:
        for state in ("cold", "warm"):
            say(f"{workload}: engine, {n} networks, {len(cores)} cores, {state}")
            row = Row(workload, n, f"engine, {state}", n_cores=len(cores))
            try:
                yield row.measured(measure(request, cores=cores, cache=Path(cache)))
            except BenchmarkError as error:
                yield row.failed(str(error))
                return


def say(words: str) -> None:
    print(f"  ... {words}", file=sys.stderr, flush=True)
