"""What is trained: plans, data and settings, the same for every trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from _tables import VALIDATION, Table
from planning import AMES

from cerebros.spaces import Output, Ports, RandomWiring
from cerebros.training import (
    Dataset,
    Objective,
    TrainingContext,
    TrainingSettings,
    TrainingTask,
    smallest_plan,
    split_last_rows,
)

SEED = 0


@dataclass(frozen=True)
class Workload:
    """A space of plans and how they are trained.

    Attributes:
        title: what it is, in words.
        table: `"numeric"` or `"one-hot"`.
        space: where the plans come from.
        training: epochs, batch size, learning rate, loss and metric.
    """

    title: str
    table: str
    space: RandomWiring
    training: TrainingSettings


def _training(epochs: int, learning_rate: float) -> TrainingSettings:
    return TrainingSettings(
        epochs=epochs,
        batch_size=93,
        learning_rate=learning_rate,
        loss="mse",
        metrics=("root_mean_squared_error",),
    )


WORKLOADS = {
    "ames": Workload(
        "the original's Ames example, distinct connections, target in dollars",
        table="numeric",
        space=replace(AMES, copies="distinct"),
        training=_training(96, 0.0664),
    ),
    "ames-drawn": Workload(
        "the original's Ames example, copies as drawn, target in dollars",
        table="numeric",
        space=AMES,
        training=_training(96, 0.0664),
    ),
    "wide": Workload(
        "at most 4 levels of at most 4 units of 16-64 neurons, target standardized",
        table="one-hot",
        space=RandomWiring(levels=(2, 4), units=(1, 4), neurons=(16, 64)),
        training=_training(20, 0.005),
    ),
}


def context_of(
    workload: Workload, table: Table, *, epochs: int | None = None
) -> TrainingContext:
    """Data, split and settings of a workload; other epochs if they are given."""
    return TrainingContext(
        data=Dataset.of(table.x, table.y),
        split=split_last_rows(len(table.x), validation=VALIDATION),
        settings=replace(workload.training, epochs=epochs or workload.training.epochs),
        objective=Objective("val_root_mean_squared_error", "minimize"),
    )


def tasks_of(
    workload: Workload, n_inputs: int, numbers: Sequence[int]
) -> list[TrainingTask]:
    """The trainings of these numbers; each plan follows from its number alone."""
    ports = _ports(n_inputs)
    plans = [
        workload.space.sample(ports, np.random.default_rng([SEED, number])).plan
        for number in numbers
    ]
    return [
        TrainingTask(plan, seed=SEED, number=number)
        for plan, number in zip(plans, numbers, strict=True)
    ]


def warm_up_task(n_inputs: int) -> TrainingTask:
    """The smallest network, to be trained before anything is measured."""
    return TrainingTask(smallest_plan(_ports(n_inputs)), seed=SEED, number=0)


def one_epoch(context: TrainingContext) -> TrainingContext:
    return replace(context, settings=replace(context.settings, epochs=1))


def _ports(n_inputs: int) -> Ports:
    return Ports(input_widths=(n_inputs,), outputs=(Output(1),))
