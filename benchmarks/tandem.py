"""Heads behind a frozen base, residual MLPs, memory of features, what transfer buys.

    python benchmarks/tandem.py             everything, half an hour
    python benchmarks/tandem.py --quick     whether it works; no figures to keep
    python benchmarks/tandem.py --parts heads residual memory accuracy

Everything that is printed was measured in this run; ratios are of one run. Times count
what a user waits for, compiling included; imports are left out on both sides. Cold is
an empty folder for programs and features; warm is the same call once more, in the same
process. Keras trains a sample one after another; rows that are scaled up from it are
marked with *, and say how.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cerebros  # before Keras, which then runs on JAX  # isort: skip  # noqa: F401
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

PARTS = ("heads", "residual", "memory", "accuracy")
SIZE = 96  # pixels that images are resized to: the smallest that MobileNetV2 knows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--measure-memory", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure_memory:
        file, n_rows = arguments.measure_memory
        print(json.dumps(_memory_of_features(file, int(n_rows))))
        return
    import jax
    import keras

    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, python "
        f"{platform.python_version()}, jax {jax.__version__}, keras {keras.__version__}"
        f" on {keras.backend.backend()}, load before {os.getloadavg()[0]:.2f}"
    )
    run: dict[str, Callable[[bool], None]] = {
        "heads": heads,
        "residual": residual,
        "memory": memory,
        "accuracy": accuracies,
    }
    for part in arguments.parts:
        print(f"\n== {part}")
        run[part](arguments.quick)


# --- Heads behind a frozen base ----------------------------------------------------


def heads(quick: bool) -> None:
    """200 heads: features once, against the base in every epoch."""
    from cerebros.search import search_networks
    from cerebros.spaces import RandomWiring
    from cerebros.stems import pretrained_stem
    from cerebros.training import Problem, TrainingSettings

    n_images, n_heads, epochs = (64, 4, 2) if quick else (2500, 200, 10)
    images, classes = _images(n_images)
    stem = pretrained_stem(
        "MobileNetV2",
        weights=None,
        row_shape=images.shape[1:],
        image_size=(SIZE, SIZE),
    )
    problem = Problem.classification(images, classes, stems=stem, test=0)
    training = TrainingSettings(epochs=epochs, batch_size=64)
    space = RandomWiring(levels=(2, 3), units=(1, 3), neurons=(8, 32))
    print(
        f"MobileNetV2 at {SIZE} x {SIZE}, random weights, {stem.count_params():,} "
        f"parameters; {n_images:,} images, {n_heads} randomly wired heads, {epochs} "
        "epochs"
    )
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CEREBROS_CACHE_DIR"] = folder
        for name in ("cold", "warm"):
            start = time.perf_counter()
            found = search_networks(
                problem,
                space=space,
                n_architectures=n_heads,
                training=training,
                show="none",
            )
            seconds[name] = time.perf_counter() - start
            print(f"features once, {name:4}        {seconds[name]:9.1f} s in all")
    plan = found.best_trial.plan
    context = problem.context(training)
    one, two = (
        _keras_seconds(
            [plan], replace(context, settings=replace(context.settings, epochs=n))
        )
        for n in (1, 2)
    )
    of_epoch = two[0] - one[0]
    whole = n_heads * (one[0] + (epochs - 1) * of_epoch)
    print(
        f"base in every epoch, Keras* {whole:9.1f} s, scaled from one head: "
        f"{one[0]:.1f} s for 1 epoch, {two[0]:.1f} s for 2"
    )
    for name, own in seconds.items():
        print(f"ratio, {name}: {whole / own:.1f}")


def _keras_seconds(plans: Any, context: Any) -> list[float]:
    """Seconds of each training with Keras, stems in front and run in every epoch."""
    from cerebros.training import TrainingTask, train_with_keras

    seconds = []
    for number, plan in enumerate(plans):
        start = time.perf_counter()
        outcome = train_with_keras(TrainingTask(plan, 0, number), context)
        seconds.append(time.perf_counter() - start)
        assert outcome.error is None, outcome.error
    return seconds


def _scaled(seconds: list[float], n: int) -> float:
    """The first once, and the mean of the others for all the rest."""
    return seconds[0] + (n - 1) * float(np.mean(seconds[1:]))


def _images(n: int) -> tuple[Any, Any]:
    """CIFAR-10's sample, or digits as photos."""
    from transfer import CIFAR

    if CIFAR.exists():
        with np.load(CIFAR) as file:
            x = np.concatenate([file["x_train"], file["x_test"]])
            y = np.concatenate([file["y_train"].ravel(), file["y_test"].ravel()])
    else:
        from sklearn.datasets import load_digits

        digits = load_digits()
        x = np.repeat(digits.images[..., None] * 15.9375, 3, axis=-1).astype(np.uint8)
        x, y = np.kron(x, np.ones((1, 4, 4, 1), np.uint8)), digits.target
        x, y = np.concatenate([x, x]), np.concatenate([y, y])
    return x[:n], y[:n]


# --- Residual MLPs -----------------------------------------------------------------


