"""A trial: a plan, and what came of training it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from cerebros.errors import SearchError
from cerebros.plan import NetworkPlan
from cerebros.training import Objective, Status


@dataclass(frozen=True, slots=True)
class Trial:
    """One trained plan of a search, as it is remembered.

    Attributes:
        number: counted from 0; with the search's definition it decides everything
            below, save the seconds.
        plan: the network.
        status: how its training ended.
        score: the objective in the best epoch; None if there is none.
        best_epoch: number of that epoch, counted from 0.
        history: for each metric its value after every epoch.
        repairs: what the space repaired in the plan that it drew, in words.
        error: what went wrong, in words.
        seconds: how long it took.
    """

    number: int
    plan: NetworkPlan
    status: Status
    score: float | None = None
    best_epoch: int | None = None
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    repairs: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = field(default=0.0, compare=False)

    __hash__ = None  # type: ignore[assignment]


class Standing(Protocol):
    """What decides the rank of a trial."""

    @property
    def number(self) -> int: ...
    @property
    def status(self) -> Status: ...
    @property
    def score(self) -> float | None: ...


_Ranked = TypeVar("_Ranked", bound=Standing)


def ranked(trials: Iterable[_Ranked], objective: Objective) -> list[_Ranked]:
    """Trials with a score, the best first.

    Interrupted ones come after all others; of equal ones the lower number is first.
    """
    scored = [(trial, trial.score) for trial in trials if trial.score is not None]
    scored.sort(
        key=lambda pair: (
            not pair[0].status.is_final,
            objective.sort_key(pair[1]),
            pair[0].number,
        )
    )
    return [trial for trial, _ in scored]


def best_trial(trials: Sequence[Trial], objective: Objective) -> Trial:
    """The trial with the best score.

    Raises:
        SearchError: if none has one; the message gives the first error.
    """
    if in_order := ranked(trials, objective):
        return in_order[0]
    if not trials:
        raise SearchError(
            "no trial was finished, so there is no best one; give the search more "
            "time, or fewer epochs"
        )
    first = next((trial for trial in trials if trial.error), trials[0])
    raise SearchError(
        f"all {len(trials)} trials failed, so there is no best one; the first error "
        f"was in trial {first.number}: {first.error or first.status.value}"
    )
