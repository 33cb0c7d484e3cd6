"""What a search is, as plain data: equal definitions give equal trials."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from enum import Enum
from typing import Any

import numpy as np

from cerebros.search._executor import Executor
from cerebros.training import KerasObject, TrainingContext


def as_plain(value: Any) -> Any:
    """Settings objects as dictionaries, lists, text and numbers; for files and ids.

    Raises:
        TypeError: if something is neither a frozen dataclass nor plain.
    """
    if isinstance(value, KerasObject):
        return {"keras": value.name, "config": value.config}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            f.name: as_plain(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if f.init
        }
        return {"type": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (list, tuple)):
        return [as_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{value!r} cannot be written down as settings")


def definition_of(
    strategy: Any, context: TrainingContext, *, seed: int, executor: Executor
) -> dict[str, Any]:
    """Everything that decides what trial n will be, and nothing else."""
    return {
        "seed": seed,
        "strategy": as_plain(strategy),
        "training": as_plain(context.settings),
        "objective": as_plain(context.objective),
        "output_scales": as_plain(context.output_scales),
        "data": context.data.fingerprint(),
        "split": _split_fingerprint(context),
        "executor": as_plain(executor.definition()),
        "stems": [_stem_fingerprint(stem) for stem in context.stems or ()],
    }


def changed_entries(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Names of the entries in which two definitions differ, as `training.epochs`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(set(ours) | set(theirs))
        return [
            change
            for key in keys
            for change in changed_entries(
                ours.get(key), theirs.get(key), f"{where}.{key}" if where else key
            )
        ]
    return [] if ours == theirs else [f"{where} ({theirs!r} there, {ours!r} now)"]


def _split_fingerprint(context: TrainingContext) -> str:
    digest = hashlib.sha256()
    for rows in (context.split.train, context.split.validation):
        digest.update(np.asarray(rows, np.int64).tobytes() + b"|")
    return digest.hexdigest()[:16]


def _stem_fingerprint(stem: Any) -> str | None:
    if stem is None:
        return None
    from cerebros.stems import stem_fingerprint  # and Keras

    return stem_fingerprint(stem)


def to_json(data: Any) -> str:
    """JSON with sorted keys, so that equal data are equal text."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