def residual(quick: bool) -> None:
    """64 residual MLPs as one population, against Keras one by one."""
    from cerebros.search import GivenPlans, search_networks
    from cerebros.spaces import ResidualBlock, ResidualMLP
    from cerebros.training import Problem, TrainingSettings

    n_networks, epochs = (4, 2) if quick else (64, 20)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 64)).astype(np.float32)
    y = (np.tanh(x @ rng.normal(size=(64, 6))) @ rng.normal(size=(6, 10))).argmax(1)
    problem = Problem.classification(x, y, test=0)
    block = ResidualBlock(depth=7, width=75, taper=8)
    plan = ResidualMLP(blocks=(block, block), final=(15,)).plan(problem.ports)
    training = TrainingSettings(epochs=epochs, batch_size=64)
    print(
        f"{n_networks} networks of 2 blocks [7, 75, 8], final [15], "
        f"{plan.n_parameters:,} parameters, {epochs} epochs of 1,600 rows"
    )
    # Keras first: later its programs would be found in the engine's folder.
    one_by_one = _keras_seconds([plan] * (2 if quick else 3), problem.context(training))
    whole = _scaled(one_by_one, n_networks)
    print(
        f"Keras, one by one*          {whole:9.1f} s, scaled from "
        f"{', '.join(f'{s:.1f}' for s in one_by_one)} s"
    )
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CEREBROS_CACHE_DIR"] = folder
        for name in ("cold", "warm"):
            start = time.perf_counter()
            search_networks(
                problem,
                strategy=GivenPlans((plan,)),
                n_architectures=n_networks,
                training=training,
                show="none",
            )
            seconds[name] = time.perf_counter() - start
            print(f"one population, {name:4}       {seconds[name]:9.1f} s in all")
    for name, own in seconds.items():
        print(f"ratio, {name}: {whole / own:.1f}")


# --- Memory ------------------------------------------------------------------------


def memory(quick: bool) -> None:
    """Peak memory of computing features of more and more images in a file."""
    counts = (200, 400) if quick else (500, 1000, 4000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        shape = (max(counts), 32, 32, 3)
        images = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
        rng = np.random.default_rng(0)
        for start in range(0, len(images), 1000):
            part = images[start : start + 1000]
            part[:] = rng.integers(0, 256, size=part.shape)
        images.flush()
        del images
        environment = {**os.environ, "CEREBROS_CACHE_DIR": folder}
        for n in counts:
            done = subprocess.run(
                [sys.executable, __file__, "--measure-memory", str(path), str(n)],
                capture_output=True,
                text=True,
                check=True,
                env=environment,
            )
            told = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{n:6,} images, {told['file_mib']:6.1f} MiB raw: "
                f"{told['peak_mib']:7.1f} MiB at most while computing, "
                f"{told['before_mib']:.1f} before; {told['seconds']:.1f} s"
            )
    print("memory of this process alone; pages of mapped files are the system's")


def _memory_of_features(file: str, n_rows: int) -> dict[str, float]:
    from cerebros.stems import features_of, pretrained_stem

    images = np.load(file, mmap_mode="r")[:n_rows]
    stem = pretrained_stem(
        "MobileNetV2", weights=None, row_shape=images.shape[1:], image_size=(SIZE, SIZE)
    )
    stem.predict_on_batch(np.zeros((64, *images.shape[1:]), np.float32))
    before = _own_mebibytes()
    peak, is_done = [before], threading.Event()

    def watch() -> None:
        while not is_done.wait(0.02):
            peak[0] = max(peak[0], _own_mebibytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    features_of(stem, images)
    seconds = time.perf_counter() - start
    is_done.set()
    watcher.join()
    return {
        "before_mib": before,
        "peak_mib": peak[0],
        "file_mib": images.nbytes / 2**20,
        "seconds": seconds,
    }


def _own_mebibytes() -> float:
    """Memory of this process that no file stands behind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the memory of a process")


# --- Accuracy ----------------------------------------------------------------------


def accuracies(quick: bool) -> None:
    """What transfer buys, over seeds: other classes, images and weights each time."""
    from transfer import CIFAR, cifar_task, compare, digits_task

    is_cifar = CIFAR.exists() and not quick
    seeds = (0, 1) if quick else (0, 1, 2)
    size = {"base_epochs": 15, "n_heads": 16, "epochs": 200}
    if quick:
        size = {"base_epochs": 2, "n_heads": 4, "epochs": 10}
    results: dict[str, list[float]] = {}
    for seed in seeds:
        task = (cifar_task if is_cifar else digits_task)(seed)
        for name, value in compare(task, seed=seed, **size).items():
            results.setdefault(name, []).append(value)
    print(
        f"{'CIFAR-10, sample' if is_cifar else 'digits'}: {len(task.few[0])} images of "
        f"{task.n_classes} classes to learn from, about {len(task.test[0])} to judge"
    )
    for name, values in results.items():
        each = "  ".join(f"{value:.3f}" for value in values)
        print(f"{name:32} {np.mean(values):.3f} ± {np.std(values):.3f}   {each}")


if __name__ == "__main__":
    main()
