"""The loop of a search; all its state is in the store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack

from cerebros.search._definition import definition_of
from cerebros.search._executor import Executor
from cerebros.search._progress import Progress
from cerebros.search._store import Store
from cerebros.search._strategy import Strategy
from cerebros.search._trial import Trial
from cerebros.spaces import Draw
from cerebros.training import Outcome, TrainingContext, TrainingTask


def run_search(
    strategy: Strategy,
    executor: Executor,
    store: Store,
    context: TrainingContext,
    *,
    n_trials: int,
    seed: int,
    deadline: float | None = None,
    progress: Progress,
) -> list[Trial]:
    """Search until the store holds `n_trials` final trials, or the time is up.

    A search that was stopped, whatever stopped it, goes on where it was when this is
    called again with the same arguments.

    Args:
        strategy: chooses the next plans from the trials so far.
        executor: trains them.
        store: remembers the trials.
        context: data, training settings, objective.
        n_trials: total number, those already stored included.
        seed: with a trial's number it decides every random draw of it.
        deadline: `time.monotonic()` at which training stops.
        progress: is told what happens.

    Returns:
        All stored trials, in order of their numbers.

    Raises:
        StoreError: if the store belongs to another search, or cannot be written.
    """
    with ExitStack() as stack:
        stack.enter_context(store.begin(definition_of(strategy, context, seed=seed)))
        trials = {trial.number: trial for trial in store.trials()}
        stack.enter_context(progress.running(n_trials, [*trials.values()], context))
        while numbers := _missing(trials, n_trials):
            wanted = numbers[: executor.population_size]
            history = [trials[n] for n in sorted(trials) if trials[n].status.is_final]
            drawn = strategy.propose(history, wanted, seed=seed)
            draws = dict(zip(wanted, drawn, strict=True))
            tasks = [TrainingTask(draw.plan, seed, n) for n, draw in draws.items()]
            trained = executor.train(
                tasks, context, deadline=deadline, report=progress.epoch
            )
            for task, outcome in trained:
                trial = _trial(task, draws[task.number], outcome)
                store.append(trial, outcome.weights)
                trials[trial.number] = trial
                progress.trial(trial)
            if deadline is not None and time.monotonic() >= deadline:
                break
    return store.trials()


def _missing(trials: Mapping[int, Trial], n_trials: int) -> list[int]:
    final = {number for number, trial in trials.items() if trial.status.is_final}
    return [number for number in range(n_trials) if number not in final]


def _trial(task: TrainingTask, draw: Draw, outcome: Outcome) -> Trial:
    return Trial(
        number=task.number,
        plan=task.plan,
        status=outcome.status,
        score=outcome.score,
        best_epoch=outcome.best_epoch,
        history=dict(outcome.history),
        repairs=tuple(str(repair) for repair in draw.repairs),
        error=outcome.error,
        seconds=outcome.seconds,
    )
