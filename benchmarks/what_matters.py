"""What the parts of a fit are worth: the same tables and trials, one part changed.

python benchmarks/what_matters.py [--variants wiring mlp residual mixed ...]
    [--sets ...] [--splits 1 2] [--cores 2] [--seconds 3600] [--out study.jsonl]

Each (variant, set, split) is a fit of eight trials on one core, in a process of its
own. Printed is, for each variant against the first, the mean of the logarithm of the
ratio of losses over tables, in percent, with its standard error: of the promised score
and of the test loss. Bagged rivals are trained on as many folds as the networks, and
answer by their mean. With --out, results are kept, and what is there is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _splits
import numpy as np
import numpy.typing as npt

N_TRIALS = 8
VARIANTS: dict[str, dict[str, Any]] = {
    "wiring": {},
    "mlp": {"space": "mlp"},
    "residual": {"space": "residual_mlp"},
    "mixed": {"space": "mixed"},
    "seed 1": {"random_state": 1},
    "one trial": {"ensemble": False},
    "5 folds, 8 trials": {"folds": 5},
    "10 folds, 4 trials": {"folds": 10, "n_trials": 4},
    "no encoding": {"bins": 0},
    "8 bins": {"bins": 8},
}
RIVALS = ("hgb", "lightgbm", "catboost")


def main() -> None:
    arguments = _arguments()
    if arguments.worker:
        print(json.dumps(_run_here(arguments)))
        return
    print_differences(_results(arguments), arguments.variants)


def _arguments() -> argparse.Namespace:
    known = [*VARIANTS, *(f"bagged {name}" for name in RIVALS)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", nargs="+", choices=known, default=known)
    parser.add_argument("--sets", nargs="+", default=_splits.names())
    parser.add_argument("--splits", nargs="+", type=int, default=[1])
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def _results(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run what is missing, as many at once as there are cores."""
    end = time.monotonic() + arguments.seconds
    results = []
    if arguments.out and arguments.out.exists():
        results = [json.loads(x) for x in arguments.out.read_text().splitlines()]
    done = {(own["variant"], own["set"], own["split"]) for own in results}
    missing = [
        (variant, name, split)
        for split in arguments.splits
        for variant in arguments.variants
        for name in arguments.sets
        if split < _splits.n_splits(name) and (variant, name, split) not in done
    ]
    running: dict[int, subprocess.Popen[str]] = {}
    while running or (missing and time.monotonic() < end):
        for core in range(arguments.cores):
            process = running.get(core)
            if process is not None and process.poll() is not None:
                del running[core]
                out, err = process.communicate()
                if process.returncode:
                    print("failed:", process.args[3:], err.strip().splitlines()[-1:])
                    continue
                results.append(json.loads(out.splitlines()[-1]))
                print(results[-1], flush=True)
                if arguments.out:
                    with arguments.out.open("a") as file:
                        file.write(json.dumps(results[-1]) + "\n")
            if core not in running and missing and time.monotonic() < end:
                running[core] = _started(core, *missing.pop(0))
        time.sleep(0.1)
    return results


