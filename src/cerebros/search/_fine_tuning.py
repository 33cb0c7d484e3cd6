"""Training on, with chosen layers of a stem thawed, from the best heads of a search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cerebros.errors import SearchError, StemError
from cerebros.search._loop import run_search
from cerebros.search._progress import Progress, Show, progress_of
from cerebros.search._result import SearchResult
from cerebros.search._store import Store
from cerebros.search.executors import KerasExecutor
from cerebros.search.stores import MemoryStore, SqlStore
from cerebros.search.strategies import GivenPlans
from cerebros.training import TrainingContext, TrainingSettings, whole_number

if TYPE_CHECKING:
    from cerebros.stems import Thaw


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuning:
    """How a stem is trained on together with the best heads.

    Batch normalization of the stem stays frozen, unless it is named.

    Attributes:
        layers: which layers of the stem are trained: `"all"`, `"last_convolution"`,
            the last `n`, or a list of names.
        input: number of the input whose stem it is; None if there is only one.
        n_heads: how many of the best heads are trained on, each with a stem of its own.
        epochs: at most.
        patience: epochs without a better score before one stops; None for never.
        learning_rate: of the heads.
        stem_learning_rate: of the stem's layers.
        batch_size: rows of a step; None for that of the search.

    Raises:
        ValueError: if a number lies outside of its range.
    """

    layers: Thaw = "all"
    input: int | None = None
    n_heads: int = 3
    epochs: int = 10
    patience: int | None = 3
    learning_rate: float = 1e-4
    stem_learning_rate: float = 1e-5
    batch_size: int | None = None

    def __post_init__(self) -> None:
        whole_number("n_heads", self.n_heads, least=1)
        if isinstance(self.layers, list):
            object.__setattr__(self, "layers", tuple(self.layers))

    def training(self, settings: TrainingSettings) -> TrainingSettings:
        """Settings of the search with those of the fine-tuning."""
        return replace(
            settings,
            epochs=self.epochs,
            patience=self.patience,
            learning_rate=self.learning_rate,
            stem_learning_rate=self.stem_learning_rate,
            batch_size=self.batch_size or settings.batch_size,
            schedule="constant",
        )


def fine_tune(
    result: SearchResult,
    settings: FineTuning | None = None,
    *,
    seed: int = 0,
    time_budget: float | None = None,
    out: str | Path | None = None,
    name: str = "fine-tuning",
    show: Show | Progress = "auto",
) -> SearchResult:
    """Thaw chosen layers of a stem, and train on from the best heads of a search.

    Every head gets a copy of the stem. Each is a trial of its own, number 0 from the
    best head; weights of its best epoch are kept. The trials are trained by Keras, one
    after another, since the stem runs in every step.

    Args:
        result: of a search behind a stem.
        settings: which layers, how many heads, learning rates.
        seed: of the order of rows and of dropout.
        time_budget: seconds after which no further epoch begins.
        out: folder in which the trials are kept, such as that of the search; None
            keeps them in memory.
        name: of these trials in the folder; another for each fine-tuning.
        show: progress, see `search_networks`.

    Returns:
        The trials; their models go from raw rows to answers. Compare their scores with
        those of `result`: training on is not always better.

    Raises:
        StemError: if there is no Keras stem, or no such layer in it.
        SearchError: if the search has no trial with weights, or all trials failed.
        StoreError: if the folder belongs to another search or cannot be written.
    """
    start = time.monotonic()
    settings = settings or FineTuning()
    context = _thawed_context(result.context, settings)
    plans, weights = _best_heads(result, settings.n_heads)
    store: Store = (
        MemoryStore(context.objective, keep="all")
        if out is None
        else SqlStore.in_folder(out, context.objective, keep="all", name=name)
    )
    run_search(
        GivenPlans(tuple(plans)),
        KerasExecutor(starts=dict(enumerate(weights))),
        store,
        context,
        n_trials=len(plans),
        seed=seed,
        deadline=None if time_budget is None else start + time_budget,
        progress=progress_of(show),
    )
    tuned = SearchResult(store, context)
    _ = tuned.best_trial  # says so if every trial failed
    return tuned


def _thawed_context(context: TrainingContext, settings: FineTuning) -> TrainingContext:
    stems = list(context.stems or ())
    there = [i for i, stem in enumerate(stems) if stem is not None]
    if not there:
        raise StemError(
            "there is no Keras model in front of these networks, so nothing to thaw; "
            "make the problem with stems=[…]"
        )
    if settings.input is None and len(there) > 1:
        raise StemError(
            f"the inputs {there} have stems; say with FineTuning(input=…) which is "
            "thawed"
        )
    which = there[0] if settings.input is None else settings.input
    if which not in there:
        raise StemError(f"input {which} has no stem to thaw; those with one: {there}")
    from cerebros.stems import thawed  # and Keras

    stems[which] = thawed(stems[which], settings.layers)
    return replace(context, stems=stems, settings=settings.training(context.settings))


def _best_heads(result: SearchResult, n: int) -> tuple[Sequence[Any], Sequence[Any]]:
    """Plans and weights of the best trials."""
    best = result.leaderboard()[:n]
    if not best:
        raise SearchError("the search has no trial with a score to train on from")
    weights = [result.store.weights(trial.number) for trial in best]
    return [trial.plan for trial in best], weights
