"""Whether the trainers that are compared learn the same.

Trained for long they do not: rounding grows from step to step. So one comparison makes
20 steps, each with all rows. Another one learns nothing, and its loss tells which rows
stood in which batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from _tables import VALIDATION, Table, numeric_table
from _trainers import TRAINERS
from _workloads import WORKLOADS, Workload, context_of, tasks_of

from cerebros.training import Outcome, TrainingContext, TrainingTask, split_last_rows

REFERENCE = "keras"
NUMBERS = (1,)
"""Of the plans that are trained; each takes Keras some ten seconds."""


@dataclass(frozen=True)
class Comparison:
    """Trainings whose curves must agree.

    Attributes:
        title: what is compared.
        workload: plans and settings.
        table: the data.
        columns: of the history, that must agree.
        tolerance: largest relative difference.
    """

    title: str
    workload: Workload
    table: Table
    columns: Sequence[str]
    tolerance: float


def check() -> bool:
    """Print how far the curves of small plans differ from Keras's, and judge it."""
    found = [result for comparison in _comparisons() for result in _compare(comparison)]
    print("all agree" if all(found) else "not all agree")
    return all(found)


def _comparisons() -> Iterator[Comparison]:
    dollars = numeric_table()
    standardized = replace(dollars, y=(dollars.y - dollars.y.mean()) / dollars.y.std())
    n_train = len(split_last_rows(len(dollars.y), validation=VALIDATION).train)
    learned = ("loss", "root_mean_squared_error", "val_loss")
    for name in ("ames", "ames-drawn"):
        small = _small(WORKLOADS[name])
        steps = _with_training(small, epochs=20, batch_size=n_train)
        yield Comparison(f"{name}, in dollars", steps, dollars, learned, 1e-3)
        slower = _with_training(steps, learning_rate=0.001)
        yield Comparison(f"{name}, standardized", slower, standardized, learned, 1e-3)
    still = _with_training(small, epochs=3, learning_rate=1e-12)
    yield Comparison("order of rows", still, standardized, ("loss",), 1e-5)


def _small(workload: Workload) -> Workload:
    """Two or three levels, and a gate after every lateral connection without one."""
    lateral = replace(workload.space.lateral, gate_after=1)
    space = replace(workload.space, levels=(2, 3), units=(2, 3), lateral=lateral)
    return replace(workload, space=space)


def _with_training(workload: Workload, **changes: float) -> Workload:
    return replace(workload, training=replace(workload.training, **changes))


def _compare(comparison: Comparison) -> Iterator[bool]:
    """Whether each trainer agrees with Keras; one that is not there is passed over."""
    context = context_of(comparison.workload, comparison.table)
    n_inputs = comparison.table.x.shape[1]
    tasks = tasks_of(comparison.workload, n_inputs, NUMBERS)
    reference = _outcomes(REFERENCE, tasks, context)
    for trainer in TRAINERS:
        if trainer == REFERENCE:
            continue
        where = f"{comparison.title:24} {trainer:7}"
        try:
            found = _outcomes(trainer, tasks, context)
        except ImportError as error:
            print(f"{where} is not there: {error}")
            continue
        difference = max(
            _difference(found[number], reference[number], comparison.columns)
            for number in reference
        )
        agrees = difference <= comparison.tolerance
        limit = f"{comparison.tolerance:.0e}"
        print(f"{where} {difference:.1e} {'<=' if agrees else '> !'} {limit}")
        yield agrees


def _outcomes(
    trainer: str, tasks: Sequence[TrainingTask], context: TrainingContext
) -> dict[int, Outcome]:
    train = TRAINERS[trainer]()
    return {t.number: outcome for t, outcome in train(tasks, context, lambda _: None)}


def _difference(outcome: Outcome, reference: Outcome, columns: Sequence[str]) -> float:
    """The largest one relative to the reference, over all epochs."""
    return max(
        float(
            np.abs(np.divide(outcome.history[name], reference.history[name]) - 1).max()
        )
        for name in columns
    )
