"""The files that the original left behind, as a projection of the store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cerebros.compat._spec import skeleton_of_plan, spec_of, spec_text
from cerebros.plan import plan_to_json
from cerebros.report import write_picture
from cerebros.search import Progress, Store, Trial, history_frame, write_file
from cerebros.training import TrainingContext, make_model

_SECONDS_BETWEEN_HISTORIES = 5.0


class ProjectFiles:
    """A progress display that also writes the files of each stored trial.

    Args:
        folder: the project.
        store: has the weights of every trial.
        prefix: of file names, to tell machines apart; may be empty.
        tries: wirings of each architecture.
        shown: the display that everything is passed on to.
    """

    def __init__(
        self, folder: Path, store: Store, *, prefix: str, tries: int, shown: Progress
    ) -> None:
        self._folder, self._store = folder, store
        self._prefix, self._tries = prefix, tries
        self._shown = shown
        self._context: TrainingContext | None = None
        self._trials: dict[int, Trial] = {}
        self._history_at = 0.0

    @contextmanager
    def running(
        self, n_trials: int, done: Sequence[Trial], context: TrainingContext
    ) -> Iterator[None]:
        self._context = context
        self._trials = {trial.number: trial for trial in done}
        for trial in done:
            if not self._path("model_architectures", trial, "json").exists():
                self._write(trial, context)
        try:
            with self._shown.running(n_trials, done, context):
                yield
        finally:
            self._write_history()

    def epoch(self, number: int, epoch: int, metrics: dict[str, float]) -> None:
        self._shown.epoch(number, epoch, metrics)

    def trial(self, trial: Trial) -> None:
        assert self._context is not None, "trial() comes after running()"
        self._trials[trial.number] = trial
        self._write(trial, self._context)
        if time.monotonic() - self._history_at > _SECONDS_BETWEEN_HISTORIES:
            self._write_history()
        self._shown.trial(trial)

    def _write(self, trial: Trial, context: TrainingContext) -> None:
        if trial.best_epoch is not None:
            path = self._path("models", trial, "keras")
            path.parent.mkdir(parents=True, exist_ok=True)
            model = make_model(trial.plan, self._store.weights(trial.number), context)
            temporary = path.with_suffix(".part.keras")
            model.save(temporary)
            temporary.replace(path)
        picture = self._path("model_graphs", trial, "html")
        picture.parent.mkdir(parents=True, exist_ok=True)
        number, subtrial = divmod(trial.number, self._tries)
        write_picture(picture, trial.plan, title=f"trial {number}, wiring {subtrial}")
        architecture = self._path("model_architectures", trial, "txt")
        spec = spec_of(skeleton_of_plan(trial.plan))
        write_file(architecture, spec_text(spec))
        plan = plan_to_json(trial.plan, indent=1)
        write_file(architecture.with_suffix(".json"), plan)

    def _write_history(self) -> None:
        history = history_frame([self._trials[n] for n in sorted(self._trials)])
        number = history.pop("trial")
        history.insert(0, "trial_number", number // self._tries)
        history.insert(1, "subtrial_number", number % self._tries)
        text = history.to_csv(index=False)
        for name in {"oracle.csv", f"{self._prefix}oracle.csv"}:
            write_file(self._folder / name, text)
        self._history_at = time.monotonic()

    def _path(self, kind: str, trial: Trial, suffix: str) -> Path:
        return self._folder / kind / f"{self._name(trial)}.{suffix}"

    def _name(self, trial: Trial) -> str:
        return trial_name(*divmod(trial.number, self._tries), prefix=self._prefix)


def trial_name(number: int, subtrial: int, *, prefix: str = "") -> str:
    """The file name of a trial, without an ending."""
    return f"{prefix}tr_{number:016d}_subtrial_{subtrial:016d}"
