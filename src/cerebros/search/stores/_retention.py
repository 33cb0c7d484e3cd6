"""Whose weights are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from cerebros.errors import StoreError
from cerebros.search._trial import Standing, ranked
from cerebros.training import Objective

Keep: TypeAlias = int | Literal["all"]
"""How many of the best trials keep their weights."""


def check_keep(keep: Keep) -> None:
    """Make sure that at least the best trial keeps its weights."""
    if keep != "all" and (
        isinstance(keep, bool) or not isinstance(keep, int) or keep < 1
    ):
        raise ValueError(f"keep must be a whole number >= 1 or 'all', but got {keep!r}")


def kept_numbers(
    trials: Iterable[Standing], objective: Objective, keep: Keep
) -> set[int]:
    """Numbers of the trials that keep their weights; ties go to the lower number."""
    in_order = ranked(trials, objective)
    return {trial.number for trial in (in_order if keep == "all" else in_order[:keep])}


def weights_not_kept(number: int, keep: Keep) -> StoreError:
    return StoreError(
        f"the weights of trial {number} are not there: it has no finite score, or it "
        f"is not among the best that were kept (keep={keep!r}); search with keep='all' "
        "to keep every trial's"
    )
