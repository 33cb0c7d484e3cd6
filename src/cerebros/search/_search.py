"""Searching for a network in one call."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cerebros.programs import check_not_forked
from cerebros.search._executor import Executor
from cerebros.search._loop import run_search
from cerebros.search._progress import Progress, Show, progress_of
from cerebros.search._result import SearchResult
from cerebros.search._store import Store
from cerebros.search._strategy import Strategy
from cerebros.search.executors import KerasExecutor, PopulationExecutor
from cerebros.search.stores import Keep, MemoryStore, SqlStore
from cerebros.search.strategies import RandomSearch
from cerebros.spaces import RandomWiring, Space
from cerebros.training import (
    Objective,
    Problem,
    TrainingSettings,
    check_targets,
    find_target_copies,
    rehearse,
    whole_number,
)

logger = logging.getLogger(__name__)


def search_networks(
    problem: Problem,
    *,
    space: Space[Any] | None = None,
    n_architectures: int = 20,
    n_wirings: int = 1,
    training: TrainingSettings | None = None,
    objective: Objective | str | None = None,
    seed: int = 0,
    time_budget: float | None = None,
    out: str | Path | None = None,
    keep: Keep = 10,
    show: Show | Progress = "auto",
    strategy: Strategy | None = None,
    executor: Executor | Literal["population", "keras"] | None = None,
    store: Store | None = None,
) -> SearchResult:
    """Draw networks, train each, keep everything, and hand the best one back.

    A search in a folder goes on where it was when the same call is made again, after
    an interrupt, a crash, or with more architectures. Trial `n` depends on the
    arguments and on `n`, not on how often the search was interrupted.

    Args:
        problem: the data and what they ask for; see `Problem`.
        space: where plans come from; `RandomWiring()` by default.
        n_architectures: number of level, unit and neuron draws.
        n_wirings: wirings and initial weights tried for each of them.
        training: epochs, batch size, learning rate and so on.
        objective: what to improve, or the name of the metric, as `val_accuracy`; the
            problem's usual one by default.
        seed: of every random draw; a whole number >= 0.
        time_budget: seconds after which no further epoch begins; None for no limit.
        out: folder of the search; None keeps it in memory only.
        keep: how many of the best trials keep their weights, or `"all"`.
        show: progress: `"auto"`, `"panel"`, `"lines"`, `"none"`, or an object.
        strategy: instead of random search in `space`.
        executor: what trains the plans: `"population"`, the default, many at once in
            one program, and Keras where that cannot; `"keras"`, one after another; or
            an object.
        store: where trials are remembered, instead of `out`.

    Returns:
        Trials, the best model, and honest scores.

    Raises:
        DataError: if loss, metrics and targets do not go together.
        TypeError: if an argument is of the wrong kind.
        ValueError: if an argument is out of range, or the objective is not a column
            of the training history; before any training.
        StoreError: if the folder belongs to another search or cannot be written.
        SearchError: if every trial failed.
    """
    start = time.monotonic()
    check_not_forked("search_networks")
    executor = executor or "population"
    _check_kinds(problem, space, training, time_budget, executor)
    n_architectures = whole_number("n_architectures", n_architectures, least=1)
    n_wirings = whole_number("n_wirings", n_wirings, least=1)
    seed = whole_number("seed", seed, least=0)
    if isinstance(objective, str):
        objective = Objective(objective)
    trainer = _executor(executor)
    context = problem.context(training or TrainingSettings(), objective)
    ports = problem.ports
    strategy = strategy or RandomSearch(
        space=space or RandomWiring(), ports=ports, n_wirings=n_wirings
    )
    check_targets(
        context.data,
        context.split,
        output_widths=[output.width for output in ports.outputs],
        loss=context.settings.loss or "mse",
    )
    rehearse(context, ports)
    _report_target_copies(problem)
    if store is None:
        store = open_store(out, context.objective, keep=keep)
    result = SearchResult(store, context)
    run_search(
        strategy,
        trainer,
        store,
        context,
        n_trials=n_architectures * n_wirings,
        seed=seed,
        deadline=None if time_budget is None else start + time_budget,
        progress=progress_of(show),
    )
    _ = result.best_trial  # says so if every trial failed
    return result


def _executor(given: Executor | str) -> Executor:
    named: dict[str, Callable[[], Executor]] = {
        "population": PopulationExecutor,
        "keras": KerasExecutor,
    }
    if not isinstance(given, str):
        return given
    if given not in named:
        raise ValueError(
            f"executor must be one of {sorted(named)} or an object, but got {given!r}"
        )
    return named[given]()


def open_store(
    out: str | Path | None, objective: Objective, *, keep: Keep = 10
) -> Store:
    """A store in a folder, or in memory if there is none."""
    if out is None:
        return MemoryStore(objective, keep=keep)
    return SqlStore.in_folder(out, objective, keep=keep)


def _report_target_copies(problem: Problem) -> None:
    for column in find_target_copies(problem.data, besides=problem.front.raw):
        logger.warning(
            "%s is a copy of the target, so the scores say nothing about new rows; "
            "leave it out",
            column,
        )


def _check_kinds(
    problem: Any, space: Any, training: Any, time_budget: Any, executor: Any
) -> None:
    for name, value, kind in (
        ("problem", problem, Problem),
        ("training", training or TrainingSettings(), TrainingSettings),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be a {kind.__name__}, but got {value!r}")
    if not isinstance(executor, str) and (
        isinstance(executor, type) or not hasattr(executor, "train")
    ):
        raise TypeError(
            f"executor must be one such as PopulationExecutor(), but got {executor!r}"
        )
    if space is not None and (
        isinstance(space, type) or not hasattr(space, "sample_wiring")
    ):
        raise TypeError(f"space must be one such as RandomWiring(), but got {space!r}")
    if not isinstance(time_budget, (int, float, np.number, type(None))):
        raise TypeError(f"time_budget must be seconds, but got {time_budget!r}")
    if time_budget is not None and not time_budget > 0:
        raise ValueError(f"time_budget must be > 0 seconds, but got {time_budget!r}")
