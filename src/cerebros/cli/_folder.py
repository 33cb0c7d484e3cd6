"""The folder of a search, opened for reading; it may be growing meanwhile."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cerebros.cli._loading import load_whole
from cerebros.cli._output import note
from cerebros.cli._search_record import RECORD_FILE, SearchRecord, read_record
from cerebros.errors import StoreError
from cerebros.search import SqlStore, Trial, best_trial, ranked
from cerebros.search.stores import DATABASE, search_names
from cerebros.training import Objective, TrainingSettings

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class SearchFolder:
    """What a search has left in its folder.

    Attributes:
        path: of the folder.
        name: of the search in the folder's database.
        store: the trials.
        definition: of the search, as the store has it.
        objective: what ranks the trials.
    """

    path: Path
    name: str
    store: SqlStore
    definition: dict[str, Any]
    objective: Objective

    @classmethod
    def open(cls, path: str | Path, name: str | None = None) -> SearchFolder:
        """Open a folder that holds a search.

        Args:
            path: of the folder.
            name: of the search, where a folder holds several; by default the one that
                was begun last.

        Raises:
            StoreError: if it holds none, or one that cannot be read.
        """
        path = Path(path)
        _check_holds_search(path)
        name = _choose_search(path, name)
        definition = SqlStore.in_folder(path, Objective(), name=name).definition()
        objective = Objective(
            definition["objective"]["metric"], definition["objective"]["direction"]
        )
        store = SqlStore.in_folder(path, objective, name=name)
        return cls(path, name, store, definition, objective)

    @cached_property
    def trials(self) -> list[Trial]:
        """All trials that were stored when this was first asked for."""
        return self.store.trials()

    @property
    def best_first(self) -> list[Trial]:
        """Trials with a score, the best first."""
        return ranked(self.trials, self.objective)

    def job(self, command: str) -> SearchRecord:
        """The job, for a command that cannot do without.

        Raises:
            StoreError: if there is none, or it is damaged.
        """
        job = read_record(self.path)
        if job is None:
            raise StoreError(
                f"{self.path} has no {RECORD_FILE}, which says what the columns of the "
                f"table mean, so `cerebros {command}` cannot work; the search was made "
                "from Python, where the same call goes on and has the models (cerebros "
                "trials, show and export work)"
            )
        return job

    def trial(self, which: int | Literal["best"]) -> Trial:
        """A trial by its number, or the best.

        Raises:
            ValueError: if there is no such trial.
            SearchError: if none is the best.
        """
        if which == "best":
            return best_trial(self.trials, self.objective)
        for trial in self.trials:
            if trial.number == which:
                return trial
        numbers = [trial.number for trial in self.trials]
        stored = f"0 to {max(numbers)}" if numbers else "none yet"
        raise ValueError(
            f"there is no trial {which} in {self.path}; stored are {stored}, see "
            f"`cerebros trials {shlex.quote(str(self.path))}`"
        )

    def model(self, trial: Trial) -> keras.Model:
        """The Keras model of a trial in its best epoch, compiled if that is possible.

        Raises:
            StoreError: if its weights were not kept, or it stands behind other models.
        """
        load_whole("keras")
        from cerebros.lowering import OutputScale, to_keras

        if any(self.definition["stems"]):
            raise StoreError(
                f"the networks in {self.path} were trained behind base models, which "
                "are not in the folder; make the model from Python"
            )
        scales = self.definition["output_scales"]
        model = to_keras(
            trial.plan,
            self._weights(trial),
            output_scales=scales
            and [
                scale and OutputScale(tuple(scale["mean"]), tuple(scale["scale"]))
                for scale in scales
            ],
        )
        self._compile(model)
        return model

    def _weights(self, trial: Trial) -> Any:
        job = read_record(self.path)
        keep = job.keep if job else "all"
        store = SqlStore.in_folder(self.path, self.objective, keep=keep, name=self.name)
        return store.weights(trial.number)

    def _compile(self, model: keras.Model) -> None:
        """Prepare for more training, unless loss or metrics were objects of a user."""
        from cerebros.training import compile_model

        stored = {k: v for k, v in self.definition["training"].items() if k != "type"}
        metrics = stored.pop("metrics") or ()
        named = [stored["loss"], stored["optimizer"], *metrics]
        if all(isinstance(name, str) for name in named):
            compile_model(model, TrainingSettings(**stored, metrics=tuple(metrics)))


def _choose_search(path: Path, name: str | None) -> str:
    names = search_names(path)
    if name is not None and name not in names:
        raise StoreError(
            f"{path} holds no search named {name!r}; it has "
            f"{', '.join(names) or 'none'}"
        )
    if not names:
        raise StoreError(f"the folder {path} holds no search: its database is empty")
    if name is None and len(names) > 1:
        note(
            f"{path} holds {len(names)} searches: {', '.join(names)}. This is the one "
            "begun last; --search picks another."
        )
    return name or names[-1]


def _check_holds_search(path: Path) -> None:
    if not path.exists():
        raise StoreError(f"the folder {path} does not exist")
    if not path.is_dir():
        raise StoreError(f"{path} is a file, but must be the folder of a search")
    if (path / DATABASE).exists():
        return
    if (path / RECORD_FILE).exists():
        raise StoreError(
            f"the search in {path} has not trained anything yet; "
            f"`cerebros resume {shlex.quote(str(path))}` begins it"
        )
    raise StoreError(f"the folder {path} holds no search: it has no {DATABASE}")
