"""The three ways to train the same tasks; each imports what it needs when it is made.

A trainer takes tasks, their context and a function that it may hand reports to, and
yields every task with its outcome. The first two go through the tasks in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from cerebros.training import Outcome, TrainingContext, TrainingTask

OnReport: TypeAlias = Callable[[Any], None]
Trainer: TypeAlias = Callable[
    [Sequence[TrainingTask], TrainingContext, OnReport],
    Iterator[tuple[TrainingTask, Outcome]],
]

REPORTED = (
    "layouts",
    "compile_seconds",
    "train_seconds",
    "idle_share",
    "useful_flop",
)
"""What a report of the engine may say, as attributes or keys."""


def keras_trainer() -> Trainer:
    from cerebros.training import train_with_keras

    return _one_by_one(train_with_keras)


def loop_trainer() -> Trainer:
    from _epoch_loop import train_with_epoch_loop

    return _one_by_one(train_with_epoch_loop)


def engine_trainer() -> Trainer:
    """The population engine: the only place here that knows how it is called."""
    from cerebros.training import NoCheckpoints
    from cerebros.training.population import train_population

    def train(
        tasks: Sequence[TrainingTask], context: TrainingContext, on_report: OnReport
    ) -> Iterator[tuple[TrainingTask, Outcome]]:
        chunks = train_population(
            tasks,
            context,
            wanted={task.number for task in tasks},
            deadline=None,
            report=lambda *_: None,
            checkpoints=NoCheckpoints(),
            on_report=on_report,
        )
        for finished in chunks:
            yield from finished

    return train


TRAINERS: dict[str, Callable[[], Trainer]] = {
    "keras": keras_trainer,
    "loop": loop_trainer,
    "engine": engine_trainer,
}


def reported_figures(report: Any) -> dict[str, Any]:
    """Those of `REPORTED` that a report has."""
    known = report if isinstance(report, dict) else _attributes(report)
    return {name: known[name] for name in REPORTED if known.get(name) is not None}


def _attributes(report: Any) -> dict[str, Any]:
    return {name: getattr(report, name, None) for name in REPORTED}


def _one_by_one(
    train_one: Callable[[TrainingTask, TrainingContext], Outcome],
) -> Trainer:
    def train(
        tasks: Sequence[TrainingTask], context: TrainingContext, on_report: OnReport
    ) -> Iterator[tuple[TrainingTask, Outcome]]:
        for task in tasks:
            yield task, train_one(task, context)

    return train
