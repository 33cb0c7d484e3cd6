"""A search that was asked for, as `job.json`: all that is needed to go on with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cerebros.cli._selection import Selection
from cerebros.cli._source import Source
from cerebros.errors import StoreError
from cerebros.search import (
    RandomSearch,
    SearchResult,
    Show,
    search_networks,
    write_file,
)
from cerebros.search.stores import Keep, check_keep
from cerebros.spaces import RandomWiring
from cerebros.training import Objective, Problem, TrainingSettings

RECORD_FILE = "job.json"
FORMAT = "cerebros.job"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord:
    """Everything that decides what a search does, save the time that it is given.

    Attributes:
        source: the table.
        selection: what of the table is used.
        space: where networks come from.
        training: how they are trained.
        objective: what ranks them.
        seed: of every random draw.
        n_trials: networks to train in all.
        n_wirings: networks for each draw of levels, units and neurons.
        keep: how many of the best keep their weights.
        classes: labels in the order of the outputs; empty for a regression.

    Raises:
        ValueError: if a number is out of its range.
    """

    source: Source
    selection: Selection
    space: RandomWiring
    training: TrainingSettings
    objective: Objective
    seed: int
    n_trials: int
    n_wirings: int
    keep: Keep
    classes: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("n_trials", 1), ("n_wirings", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(
                    f"{name} must be a whole number >= {least}, but got {value!r}"
                )
        check_keep(self.keep)

    def search(
        self, problem: Problem, folder: Path, *, show: Show, time_budget: float | None
    ) -> SearchResult:
        """Train what is missing, in the folder, and return what is there then.

        Raises:
            CerebrosError: see `search_networks`.
        """
        strategy = RandomSearch(
            space=self.space, ports=problem.ports, n_wirings=self.n_wirings
        )
        return search_networks(
            problem,
            strategy=strategy,
            n_architectures=self.n_trials,
            training=self.training,
            objective=self.objective,
            seed=self.seed,
            time_budget=time_budget,
            out=folder,
            keep=self.keep,
            show=show,
        )

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; what is not listed has its default."""
        selection = asdict(self.selection)
        del selection["seed"]  # the job's
        return {
            "format": FORMAT,
            "version": VERSION,
            "table": asdict(self.source),
            "selection": selection,
            "classes": list(self.classes),
            "space": {
                name: list(getattr(self.space, name))
                for name in ("levels", "units", "neurons")
            },
            "training": {
                name: getattr(self.training, name)
                for name in ("epochs", "batch_size", "learning_rate", "patience")
            },
            "objective": asdict(self.objective),
            "seed": self.seed,
            "n_trials": self.n_trials,
            "n_wirings": self.n_wirings,
            "keep": self.keep,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> SearchRecord:
        """The job of `to_data`."""
        selection, seed = dict(data["selection"]), data["seed"]
        medians = selection.pop("medians")
        columns = tuple(selection.pop("columns"))
        return cls(
            source=Source(**data["table"]),
            selection=Selection(
                columns=columns,
                medians=None if medians is None else tuple(medians),
                seed=seed,
                **selection,
            ),
            space=RandomWiring(**_ranges(data["space"])),
            training=TrainingSettings(**data["training"]),
            objective=Objective(**data["objective"]),
            seed=seed,
            n_trials=data["n_trials"],
            n_wirings=data["n_wirings"],
            keep=data["keep"],
            classes=tuple(data["classes"]),
        )

    def write(self, folder: Path) -> None:
        """Write the job's file, whole or not at all.

        Raises:
            StoreError: if it cannot be written.
        """
        text = json.dumps(self.to_data(), indent=2, ensure_ascii=False, allow_nan=False)
        write_file(folder / RECORD_FILE, text + "\n")


def read_record(folder: Path) -> SearchRecord | None:
    """The job of a folder, or None if it has none.

    Raises:
        StoreError: if its file is damaged, or of a newer release.
    """
    path = folder / RECORD_FILE
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(path, f"it is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _damaged(path, f'it lacks "format": "{FORMAT}"')
    version = data.get("version")
    if isinstance(version, int) and version > VERSION:
        raise StoreError(
            f"{path} was written by a newer release (version {version}, this one knows "
            f"{VERSION}); upgrade cerebros to read it"
        )
    try:
        return SearchRecord.from_data(data)
    except KeyError as error:
        raise _damaged(path, f"it lacks {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, str(error)) from error


def _ranges(space: dict[str, list[int]]) -> dict[str, Any]:
    return {name: tuple(ends) for name, ends in space.items()}


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} is damaged ({reason}); restore it from a copy, or begin the search "
        "again in another folder (cerebros trials and show do not need the file)"
    )
