"""Where a fit keeps its trials: not in memory, and so that a killed one goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from cerebros.errors import StoreError
from cerebros.lowering.levels import Matrices
from cerebros.search.stores import write_file
from cerebros.training.levels import State

_DEFINITION = "fit.json"


@dataclass(frozen=True, eq=False)
class Kept:
    """What a folder holds of a trial that is not done, or that is.

    Attributes:
        answers: at each checkpoint.
        epochs: done at each.
        state: where to go on; None if it is done, or to begin.
        seconds: that it took so far.
        is_done: whether its training has come to its end.
    """

    answers: tuple[Any, ...]
    epochs: tuple[int, ...]
    state: State | None
    seconds: float
    is_done: bool


NOTHING_KEPT = Kept((), (), None, 0.0, False)


@dataclass(frozen=True, slots=True)
class TrialFiles:
    """A folder of trials; each file is written whole or not at all.

    Attributes:
        folder: where they are.
        is_lasting: whether somebody may go on there.
    """

    folder: Path
    is_lasting: bool

    @classmethod
    @contextmanager
    def of(
        cls, folder: Path | None, definition: dict[str, Any]
    ) -> Iterator[TrialFiles]:
        """A folder for a fit, made if need be; None for one that is removed again.

        Raises:
            StoreError: if it holds another fit, or cannot be written.
        """
        if folder is None:
            with TemporaryDirectory(prefix="cerebros-") as temporary:
                yield cls(Path(temporary), is_lasting=False)
            return
        _claim(folder, definition)
        yield cls(folder, is_lasting=True)

    def write(
        self,
        number: int,
        checkpoint: int,
        answers: Any,
        matrices: Matrices,
        state: State | None,
        epochs: int,
        seconds: float,
    ) -> None:
        """Keep a checkpoint of a trial, and where to go on; None if it is done."""
        arrays = {"answers": answers, **_named("matrices", matrices)}
        mark = {
            "seconds": repr(seconds),
            "epochs": str(epochs),
            "is_last": str(state is None),
        }
        write_file(self._path(number, checkpoint), save(_in_order(arrays), mark))
        if not self.is_lasting:
            return
        if state is None:
            self._state(number).unlink(missing_ok=True)
            return
        arrays = {
            **_named("matrices", state.matrices),
            **_named("first", state.first),
            **_named("second", state.second),
        }
        mark = {
            "epoch": str(state.epoch),
            "n_steps": str(state.n_steps),
            "checkpoint": str(checkpoint),
        }
        write_file(self._state(number), save(_in_order(arrays), mark))

    def read(self, number: int) -> Kept | None:
        """What there is of a trial; None if there is nothing."""
        answers: list[Any] = []
        marks: list[dict[str, str]] = []
        while (path := self._path(number, len(answers))).exists():
            arrays, mark = _read(path)
            answers.append(arrays["answers"])
            marks.append(mark)
            if mark["is_last"] == "True":
                return _kept(answers, marks, None, is_done=True)
        if not answers or not self._state(number).exists():
            return None
        arrays, mark = _read(self._state(number))
        state = State(
            int(mark["epoch"]),
            int(mark["n_steps"]),
            _unnamed("matrices", arrays),
            _unnamed("first", arrays),
            _unnamed("second", arrays),
        )
        n = int(mark["checkpoint"]) + 1
        return _kept(answers[:n], marks[:n], state, is_done=False)

    def matrices(self, number: int, checkpoint: int) -> Matrices:
        """The matrices of a trial at a checkpoint."""
        return _unnamed("matrices", _read(self._path(number, checkpoint))[0])

    def _path(self, number: int, checkpoint: int) -> Path:
        name = f"trial_{number:05d}_checkpoint_{checkpoint:02d}.safetensors"
        return self.folder / name

    def _state(self, number: int) -> Path:
        return self.folder / f"trial_{number:05d}_state.safetensors"


def _kept(
    answers: Sequence[Any],
    marks: Sequence[dict[str, str]],
    state: State | None,
    *,
    is_done: bool,
) -> Kept:
    epochs = tuple(int(mark["epochs"]) for mark in marks)
    return Kept(tuple(answers), epochs, state, float(marks[-1]["seconds"]), is_done)


def _claim(folder: Path, definition: dict[str, Any]) -> None:
    """Write a definition into a folder that is free, or make sure it is that."""
    path = folder / _DEFINITION
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = json.loads(path.read_text()) if path.exists() else None
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder} cannot be used for a fit: {error}") from error
    if written is None:
        write_file(path, json.dumps(definition, indent=2))
    elif written != definition:
        changed = sorted(
            key
            for key in {*written, *definition}
            if written.get(key) != definition.get(key)
        )
        raise StoreError(
            f"{folder} holds a fit with another {', '.join(changed)}; name another "
            "folder in `out`, or remove this one"
        )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            return arrays, dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise StoreError(
            f"the file {path} is damaged ({error}); remove it, and its trial is "
            "trained again"
        ) from error


def _named(prefix: str, arrays: Any) -> dict[str, Any]:
    return {f"{prefix}/{key}": np.asarray(value) for key, value in arrays.items()}


def _unnamed(prefix: str, arrays: dict[str, Any]) -> Matrices:
    start = f"{prefix}/"
    return {
        key.removeprefix(start): value
        for key, value in arrays.items()
        if key.startswith(start)
    }


def _in_order(arrays: dict[str, Any]) -> dict[str, Any]:
    return {key: np.ascontiguousarray(value) for key, value in arrays.items()}
