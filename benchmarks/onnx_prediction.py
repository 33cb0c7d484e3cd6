"""How fast ONNX files answer, beside the same ensemble in NumPy.

python benchmarks/onnx_prediction.py [--trials 10] [--folds 5] [--threads 2] [--json]

The table is scikit-learn's diabetes data, once as it is (ten columns of numbers), and
once with columns of text added: categories, and dates. Measured are the ensemble as it
is fitted, and `Predictor.smaller(20)`: one row at a time with one thread, and batches.
How well the networks answer plays no part, so they are trained for few epochs.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

os.environ.setdefault("KERAS_BACKEND", "jax")

from cerebros.estimators import CerebrosRegressor, PopulationSettings, Predictor
from cerebros.estimators.onnx_export import onnx_inputs, write_onnx

BATCHES = (100, 512, 4096)
SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="for batches")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    measured = []
    for name, (frame, target) in _tables().items():
        fitted = _fitted(frame, target, arguments.trials, arguments.folds)
        for predictor in (fitted, fitted.smaller(20)):
            result = _measure(predictor, frame, arguments.threads)
            measured.append({"table": name, **result})
            if not arguments.json:
                _show(measured[-1])
    if arguments.json:
        print(json.dumps(measured))


def _tables() -> dict[str, tuple[pd.DataFrame, pd.Series]]:
    from sklearn.datasets import load_diabetes

    frame, target = load_diabetes(return_X_y=True, as_frame=True)
    rng = np.random.default_rng(0)
    n = len(frame)
    more = {f"place {i}": rng.choice(list("abcdefgh"), n) for i in range(8)}
    day = np.datetime64("2020-01-01") + rng.integers(0, 900, n)
    return {
        "numbers": (frame, target),
        "mixed": (frame.assign(**more, day=day), target),
    }


def _fitted(
    frame: pd.DataFrame, target: pd.Series, n_trials: int, n_folds: int
) -> Predictor:
    settings = PopulationSettings(epochs=8, folds=n_folds)
    model = CerebrosRegressor(time_budget=None, n_trials=n_trials, population=settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(frame, target).predictor_


def _measure(
    predictor: Predictor, frame: pd.DataFrame, n_threads: int
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write_onnx(path, predictor)
        n_bytes = path.stat().st_size
        one, many = _session(path, 1), _session(path, n_threads)
    row = frame.iloc[:1]
    feed = onnx_inputs(predictor, row)
    result: dict[str, Any] = {
        "networks": sum(own.n_folds for own in predictor.networks),
        "features": predictor.encoding.n_features,
        "megabytes": n_bytes / 1e6,
        "onnx_one_row": _latency(lambda: one.run(None, feed)),
        "numpy_one_row": _latency(lambda: predictor.predict(row)),
        "onnx_rows_per_second": {},
        "numpy_rows_per_second": {},
    }
    for n_rows in BATCHES:
        rows = frame.sample(n_rows, replace=True, random_state=0)
        batch = onnx_inputs(predictor, rows)
        for key, answer in (
            ("onnx", lambda batch=batch: many.run(None, batch)),
            ("numpy", lambda rows=rows: predictor.predict(rows)),
        ):
            result[f"{key}_rows_per_second"][n_rows] = n_rows / min(_times(answer))
    return result


def _session(path: Path, n_threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )


def _latency(answer: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds."""
    times = 1e3 * np.array(_times(answer))
    return {
        "median": float(np.median(times)),
        "p99": float(np.percentile(times, 99)),
    }


def _times(answer: Callable[[], Any]) -> list[float]:
    """Seconds of each of many calls, the first few left out."""
    times = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or len(times) < 8:
        start = time.perf_counter()
        answer()
        times.append(time.perf_counter() - start)
    return times[3:]


def _show(result: dict[str, Any]) -> None:
    print(
        f"{result['table']}: {result['networks']} networks, "
        f"{'+'.join(map(str, result['features']))} features, "
        f"{result['megabytes']:.1f} MB"
    )
    for key in ("onnx", "numpy"):
        one, many = result[f"{key}_one_row"], result[f"{key}_rows_per_second"]
        rates = ", ".join(f"{rate:,.0f} in {n:,}" for n, rate in many.items())
        print(
            f"  {key:6} one row {one['median']:.2f} ms (p99 {one['p99']:.2f}); "
            f"rows/s: {rates}"
        )


if __name__ == "__main__":
    main()
