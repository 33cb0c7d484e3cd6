"""Which networks are in training, for displays."""

from __future__ import annotations

from cerebros.search._text import number_text
from cerebros.training import Objective


class InTraining:
    """Networks that have trained an epoch and are not stored yet.

    A population reports thousands of epochs at once, from several threads, so adding
    one is a single change of a dictionary.

    Args:
        objective: which value is watched, and which way is better.
        n_epochs: most epochs of a network.
    """

    def __init__(self, objective: Objective, n_epochs: int) -> None:
        self._objective, self._n_epochs = objective, n_epochs
        self._last: dict[int, tuple[int, float, float | None]] = {}

    def add(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        """An epoch of a network has ended."""
        value = metrics.get(self._objective.metric, float("nan"))
        last = self._last.get(number)
        best = None if last is None else last[2]
        if self._objective.is_better(value, best):
            best = value
        self._last[number] = epoch, value, best

    def remove(self, number: int) -> None:
        """A network is stored."""
        self._last.pop(number, None)

    def words(self) -> str | None:
        """How many there are, how far they are, and their best value; None if none."""
        last = dict(self._last)
        if not last:
            return None
        if len(last) == 1:
            ((number, (epoch, value, _)),) = last.items()
            return (
                f"trial {number}, epoch {epoch + 1} of {self._n_epochs}, "
                f"{number_text(value)}"
            )
        first = min(epoch for epoch, _, _ in last.values()) + 1
        latest = max(epoch for epoch, _, _ in last.values()) + 1
        epochs = f"{first}" if first == latest else f"{first}–{latest}"
        best = None
        for _, _, own in last.values():
            if own is not None and self._objective.is_better(own, best):
                best = own
        text = f"{len(last)} networks, epoch {epochs} of {self._n_epochs}"
        return text if best is None else f"{text}, best {number_text(best)}"
