"""How fast networks are trained: Keras, a loop by hand, and the population engine.

    python benchmarks/population.py              some minutes
    python benchmarks/population.py --full       all sizes, half an hour or more
    python benchmarks/population.py --quick      whether it works; no figures to keep
    python benchmarks/population.py --check      whether all of them learn the same

Everything in the table was measured in this run, each row in a process of its own: the
same plans, data, epochs, batches, learning rate and seeds. Keras and the loop train a
sample, one network after another; their rows are scaled up from it and marked with *.
Cold is an empty folder for compiled programs, warm is the same folder in a second
process. Cores are those that this command may use: `taskset -c 1` makes it one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _comparison import Run, say, workload_rows
from _fresh_process import run_fresh
from _notes import notes
from _prototype import PROTOTYPE_FILE, prototype_row
from _rows import format_table
from _tables import Table, numeric_table, one_hot_table
from _workloads import WORKLOADS

MODERATE: Mapping[str, Sequence[int]] = {"ames": (7, 64, 256), "wide": (64,)}
FULL: Mapping[str, Sequence[int]] = {
    "ames": (7, 64, 256, 1000),
    "ames-drawn": (64, 256),
    "wide": (7, 64, 256, 1000),
}
QUICK: Mapping[str, Sequence[int]] = {"ames": (3,)}
QUICK_EPOCHS = 3
SAMPLE, QUICK_SAMPLE = 4, 1


def main() -> int:
    arguments = _arguments()
    if arguments.check:
        from _check import check

        return int(not check())
    machine = _machine(sorted(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(
            networks=_networks(arguments),
            n_sampled=arguments.sample or (QUICK_SAMPLE if arguments.quick else SAMPLE),
            epochs=QUICK_EPOCHS if arguments.quick else None,
            skip_keras=arguments.skip_keras,
            cores=sorted(os.sched_getaffinity(0)),
            folder=Path(folder),
        )
        tables = _save_tables(run)
        rates = _matrix_rates(run.cores)
        rows = [
            row for workload in run.networks for row in workload_rows(run, workload)
        ]
        if PROTOTYPE_FILE.exists() and not arguments.quick:
            say("prototype")
            rows.append(prototype_row(run.cores[-1:]))
    rate = max(rates.values())
    result = {
        "machine": machine,
        "matrix_gflop_per_second": rates,
        "workloads": {
            name: {"title": WORKLOADS[name].title, "table": str(tables[name])}
            for name in run.networks
        },
        "epochs": {
            name: run.epochs or WORKLOADS[name].training.epochs for name in run.networks
        },
        "rows": [row.as_json(rate) for row in rows],
    }
    print("\n".join(_head(result)))
    print(f"\n{format_table(rows, rate)}\n")
    print("\n".join(notes(rows)))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=1))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="all workloads and numbers")
    parser.add_argument("--quick", action="store_true", help="3 networks, 3 epochs")
    parser.add_argument("--check", action="store_true", help="compare curves, and end")
    parser.add_argument(
        "--settings", nargs="+", choices=WORKLOADS, help="what is trained"
    )
    parser.add_argument("--networks", nargs="+", type=int, help="how many, each time")
    parser.add_argument(
        "--sample", type=int, help=f"networks for Keras and the loop; {SAMPLE}"
    )
    parser.add_argument("--skip-keras", action="store_true")
    parser.add_argument("--json", metavar="FILE", help="write everything there, too")
    arguments = parser.parse_args()
    if min(arguments.networks or (1,)) < 1:
        parser.error("--networks must be 1 or more")
    if arguments.sample is not None and arguments.sample < 1:
        parser.error("--sample must be 1 or more")
    if not hasattr(os, "sched_setaffinity"):
        parser.error("needs Linux, which can keep a process on some of the cores")
    return arguments


def _networks(arguments: argparse.Namespace) -> dict[str, Sequence[int]]:
    chosen = QUICK if arguments.quick else FULL if arguments.full else MODERATE
    names = arguments.settings or [*chosen]
    return {
        name: sorted(arguments.networks or chosen.get(name) or [*chosen.values()][-1])
        for name in names
    }


def _save_tables(run: Run) -> dict[str, Table]:
    """Read once; what is measured reads arrays."""
    makers = {"numeric": numeric_table, "one-hot": one_hot_table}
    needed = {WORKLOADS[name].table for name in run.networks}
    tables = {table: makers[table]() for table in sorted(needed)}
    by_workload = {name: tables[WORKLOADS[name].table] for name in run.networks}
    for name, table in by_workload.items():
        table.save(run.table_file(name))
    return by_workload


def _matrix_rates(cores: Sequence[int]) -> dict[str, float]:
    """GFLOP/s of one core, by size of the matrices."""
    say("matrix rate")
    script = str(Path(__file__).with_name("_matrix_rate.py"))
    return dict(
        json.loads(run_fresh([sys.executable, script], cores=cores[-1:]).output)
    )


def _machine(cores: Sequence[int]) -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": len(cores),
        "python": platform.python_version(),
        "jax": version("jax"),
        "keras": version("keras"),
        "load before": round(os.getloadavg()[0], 2),
    }


def _head(result: Mapping[str, Any]) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    yield "matrix rate of one core, float32: " + ", ".join(
        f"{size} x {size}: {rate:.1f} GFLOP/s"
        for size, rate in result["matrix_gflop_per_second"].items()
    )
    for name, workload in result["workloads"].items():
        yield f"{name}: {workload['title']}; {result['epochs'][name]} epochs"
        yield f"  {workload['table']}"


if __name__ == "__main__":
    sys.exit(main())
