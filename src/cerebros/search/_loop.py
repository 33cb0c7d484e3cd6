"""The loop of a search; all its state is in the store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack, closing

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
    called again with the same arguments. Trials are drawn and trained by blocks that
    follow from their numbers alone; a strategy learns from the blocks before.

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
    definition = definition_of(strategy, context, seed=seed, executor=executor)
    in_training: TrainingContext | None = None
    with ExitStack() as stack:
        stack.enter_context(store.begin(definition))
        trials = {trial.number: trial for trial in store.trials()}
        stack.enter_context(progress.running(n_trials, [*trials.values()], context))
        while (numbers := _missing(trials, n_trials)) and not _is_over(deadline):
            in_training = in_training or _in_training(context)
            block = executor.block(numbers[0])
            history = [
                trials[n]
                for n in sorted(trials)
                if n < block.start and trials[n].status.is_final
            ]
            drawn = strategy.propose(history, block, seed=seed)
            draws = dict(zip(block, drawn, strict=True))
            trained = executor.train(
                [TrainingTask(draw.plan, seed, n) for n, draw in draws.items()],
                in_training,
                wanted=frozenset(numbers) & frozenset(block),
                deadline=deadline,
                report=progress.epoch,
                checkpoints=store.checkpoints(),
            )
            with closing(trained):  # an error goes on only when all work has ended
                for finished in trained:
                    new = [
                        (_trial(task, draws[task.number], outcome), outcome.weights)
                        for task, outcome in finished
                    ]
                    store.append_many(new)
                    for trial, _ in new:
                        trials[trial.number] = trial
                        progress.trial(trial)
            if any(n in block for n in _missing(trials, n_trials)):
                break  # later blocks may learn from this one only when it is whole
            store.checkpoints().keep_only(set())
        if not numbers:  # also after a kill between the last trial and this
            store.checkpoints().keep_only(set())
    return store.trials()


def _in_training(context: TrainingContext) -> TrainingContext:
    """The context of the trainings: what is the same in all of them is done before."""
    if not any(stem is not None for stem in context.stems or ()):
        return context
    from cerebros.training import behind_frozen_stems  # and Keras

    return behind_frozen_stems(context)


def _missing(trials: Mapping[int, Trial], n_trials: int) -> list[int]:
    final = {number for number, trial in trials.items() if trial.status.is_final}
    return [number for number in range(n_trials) if number not in final]


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


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
