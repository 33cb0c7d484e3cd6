"""How a network is trained."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cerebros.training._keras_object import (
    KerasObject,
    Named,
    display_name,
    named,
    told_apart,
)
from cerebros.training._running_statistics import (
    KERAS_MOMENTUM,
    RunningStatistics,
    running_statistics,
)
from cerebros.training._schedule import SCHEDULES, unknown_schedule
from cerebros.training._whole_number import whole_number


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How each network of a search is trained.

    Attributes:
        epochs: times that the training rows are gone through, at most.
        batch_size: rows of one step; None decides from the number of rows. Rows that
            do not fill the last batch sit out an epoch; which ones, changes.
        optimizer: a Keras name or object; an object's own learning rate holds.
        learning_rate: of an optimizer given by name.
        stem_learning_rate: of trained stems in front of a network, for an optimizer
            given by name; None for the same as that of the network.
        schedule: how the learning rate changes in the course of a training, see
            `schedule_factor`: `"constant"`, `"cosine"`, `"cosine_of_log"` or
            `"one_cycle"`.
        weight_decay: share of each parameter, times the rate, that it loses in a
            step; None leaves it to the optimizer.
        loss: a Keras name, class or object; None takes the usual one of the problem.
        metrics: Keras names or objects, of which every trial gets fresh ones; None
            takes the usual ones of the problem.
        patience: epochs without a better value of the ranked metric before training
            stops; None never stops early. The best epoch's weights are kept anyway.
        momentum: of the running statistics of batch normalization, updated as Keras
            does; None chooses it by the number of steps and takes out what their
            start weighs, see `running_statistics`.

    Raises:
        ValueError: if a number lies outside of its range.
        TypeError: if the loss, a metric or the optimizer is not a name or an object.
    """

    epochs: int = 50
    batch_size: int | None = None
    optimizer: Named = "adam"
    learning_rate: float = 0.005
    stem_learning_rate: float | None = None
    schedule: str = "constant"
    weight_decay: float | None = None
    loss: Named | None = None
    metrics: tuple[Named, ...] | None = None
    patience: int | None = None
    momentum: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            value = getattr(self, name)
            if value is None and name != "epochs":
                continue
            self._replace(**{name: whole_number(name, value, least=1)})
        for name in ("learning_rate", "stem_learning_rate"):
            rate = getattr(self, name)
            if name == "stem_learning_rate" and rate is None:
                continue
            if not (math.isfinite(rate) and rate > 0):
                raise ValueError(
                    f"{name} must be positive and finite, but got {rate!r}"
                )
        if self.schedule not in SCHEDULES:
            raise ValueError(unknown_schedule(self.schedule))
        decay = self.weight_decay
        if decay is not None and not (math.isfinite(decay) and decay >= 0):
            raise ValueError(f"weight_decay must be finite and >= 0, but got {decay!r}")
        momentum = self.momentum
        if momentum is not None and not 0 <= momentum < 1:
            raise ValueError(f"momentum must be >= 0 and < 1, but got {momentum!r}")
        self._replace(optimizer=named(self.optimizer))
        if self.schedule != "constant" and _has_own_schedule(self.optimizer):
            raise ValueError(
                f"schedule={self.schedule!r} and an optimizer "
                f"({display_name(self.optimizer)}) whose learning rate is a schedule "
                "of its own exclude each other; give one of the two"
            )
        if self.loss is not None:
            self._replace(loss=named(self.loss))
        if self.metrics is not None:
            metrics = [named(metric) for metric in _as_many(self.metrics)]
            self._replace(metrics=told_apart(metrics))

    def _replace(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def statistics(self, n_steps: int, *, goes_on: bool = False) -> RunningStatistics:
        """How running statistics follow the batches of a training of so many steps.

        A training that goes on from trained weights begins with sound ones; they
        change slowly, and there is nothing to take out.
        """
        if goes_on and self.momentum is None:
            return running_statistics(KERAS_MOMENTUM, n_steps)
        return running_statistics(self.momentum, n_steps)

    def batch_rows(self, n_rows: int) -> int:
        """Rows of one step when there are `n_rows` to train on."""
        if self.batch_size is not None:
            return min(self.batch_size, n_rows)
        about_twenty_steps: int = 2 ** round(math.log2(n_rows / 20 + 1))
        return min(n_rows, max(16, min(256, about_twenty_steps)))


def _has_own_schedule(optimizer: Named) -> bool:
    if not isinstance(optimizer, KerasObject) or not optimizer.config:
        return False
    return isinstance(json.loads(optimizer.config).get("learning_rate"), dict)


def _as_many(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else (value,)
