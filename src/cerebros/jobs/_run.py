"""Running a job in its folder."""

from __future__ import annotations

import json
import logging
import platform
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cerebros import __version__
from cerebros.errors import StoreError
from cerebros.jobs._data import problem_of
from cerebros.jobs._file import Job
from cerebros.jobs._model_file import save_model
from cerebros.jobs._records import write_records
from cerebros.search import (
    Progress,
    SearchResult,
    Show,
    Trial,
    changed_entries,
    fine_tune,
    number_text,
    progress_of,
    search_networks,
    write_file,
)
from cerebros.search.stores import DATABASE
from cerebros.training import TrainingContext

logger = logging.getLogger("cerebros.jobs")

JOB_COPY = "job.toml"
LOG = "log.txt"
_PACKAGES = ("jax", "keras", "numpy", "pandas", "scikit-learn", "scipy", "sqlalchemy")
_MAY_CHANGE = {"search": ("time_budget", "n_architectures", "keep"), "output": None}


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a job.

    Attributes:
        folder: of the run.
        found: of the search.
        tuned: of the fine-tuning, or None.
        chosen: the one of the two whose best has the better score.
        scores: of the chosen model; see `SearchResult.scores`.
        files: what was written, by what it is.
    """

    folder: Path
    found: SearchResult
    tuned: SearchResult | None
    chosen: SearchResult
    scores: dict[str, dict[str, float]]
    files: dict[str, Path]


def run_job(job: Job, *, show: Show | Progress = "auto") -> JobResult:
    """Do all that a job asks for; the same call goes on where it was stopped.

    Everything is in the folder of the run: the job as it was run, versions, the log,
    trials and their histories, a report, and the exported model.

    Args:
        job: from `read_job_file`.
        show: progress, see `search_networks`.

    Raises:
        JobError, DataError, StemError: if the job does not fit the data.
        StoreError: if the folder belongs to another job, or cannot be written.
        SearchError: if every trial failed.
    """
    folder = job.folder
    _claim(job, folder)
    with _log(folder / LOG):
        logger.info("job %s in %s", _first_words(job), folder)
        problem = problem_of(job)
        display = _Logged(progress_of(show))
        found = search_networks(
            problem,
            space=job.space,
            training=job.training,
            objective=job.objective,
            out=folder,
            show=display,
            **job.search,
        )
        tuned = None
        if job.fine_tuning is not None:
            tuned = fine_tune(
                found,
                job.fine_tuning,
                seed=job.search["seed"],
                out=folder,
                show=display,
            )
        chosen = _better(found, tuned)
        scores = chosen.scores()
        files = write_records(folder, problem, found, tuned, chosen, scores)
        if job.output["export"]:
            files["model"] = save_model(chosen.best_model(), folder / "model.keras")
        logger.info("done")
    return JobResult(folder, found, tuned, chosen, scores, files)


def _better(found: SearchResult, tuned: SearchResult | None) -> SearchResult:
    """The result whose best trial has the better score on the validation rows."""
    if tuned is None:
        return found
    before, after = found.best_trial.score, tuned.best_trial.score
    assert after is not None, "the best trial has a score"
    return tuned if found.context.objective.is_better(after, before) else found


# --- The folder --------------------------------------------------------------------


def _claim(job: Job, folder: Path) -> None:
    """Write job and versions into a folder that is free, or that has the same job.

    Raises:
        StoreError: if it belongs to another job, or cannot be written.
    """
    copy = folder / JOB_COPY
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file, but must be a folder")
    if copy.exists() and (folder / DATABASE).exists():  # something could be lost
        ours, theirs = _lasting(job.text), _lasting(copy.read_text(encoding="utf-8"))
        if changes := changed_entries(ours, theirs):
            listed = "\n- ".join(changes)
            raise StoreError(
                f"{folder} belongs to another job; it differs in\n- {listed}\n"
                "Give another folder under [output], or restore the job."
            )
    write_file(copy, job.text)
    write_file(folder / "versions.json", json.dumps(_versions(), indent=2) + "\n")


def _lasting(text: str) -> dict[str, Any]:
    """A job without what may change from one run of it to the next."""
    content = tomllib.loads(text)
    for section, names in _MAY_CHANGE.items():
        if names is None:
            content.pop(section, None)
            continue
        for name in names:
            content.get(section, {}).pop(name, None)
    return content


def _versions() -> dict[str, str]:
    import keras

    found = {"cerebros": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    found["keras backend"] = keras.backend.backend()
    return found | {"platform": platform.platform()}


def _first_words(job: Job) -> str:
    source = job.data.get("file") or job.data["bundled"]
    return f"{job.data['task']} of {job.data['target']} in {source}"


@contextmanager
def _log(path: Path) -> Iterator[None]:
    """What this package logs goes to a file, too; a run adds to those before."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Stamped("%(asctime)s %(levelname)s %(name)s %(message)s"))
    top = logging.getLogger("cerebros")
    level = top.level
    top.addHandler(handler)
    top.setLevel(logging.INFO)
    try:
        yield
    except BaseException as error:
        logger.error("ended by %s: %s", type(error).__name__, error)
        raise
    finally:
        top.setLevel(level)
        top.removeHandler(handler)
        handler.close()


class _Stamped(logging.Formatter):
    """With the time in UTC."""

    def formatTime(  # noqa: N802 (logging's name)
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="seconds")


class _Logged:
    """Hands everything on to a display, and logs every trial."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> AbstractContextManager[None]:
        logger.info("%d of %d trials are there", len(done), n_trials)
        return self._shown.running(n_trials, done, context)

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        self._shown.epoch(number, epoch, metrics)

    def trial(self, trial: Trial) -> None:
        score = "no score" if trial.score is None else number_text(trial.score)
        error = f": {trial.error}" if trial.error else ""
        logger.info(
            "trial %d %s, %s%s", trial.number, trial.status.name.lower(), score, error
        )
        self._shown.trial(trial)