def _started(core: int, variant: str, name: str, split: int) -> subprocess.Popen[str]:
    def alone() -> None:
        if hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[core % len(cores)]})

    command = [sys.executable, __file__, "--worker", variant, "--sets", name]
    return subprocess.Popen(
        [*command, "--splits", str(split)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=alone,
    )


def _run_here(arguments: argparse.Namespace) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    split = _splits.load(arguments.sets[0], arguments.splits[0])
    begun = time.monotonic()
    if arguments.worker.startswith("bagged "):
        name = arguments.worker.removeprefix("bagged ")
        promised, answers = _bagged(split, name)
    else:
        promised, answers = _ours(split, **VARIANTS[arguments.worker])
    return {
        "variant": arguments.worker,
        "set": split.name,
        "split": split.number,
        "promised": promised,
        "loss": _loss(split.target[split.test], answers, split),
        "seconds": time.monotonic() - begun,
    }


def _ours(
    split: _splits.Split,
    *,
    folds: int | None = None,
    bins: int = 16,
    n_trials: int = N_TRIALS,
    **settings: Any,
) -> tuple[float, npt.NDArray[Any]]:
    from cerebros.estimators import (
        CerebrosClassifier,
        CerebrosRegressor,
        EncodingSettings,
        PopulationSettings,
    )

    kind = CerebrosClassifier if split.is_classification else CerebrosRegressor
    model = kind(
        time_budget=None,
        n_trials=n_trials,
        population=PopulationSettings(folds=folds),
        encoding=EncodingSettings(bins=bins),
        **settings,
    )
    model.fit(split.table.iloc[split.train], split.target[split.train])
    new = split.table.iloc[split.test]
    answers = (
        model.predict_proba(new) if split.is_classification else model.predict(new)
    )
    return model.score_report_.model.score, answers


def _bagged(split: _splits.Split, name: str) -> tuple[float, npt.NDArray[Any]]:
    """One model for each of five folds, as the networks have; their mean answers."""
    from sklearn.model_selection import KFold, StratifiedKFold

    table = split.table.copy()
    for column in table.select_dtypes(exclude="number"):
        table[column] = table[column].astype(object).where(table[column].notna(), "NA")
        table[column] = table[column].astype("category")
    train, test = table.iloc[split.train], table.iloc[split.test]
    y = split.target[split.train]
    kind = StratifiedKFold if split.is_classification else KFold
    n_outputs = len(np.unique(split.target)) if split.is_classification else 1
    unseen, answers = np.zeros((len(y), n_outputs)), np.zeros((len(test), n_outputs))
    for a, b in kind(5, shuffle=True, random_state=0).split(train, y):
        model = _rival(name, split.is_classification, table)
        model.fit(train.iloc[a], y[a])
        ask = _asked(model, split.is_classification)
        unseen[b] = ask(train.iloc[b])
        answers += ask(test) / 5
    if not split.is_classification:
        unseen, answers = unseen[:, 0], answers[:, 0]
    return _loss(y, unseen, split), answers


def _rival(name: str, is_classification: bool, table: Any) -> Any:
    categories = list(table.select_dtypes("category"))
    if name == "catboost":
        import catboost

        kind = (
            catboost.CatBoostClassifier
            if is_classification
            else catboost.CatBoostRegressor
        )
        return kind(
            verbose=0,
            allow_writing_files=False,
            thread_count=1,
            cat_features=categories,
        )
    if name == "lightgbm":
        import lightgbm

        kind = lightgbm.LGBMClassifier if is_classification else lightgbm.LGBMRegressor
        return kind(verbosity=-1, n_jobs=1)
    from sklearn import ensemble

    kind = (
        ensemble.HistGradientBoostingClassifier
        if is_classification
        else ensemble.HistGradientBoostingRegressor
    )
    return kind(categorical_features="from_dtype")


def _asked(model: Any, is_classification: bool) -> Callable[[Any], npt.NDArray[Any]]:
    if is_classification:
        return lambda rows: np.asarray(model.predict_proba(rows))
    return lambda rows: np.asarray(model.predict(rows)).reshape(-1, 1)


def _loss(y: npt.NDArray[Any], p: npt.NDArray[Any], split: _splits.Split) -> float:
    if not split.is_classification:
        return float(np.sqrt(np.mean((p - y) ** 2)))
    p = np.clip(p, 1e-7, 1)
    p = p / p.sum(axis=1, keepdims=True)
    return float(-np.log(p[np.arange(len(y)), y]).mean())


def print_differences(results: list[dict[str, Any]], variants: list[str]) -> None:
    """How each variant differs from the first, in percent, over the tables of both."""
    of: dict[str, dict[Any, dict[str, Any]]] = {}
    for own in results:
        of.setdefault(own["variant"], {})[own["set"], own["split"]] = own
    base = variants[0]
    print(
        f"\n| variant against {base} | tables | promised, % | test loss, % | "
        "median | time |"
    )
    print("|---|---|---|---|---|---|")
    for variant in variants[1:]:
        both = sorted(of.get(variant, {}).keys() & of.get(base, {}).keys())
        if len(both) < 2:
            continue
        promised, test, seconds = (
            np.array([np.log(of[variant][k][key] / of[base][k][key]) for k in both])
            for key in ("promised", "loss", "seconds")
        )
        words = [f"{_mean_and_error(values)}" for values in (promised, test)]
        print(
            f"| {variant} | {len(both)} | {words[0]} | {words[1]} | "
            f"{100 * np.median(test):+.1f} | ×{np.exp(seconds.mean()):.2f} |"
        )


def _mean_and_error(logs: npt.NDArray[np.float64]) -> str:
    error = logs.std(ddof=1) / np.sqrt(len(logs))
    return f"{100 * logs.mean():+.1f} ± {100 * error:.1f}"


if __name__ == "__main__":
    main()
