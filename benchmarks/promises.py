"""Whether promised scores come true: fits on random splits, judged by the rows kept.

python benchmarks/promises.py [--sets concrete titanic ...] [--splits 10] [--trials 6]

Of each set a fifth of the rows is kept apart at random, several times. Printed is, for
each set, the mean of the logarithm of test loss / promised loss with its standard error
over splits, the same for the selection score, which flatters, and for regressions the
coverage of intervals.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import _splits
import numpy as np
import numpy.typing as npt

SETS = ("concrete", "mpg", "abalone", "titanic", "german-credit")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=_sets())
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--trials", type=int, default=6)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| set | test / promised, % | test / selection, % | coverage of 90 % |")
    print("|---|---|---|---|")
    everything = []
    for name in arguments.sets:
        of_set = [_fit(name, i, arguments.trials) for i in range(arguments.splits)]
        table = np.array(of_set)
        everything.append(table)
        print(f"| {name} | {_words(table)} |", flush=True)
    if len(everything) > 1:
        means = np.array([table.mean(axis=0) for table in everything])
        print(f"| all, each set counted once | {_words(means)} |")


def _sets() -> list[str]:
    known = _splits.names()
    return [name for name in SETS if name in known] or known


def _fit(name: str, number: int, n_trials: int) -> tuple[float, float, float]:
    """Logarithms of the ratios of losses, and the coverage (NaN for classes)."""
    from cerebros.estimators import CerebrosClassifier, CerebrosRegressor

    split = _splits.load(name, 0)
    rows = np.random.default_rng([7, number]).permutation(len(split.target))
    n_test = len(rows) // 5
    test, train = rows[:n_test], rows[n_test:]
    kind = CerebrosClassifier if split.is_classification else CerebrosRegressor
    model: Any = kind(time_budget=None, n_trials=n_trials, random_state=number)
    model.fit(split.table.iloc[train], split.target[train])
    report, new, y = model.score_report_, split.table.iloc[test], split.target[test]
    coverage = float("nan")
    if split.is_classification:
        shares = np.clip(model.predict_proba(new), 1e-7, 1)
        loss = -np.log(shares[np.arange(len(y)), y]).mean()
    else:
        loss = np.sqrt(np.mean((model.predict(new) - y) ** 2))
        limits = model.predict_interval(new, 0.1)
        coverage = float(((limits[:, 0] <= y) & (y <= limits[:, 1])).mean())
    return (
        float(np.log(loss / report.model.score)),
        float(np.log(loss / report.model.selection)),
        coverage,
    )


def _words(table: npt.NDArray[np.float64]) -> str:
    errors = table.std(axis=0, ddof=1) / np.sqrt(len(table))
    promised, selection = (
        f"{100 * table[:, i].mean():+.1f} ± {100 * errors[i]:.1f}" for i in (0, 1)
    )
    known = table[np.isfinite(table[:, 2]), 2]
    covered = f"{known.mean():.3f}" if len(known) else "–"
    return f"{promised} | {selection} | {covered}"


if __name__ == "__main__":
    main()
