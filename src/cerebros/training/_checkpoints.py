"""Where a training that takes long keeps its state between segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


class Checkpoints(Protocol):
    """Keeps arrays under names that are safe as names of files."""

    def read(self, key: str) -> Arrays | None:
        """The arrays under a name, in the order in which they were written.

        None if there are none, or they are damaged, which is logged.
        """
        ...

    def write(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep arrays, whole or not at all; failing is said once and does no harm."""
        ...

    def remove(self, key: str) -> None:
        """Forget the arrays under a name, if there are any."""
        ...

    def keep_only(self, keys: set[str]) -> None:
        """Forget all others."""
        ...


class NoCheckpoints:
    """Keeps nothing."""

    def read(self, key: str) -> Arrays | None:
        return None

    def write(self, key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        pass

    def remove(self, key: str) -> None:
        pass

    def keep_only(self, keys: set[str]) -> None:
        pass
