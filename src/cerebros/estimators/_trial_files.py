"""Where a fit keeps its trials, so that one that was killed goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cerebros.errors import StoreError
from cerebros.lowering.levels import Matrices
from cerebros.search.stores import write_file
from cerebros.training.levels import State

_DEFINITION = "fit.json"


@dataclass(frozen=True, eq=False)
class Kept:
    """What a folder holds of a trial.

    Attributes:
        answers: at each checkpoint.
        matrices: at each checkpoint.
        state: where to go on; None if it is done.
        seconds: that it took so far.
    """

    answers: list[Any]
    matrices: list[Matrices]
    state: State | None
    seconds: float


@dataclass(frozen=True, slots=True)
class TrialFiles:
    """A folder of trials; each file is written whole or not at all.

    Attributes:
        folder: where they are; None to keep nothing.
    """

    folder: Path | None = None

    @classmethod
    def of(cls, folder: Path | None, definition: dict[str, Any]) -> TrialFiles:
        """A folder for a fit, made if need be.

        Raises:
            StoreError: if it holds another fit, or cannot be written.
        """
        if folder is None:
            return cls()
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
        return cls(folder)

    def write(
        self,
        number: int,
        answers: list[Any],
        matrices: list[Matrices],
        state: State | None,
        seconds: float,
    ) -> None:
        """Keep the last checkpoint of a trial, and where to go on."""
        if self.folder is None:
            return
        from safetensors.numpy import save

        at = len(answers) - 1
        arrays = {"answers": answers[-1], **_named("matrices", matrices[-1])}
        mark = {"seconds": repr(seconds)}
        write_file(self._path(number, at), save(_in_order(arrays), mark))
        if state is not None:
            arrays = {
                **_named("matrices", state.matrices),
                **_named("first", state.first),
                **_named("second", state.second),
            }
            mark = {
                "epoch": str(state.epoch),
                "n_steps": str(state.n_steps),
                "checkpoint": str(at),
            }
            write_file(self._state(number), save(_in_order(arrays), mark))
        else:
            self._state(number).unlink(missing_ok=True)

    def read(self, number: int) -> Kept | None:
        """What there is of a trial; None if nothing that can be gone on with."""
        if self.folder is None:
            return None
        answers: list[Any] = []
        matrices: list[Matrices] = []
        seconds = 0.0
        while (path := self._path(number, len(answers))).exists():
            arrays, mark = _read(path)
            answers.append(arrays.pop("answers"))
            matrices.append(_unnamed("matrices", arrays))
            seconds = float(mark["seconds"])
        if not answers:
            return None
        if not self._state(number).exists():
            return Kept(answers, matrices, None, seconds)
        arrays, mark = _read(self._state(number))
        n = int(mark["checkpoint"]) + 1
        state = State(
            int(mark["epoch"]),
            int(mark["n_steps"]),
            _unnamed("matrices", arrays),
            _unnamed("first", arrays),
            _unnamed("second", arrays),
        )
        return Kept(answers[:n], matrices[:n], state, seconds)

    def _path(self, number: int, checkpoint: int) -> Path:
        assert self.folder is not None
        name = f"trial_{number:05d}_checkpoint_{checkpoint:02d}.safetensors"
        return self.folder / name

    def _state(self, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f"trial_{number:05d}_state.safetensors"


def _read(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

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
