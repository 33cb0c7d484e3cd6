"""Our estimators on tables with fixed splits, beside how rivals did.

python benchmarks/tabular.py [--sets concrete titanic] [--splits 0 1] [--budget 60]
    [--rivals ../shared/bench/peers.jsonl more.jsonl] [--rerun hgb lightgbm]
    [--out results.jsonl]

Each fit runs in a process of its own, so that its time holds imports and compiling,
and its memory is its own. Printed are, for each set and split, the loss, the score
that the fit promised, seconds and memory; then mean rank and, for each rival, the
geometric mean of the ratio of losses, every set counted once. Rivals come from files
that were measured elsewhere; those of --rerun are measured in this run, as far as they
are installed. With --out, results are kept, and what is there is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import _splits
import numpy as np
import numpy.typing as npt

OURS = "cerebros"
METRICS = ("rmse", "rmse_log", "log_loss")
RERUN = ("linear", "hgb", "rf", "lightgbm", "catboost")


def main() -> None:
    arguments = _arguments()
    if arguments.worker:
        print(json.dumps(_run_here(arguments)))
        return
    results = list(_results(arguments))
    rivals = _rivals(arguments.rivals)
    for result in results:
        if result["model"] != OURS:
            rivals[result["set"], result["split"], result["metric"]][
                f"{result['model']} (this run)"
            ] = result["loss"]
    ours = [result for result in results if result["model"] == OURS]
    _print_losses(ours, rivals)
    _print_ratios(ours, rivals)
    _print_promises(ours, arguments.budget)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=_splits.names())
    parser.add_argument("--splits", nargs="+", type=int, default=[0])
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--space", default="random_wiring")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rivals", nargs="*", default=[str(_splits.SHARED / "bench/peers.jsonl")]
    )
    parser.add_argument("--rerun", nargs="*", choices=RERUN, default=["hgb"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def _results(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    kept = list(_lines([arguments.out] if arguments.out else []))
    for name in arguments.sets:
        for split in arguments.splits:
            if split >= _splits.n_splits(name):
                continue
            for model in (OURS, *arguments.rerun):
                known = [
                    own
                    for own in kept
                    if (own["set"], own["split"], own["model"]) == (name, split, model)
                    and own["budget"] == arguments.budget
                ]
                if known:
                    yield known[0]
                    continue
                result = _run_there(arguments, name, split, model)
                if result is None:
                    continue
                if arguments.out:
                    with arguments.out.open("a") as file:
                        file.write(json.dumps(result) + "\n")
                yield result


def _run_there(
    arguments: argparse.Namespace, name: str, split: int, model: str
) -> dict[str, Any] | None:
    command = [
        *(sys.executable, __file__, "--worker", model, "--sets", name),
        *("--splits", str(split), "--budget", str(arguments.budget)),
        *("--space", arguments.space, "--seed", str(arguments.seed)),
    ]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name} {split} {model}: {done.stderr.strip().splitlines()[-1]}")
        return None
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    result["seconds_of_process"] = round(time.monotonic() - begun, 2)
    words = {
        k: v if not isinstance(v, float) else round(v, 5) for k, v in result.items()
    }
    print(words, flush=True)
    return result


def _run_here(arguments: argparse.Namespace) -> dict[str, Any]:
    split = _splits.load(arguments.sets[0], arguments.splits[0])
    train, test = split.table.iloc[split.train], split.table.iloc[split.test]
    begun = time.monotonic()
    more: dict[str, Any] = {}
    if arguments.worker == OURS:
        answers, more = _ours(arguments, split, train, test)
    else:
        answers = _rival(arguments.worker, split)
    metric = "log_loss" if split.is_classification else "rmse"
    if split.name == "ames-log":
        metric = "rmse_log"
    return {
        "set": split.name,
        "split": split.number,
        "model": arguments.worker,
        "budget": arguments.budget,
        "metric": metric,
        "loss": _loss(answers, split),
        "seconds": more.pop("fit_seconds", time.monotonic() - begun),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **more,
    }


def _ours(
    arguments: argparse.Namespace, split: _splits.Split, train: Any, test: Any
) -> tuple[npt.NDArray[Any], dict[str, Any]]:
    begun = time.monotonic()
    from cerebros.estimators import CerebrosClassifier, CerebrosRegressor

    warnings.simplefilter("ignore")
    kind = CerebrosClassifier if split.is_classification else CerebrosRegressor
    model = kind(
        time_budget=arguments.budget,
        space=arguments.space,
        random_state=arguments.seed,
    )
    model.fit(train, split.target[split.train])
    seconds = time.monotonic() - begun
    report = model.score_report_
    networks = model.predictor_.networks
    more = {
        "fit_seconds": seconds,
        "promised": report.model.score,
        "error": report.model.error,
        "selection": report.model.selection,
        "trials": int((model.trials_["status"] == "finished").sum()),
        "networks": sum(own.n_folds for own in networks),
        "findings": [f"{f.rule}:{f.column}" for f in model.findings_],
    }
    if split.is_classification:
        answers = model.predict_proba(test)
        chosen = model.predict(test)
        more["accuracy"] = float((chosen == split.target[split.test]).mean())
    else:
        answers = model.predict(test)
        limits = model.predict_interval(test, 0.1)
        y = split.target[split.test]
        more["coverage"] = float(((limits[:, 0] <= y) & (y <= limits[:, 1])).mean())
    return answers, more


def _rival(name: str, split: _splits.Split) -> npt.NDArray[Any]:
    """Answers of a rival with its defaults, for the test rows."""
    from cerebros.estimators.table import EncodingSettings, columns_of, fit_encoding

    columns = columns_of(split.table.iloc[split.train])
    encoding = fit_encoding(columns, EncodingSettings(bins=0))
    x = encoding.transform(columns)[0]
    new = encoding.transform(columns_of(split.table.iloc[split.test]))[0]
    y = split.target[split.train]
    model = _model(name, is_classification=split.is_classification)
    model.fit(x, y)
    if not split.is_classification:
        return np.asarray(model.predict(new)).ravel()
    return np.asarray(model.predict_proba(new))


def _model(name: str, *, is_classification: bool) -> Any:
    if name == "lightgbm":
        import lightgbm

        kind = lightgbm.LGBMClassifier if is_classification else lightgbm.LGBMRegressor
        return kind(verbosity=-1)
    if name == "catboost":
        import catboost

        kind = (
            catboost.CatBoostClassifier
            if is_classification
            else catboost.CatBoostRegressor
        )
        return kind(verbose=0, allow_writing_files=False)
    from sklearn import ensemble, linear_model

    kinds = {
        "linear": (linear_model.Ridge, linear_model.LogisticRegression),
        "hgb": (
            ensemble.HistGradientBoostingRegressor,
            ensemble.HistGradientBoostingClassifier,
        ),
        "rf": (ensemble.RandomForestRegressor, ensemble.RandomForestClassifier),
    }
    return kinds[name][is_classification]()


def _loss(answers: npt.NDArray[Any], split: _splits.Split) -> float:
    y = split.target[split.test]
    if not split.is_classification:
        return float(np.sqrt(np.mean((answers - y) ** 2)))
    shares = np.clip(answers, 1e-7, 1.0)
    shares = shares / shares.sum(axis=1, keepdims=True)
    return float(-np.log(shares[np.arange(len(y)), y]).mean())


def _rivals(paths: Iterable[str]) -> dict[Any, dict[str, float]]:
    """Losses of rivals by (set, split, metric)."""
    found: dict[Any, dict[str, float]] = defaultdict(dict)
    for line in _lines(Path(path) for path in paths):
        if line["value"] is not None and line["metric"] in METRICS:
            key = line["dataset"], line["split"], line["metric"]
            found[key][line["peer"]] = line["value"]
    return found


def _lines(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if os.path.exists(path):
            for line in Path(path).read_text().splitlines():
                yield json.loads(line)


def _print_losses(ours: list[dict[str, Any]], rivals: Any) -> None:
    print("\n| set, split | metric | ours | best rivals |\n|---|---|---|---|")
    for own in ours:
        others = rivals[own["set"], own["split"], own["metric"]]
        best = sorted(others.items(), key=lambda item: item[1])[:4]
        words = ", ".join(f"{name} {loss:.4g}" for name, loss in best)
        star = "**" if best and own["loss"] < best[0][1] else ""
        print(
            f"| {own['set']} {own['split']} | {own['metric']} | "
            f"{star}{own['loss']:.4g}{star} | {words} |"
        )


def _print_ratios(ours: list[dict[str, Any]], rivals: Any) -> None:
    logs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    ranks: dict[str, list[float]] = defaultdict(list)
    for own in ours:
        others = rivals[own["set"], own["split"], own["metric"]]
        for name, loss in others.items():
            logs[name][own["set"]].append(float(np.log(own["loss"] / loss)))
        if not others:
            continue
        losses = {OURS: own["loss"], **others}
        for name, loss in losses.items():
            better = sum(other < loss for other in losses.values())
            ranks[name].append((1 + better) / (1 + len(others)))
    print(
        "\n| rival | sets (splits) | ratio of losses, ours / rival | range | sets won |"
    )
    print("|---|---|---|---|---|")
    for name, of_sets in sorted(logs.items()):
        means = {key: float(np.mean(values)) for key, values in of_sets.items()}
        each = np.array(list(means.values()))
        n = sum(len(values) for values in of_sets.values())
        without = np.array([v for key, v in means.items() if key != "yacht"])
        rest = f" (without yacht {np.exp(without.mean()):.3f})" if len(without) else ""
        print(
            f"| {name} | {len(each)} ({n}) | {np.exp(each.mean()):.3f}{rest} | "
            f"{np.exp(each.min()):.2f}–{np.exp(each.max()):.2f} | "
            f"{int((each < 0).sum())} of {len(each)} |"
        )
    print("\nMean rank, as share of those that ran on a split (smaller is better):")
    for name, places in sorted(ranks.items(), key=lambda item: float(np.mean(item[1]))):
        print(f"  {name:<24} {np.mean(places):.3f} ({len(places)})")


def _print_promises(ours: list[dict[str, Any]], budget: float) -> None:
    if not ours:
        return
    off = np.array([np.log(own["loss"] / own["promised"]) for own in ours])
    flattered = np.array([np.log(own["loss"] / own["selection"]) for own in ours])
    seconds = np.array([own["seconds"] for own in ours])
    covered = [own["coverage"] for own in ours if "coverage" in own]
    print(
        f"\nTest loss / promised: {np.exp(off.mean()):.3f} "
        f"(standard error {off.std() / np.sqrt(len(off)):.3f} of the logarithm); "
        f"test loss / selection score: {np.exp(flattered.mean()):.3f}"
    )
    print(
        f"Seconds of fit for a budget of {budget:g}: {seconds.min():.1f} to "
        f"{seconds.max():.1f}; memory up to {max(o['peak_mb'] for o in ours):.0f} MB"
    )
    if covered:
        print(f"Coverage of 90 % intervals: {np.mean(covered):.3f} over {len(covered)}")


if __name__ == "__main__":
    main()
