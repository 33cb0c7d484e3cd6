"""One training to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cerebros.lowering import OutputScale
from cerebros.plan import NetworkPlan
from cerebros.training._dataset import Dataset
from cerebros.training._objective import Objective
from cerebros.training._settings import TrainingSettings
from cerebros.training._split import Split


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """A plan to be trained, and the numbers that decide every random draw of it.

    Attributes:
        plan: the network.
        seed: of the whole search.
        number: of the trial. Initial weights and dropout follow
            from (seed, number) and nothing else; the order of rows follows from (seed,
            epoch) and is the same for all, so that a population reads each batch once.
        split: rows of this task alone: it trains on its own and is chosen by its own;
            None for those of the context.
        learning_rate: of this task alone; None for that of the settings.
        weight_decay: the same.
    """

    plan: NetworkPlan
    seed: int
    number: int
    split: Split | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingContext:
    """What all trainings of a search have in common.

    Attributes:
        data: all rows.
        split: which rows train and which choose.
        settings: how to train.
        objective: by which the best epoch is chosen.
        stems: for each input a Keras model that it goes through first, or None.
        output_scales: for each output what turns the numbers that the network learns
            into the units of the target, or None.
    """

    data: Dataset
    split: Split
    settings: TrainingSettings
    objective: Objective
    stems: Sequence[Any] | None = None
    output_scales: tuple[OutputScale | None, ...] | None = None

    @property
    def input_shapes(self) -> list[tuple[int, ...]]:
        """Shape of one row of each input."""
        return [x.shape[1:] for x in self.data.inputs]
