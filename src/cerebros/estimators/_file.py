"""A predictor in one file: a header of plain data, and arrays.

The file is in the format of safetensors, whose header holds the plain data as JSON.
Reading it runs nothing, and needs NumPy and safetensors alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cerebros.errors import DataError
from cerebros.estimators._linear_part import LinearPart
from cerebros.estimators._networks import Networks
from cerebros.estimators._predictor import Certainty, Predictor
from cerebros.estimators._targets import TargetTransform
from cerebros.estimators.guards import TableRanges
from cerebros.estimators.table import TableSchema, encoding_from_state
from cerebros.plan import plan_from_json, plan_to_json

FORMAT = 2
_KEY = "cerebros"
_MORE = {1: ", which also says how each column is read"}


def write_predictor(
    path: str | Path, predictor: Predictor, extra: Mapping[str, Any] | None = None
) -> None:
    """Write a predictor, whole or not at all.

    Args:
        path: of the file; usual names end in `.cerebros`.
        predictor: to be written.
        extra: plain data that is kept beside it.

    Raises:
        OSError: if the file cannot be written.
    """
    from safetensors.numpy import save

    from cerebros.search.stores import write_file

    arrays: dict[str, Any] = {}
    header = {
        "format": FORMAT,
        "encoding": _without_arrays(predictor.encoding.state(), "encoding", arrays),
        "networks": [
            _network(i, own, arrays) for i, own in enumerate(predictor.networks)
        ],
        "transforms": [[t.state() for t in of] for of in predictor.transforms],
        "linear": None
        if predictor.linear is None
        else _without_arrays(predictor.linear.state(), "linear", arrays),
        "classes": _labels(predictor.classes),
        "target_names": list(predictor.target_names),
        "is_flat": predictor.is_flat,
        "certainty": _certainty(predictor.certainty),
        "ranges": predictor.ranges.to_json(),
        "schema": predictor.schema.state(),
        "extra": dict(extra or {}),
    }
    write_file(Path(path), save(arrays, {_KEY: json.dumps(header, allow_nan=False)}))


def read_predictor(path: str | Path) -> tuple[Predictor, dict[str, Any]]:
    """Read a predictor, and what was kept beside it.

    Raises:
        DataError: if the file is damaged, of a later format, or something else.
        FileNotFoundError: if there is none.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise DataError(
            f"{path} is no model of cerebros, or it is damaged ({error}); write it "
            "again with save"
        ) from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DataError(
            f"{path} has format {_format(header)!r}, but this version of cerebros "
            f"reads format {FORMAT}{_MORE.get(_format(header), '')}; read it with the "
            "version that wrote it, or fit again"
        )
    try:
        predictor, extra = _predictor(header, arrays), dict(header["extra"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error!r}; write it again") from error
    return predictor, extra


def _format(header: Any) -> Any:
    return header.get("format") if isinstance(header, dict) else None


def load(path: str | Path) -> Predictor:
    """Read what an estimator's `save` wrote; it predicts with NumPy alone.

    Raises:
        DataError: if the file is damaged, of a later format, or something else.
        FileNotFoundError: if there is none.
    """
    return read_predictor(path)[0]


def _predictor(header: dict[str, Any], arrays: dict[str, Any]) -> Predictor:
    networks = []
    for i, own in enumerate(header["networks"]):
        prefix = f"network_{i}/"
        weights = {
            key.removeprefix(prefix): value
            for key, value in arrays.items()
            if key.startswith(prefix)
        }
        plan = plan_from_json(own["plan"])
        networks.append(
            Networks(own["trial"], plan, own["transform"], own["share"], weights)
        )
    certainty = dict(header["certainty"])
    for key in ("scores", "floor", "distances"):
        if certainty[key] is not None:
            certainty[key] = np.array(certainty[key])
    return Predictor(
        encoding=encoding_from_state(_with_arrays(header["encoding"], arrays)),
        networks=tuple(networks),
        transforms=tuple(
            tuple(TargetTransform.from_state(t) for t in of)
            for of in header["transforms"]
        ),
        linear=None
        if header["linear"] is None
        else LinearPart.from_state(_with_arrays(header["linear"], arrays)),
        classes=_classes(header["classes"]),
        target_names=tuple(header["target_names"]),
        is_flat=header["is_flat"],
        certainty=Certainty(**certainty),
        ranges=TableRanges.from_json(header["ranges"]),
        schema=TableSchema.from_state(header["schema"]),
    )


def _network(number: int, own: Networks, arrays: dict[str, Any]) -> dict[str, Any]:
    for key, value in own.weights.items():
        arrays[f"network_{number}/{key}"] = np.ascontiguousarray(value)
    return {
        "trial": own.trial,
        "plan": plan_to_json(own.plan),
        "transform": own.transform,
        "share": own.share,
    }


def _certainty(certainty: Certainty) -> dict[str, Any]:
    return {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in vars(certainty).items()
    }


def _labels(classes: Any) -> Any:
    """Labels as JSON, with the kind of array that they stood in."""
    if classes is None:
        return None
    labels = [v.item() if isinstance(v, np.generic) else v for v in classes.tolist()]
    return {"kind": classes.dtype.str, "labels": labels}


def _classes(state: Any) -> Any:
    if state is None:
        return None
    kind = state["kind"]
    return np.array(state["labels"], object if kind.endswith("O") else kind)


def _without_arrays(state: Any, at: str, arrays: dict[str, Any]) -> Any:
    """Plain data, with arrays moved out of it."""
    if isinstance(state, np.ndarray):
        arrays[at] = np.ascontiguousarray(state)
        return {"array": at}
    if isinstance(state, dict):
        return {k: _without_arrays(v, f"{at}/{k}", arrays) for k, v in state.items()}
    return state


def _with_arrays(state: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(state, dict):
        if set(state) == {"array"}:
            return arrays[state["array"]]
        return {key: _with_arrays(value, arrays) for key, value in state.items()}
    return state
