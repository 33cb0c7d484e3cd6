"""One optimizer for a network and another, usually slower one for what is before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import keras


class TwoRates(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Updates some variables with one optimizer and all others with another.

    Args:
        others: of all variables but those of `slow`.
        slow: of the variables of stems.
        slow_variables: those variables.
    """

    def __init__(self, others: Any, slow: Any, slow_variables: Collection[Any]) -> None:
        super().__init__(learning_rate=1.0, name="two_rates")
        self._both = (others, slow)
        self._slow_ids = {id(variable) for variable in slow_variables}
        self._ratio = float(slow.learning_rate) / float(others.learning_rate)

    def build(self, variables: Sequence[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        for optimizer, own in zip(self._both, self._parts(variables), strict=True):
            optimizer.build(own)

    def _parts(self, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Values of the variables of each optimizer, in order of the variables."""
        parts: tuple[list[Any], list[Any]] = ([], [])
        for variable, value in zip(self._trainable_variables, values, strict=True):
            parts[id(variable) in self._slow_ids].append(value)
        return parts

    @property
    def variables(self) -> list[Any]:
        own = list(super().variables)
        return own + [v for optimizer in self._both for v in optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """Of the network; that of the stems keeps its ratio to it."""
        return self._both[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        self._both[0].learning_rate = rate
        self._both[1].learning_rate = rate * self._ratio

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        if trainable_variables is not None and not self.built:
            self.build(trainable_variables)
        for optimizer, own in zip(self._both, self._parts(grads), strict=True):
            optimizer.apply(own)
        self.iterations.assign_add(1)
