"""What a search hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cerebros.search._store import Store
from cerebros.search._trial import Trial, best_trial, ranked
from cerebros.training import TrainingContext

if TYPE_CHECKING:
    import keras
    import pandas as pd


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The trials of a search and the way from them to models.

    Attributes:
        store: where the trials are remembered.
        context: data, training settings, objective.
    """

    store: Store
    context: TrainingContext

    @property
    def all_trials(self) -> list[Trial]:
        """Every stored trial with its plan and history, in order of the numbers."""
        return self.store.trials()

    @property
    def best_trial(self) -> Trial:
        """The trial with the best score.

        Raises:
            SearchError: if no trial has one.
        """
        return best_trial(self.all_trials, self.context.objective)

    def leaderboard(self) -> list[Trial]:
        """Trials with a score, the best first."""
        return ranked(self.all_trials, self.context.objective)

    def trials(self) -> pd.DataFrame:
        """One row for each trial: score, epoch, size, status, error."""
        from cerebros.search._frames import trials_frame

        return trials_frame(self.all_trials)

    def history(self) -> pd.DataFrame:
        """One row for each trial and epoch, one column for each metric."""
        from cerebros.search._frames import history_frame

        return history_frame(self.all_trials)

    def best_model(self) -> keras.Model:
        """The compiled Keras model of the best trial, in its best epoch.

        Raises:
            SearchError: if no trial has a score.
        """
        return self.model(self.best_trial.number)

    def model(self, number: int) -> keras.Model:
        """The compiled Keras model of a trial, in its best epoch.

        Raises:
            ValueError: if there is no such trial.
            StoreError: if its weights were not kept.
        """
        trial = next((t for t in self.all_trials if t.number == number), None)
        if trial is None:
            raise ValueError(
                f"there is no trial {number}; the {len(self.all_trials)} trials are "
                f"numbered {[t.number for t in self.all_trials[:5]]} and so on"
            )
        from cerebros.training import make_model

        return make_model(trial.plan, self.store.weights(number), self.context)

    def scores(self) -> dict[str, dict[str, float]]:
        """What the best network reaches, on rows that chose it and rows that did not.

        The score on the validation rows chose the network and its epoch, so it
        flatters. The test rows chose nothing; their score is the one to report. The
        constant answer (mean or class shares of the training rows) stands beside it.

        Returns:
            `{"validation": …, "test": …, "test_of_constant": …}`, each with every
            metric; without the last two if the split has no test rows.
        """
        from cerebros.search._scores import honest_scores

        return honest_scores(self.best_model(), self.best_trial.plan, self.context)

    def __repr__(self) -> str:
        return f"SearchResult({len(self.all_trials)} trials)"

    def __getstate__(self) -> Any:
        raise TypeError("a search result is not pickled; keep its folder instead")
