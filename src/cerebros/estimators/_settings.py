"""Deeper settings of an estimator, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from cerebros.estimators._networks import ACTIVATE
from cerebros.plan import unknown_name
from cerebros.spaces import WideMLP, WideWiring

ACTIVATIONS = frozenset(ACTIVATE) - {"linear", "softmax"}
"""Of hidden units: those that training, prediction and export know for tables."""

SpaceName: TypeAlias = Literal["random_wiring", "residual_mlp", "mlp", "mixed"]
SPACES = get_args(SpaceName)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationSettings:
    """How the networks of a table are trained.

    Attributes:
        epochs: of each network; None to decide by the size of the table and the time.
        checkpoints: at which a training may be stopped afterwards.
        folds: with `validation=None`; None to decide likewise.
        most_trials: where neither the time nor `n_trials` ends the search before.

    Raises:
        ValueError: if a number is below 1, or folds below 2.
    """

    epochs: int | None = None
    checkpoints: int = 16
    folds: int | None = None
    most_trials: int = 48

    def __post_init__(self) -> None:
        least = {"epochs": 1, "checkpoints": 1, "folds": 2, "most_trials": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise ValueError(
                    f"{name} must be at least {smallest}, but got {value!r}"
                )


def check_space(space: object) -> None:
    """Make sure that a space is one for tables.

    Raises:
        ValueError: if it is not.
    """
    if isinstance(space, str):
        if space not in SPACES:
            raise ValueError(unknown_name("space", space, SPACES))
    elif not isinstance(space, (WideWiring, WideMLP)):
        raise ValueError(
            f"space must be one of {SPACES}, or a WideWiring or WideMLP of "
            f"cerebros.spaces, but got {space!r}"
        )
    elif space.activation not in ACTIVATIONS:
        raise ValueError(unknown_name("activation", space.activation, ACTIVATIONS))
