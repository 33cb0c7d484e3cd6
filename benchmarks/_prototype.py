"""The prototype that the engine started from, run as it is, for orientation."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from _fresh_process import BenchmarkError, run_fresh
from _rows import Row

PROTOTYPE_FILE = Path(__file__).parents[2] / "shared/prototypes/population_fast.py"
N_NETWORKS = 128
_FIGURES = re.compile(
    r"compile (?P<compile>[\d.]+) s, run (?P<run>[\d.]+) s, .*"
    r"padded/useful (?P<padding>[\d.]+), "
)


def prototype_row(cores: Sequence[int]) -> Row:
    """128 networks of its own wiring, on its own standardized Ames table."""
    row = Row("prototype", N_NETWORKS, "population_fast.py", n_cores=len(cores))
    try:
        run = run_fresh([sys.executable, str(PROTOTYPE_FILE), "128"], cores=cores)
    except BenchmarkError as error:
        return row.failed(str(error))
    figures = _FIGURES.search(run.output)
    if figures is None:
        return row.failed("what it printed is not understood")
    compile_seconds, training_seconds = float(figures["compile"]), float(figures["run"])
    return row.timed(
        seconds=run.seconds,
        # It does not say how long imports take; packing is in what remains here.
        import_seconds=run.seconds - compile_seconds - training_seconds,
        preparation_seconds=0.0,
        compile_seconds=compile_seconds,
        cpu_share=run.cpu_share(len(cores)),
        peak_bytes=run.peak_bytes,
        idle_share=1 - 1 / float(figures["padding"]),
    )
