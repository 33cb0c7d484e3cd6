"""`cerebros export` with a model file: for other programs, or with fewer networks."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from cerebros.cli._exit import Exit
from cerebros.cli._loading import load_whole
from cerebros.cli._model_file import SUFFIX, ModelFile
from cerebros.cli._output import print_json, say
from cerebros.estimators import write_predictor
from cerebros.jobs import save_model
from cerebros.plan import plan_to_json
from cerebros.search import write_file


def export_model(arguments: Namespace) -> Exit:
    """Write a model in another form, and say what it reads and answers."""
    model = ModelFile.open(arguments.folder)
    path = _path(arguments, model)
    smaller = _smaller(model, arguments.networks)
    _WRITERS[path.suffix](smaller, path)
    n_networks = _n_networks(smaller)
    columns = list(smaller.predictor.encoding.encoders)
    classes = smaller.predictor.classes
    if arguments.json:
        print_json(
            {
                "model": str(path),
                "n_networks": n_networks,
                "columns": columns,
                "targets": list(model.answers),
                "classes": None if classes is None else classes.tolist(),
            }
        )
        return Exit.DONE
    say(f"{path} holds {_WORDS[path.suffix].format(n=n_networks)}")
    say(f"columns: {', '.join(columns)}")
    if classes is not None:
        say(f"classes: {', '.join(map(str, classes.tolist()))}")
    return Exit.DONE


def _path(arguments: Namespace, model: ModelFile) -> Path:
    """Where to write; its end says what.

    Raises:
        ValueError: if it says nothing, or is the model itself.
    """
    for option in ("trial", "search"):
        if getattr(arguments, option) not in (None, "best"):
            raise ValueError(
                f"--{option} is for search folders, but {model.path} is a model file"
            )
    ends = ", ".join(_WRITERS)
    if arguments.output is None:
        raise ValueError(f"name the file to write with --out; it ends in {ends}")
    path = Path(arguments.output)
    if path.suffix not in _WRITERS:
        raise ValueError(
            f"the name of an exported model ends in {ends}, but it is {path.name!r}"
        )
    if path.exists() and path.samefile(model.path):
        raise ValueError(f"{path} is the model itself; use another --out")
    return path


def _n_networks(model: ModelFile) -> int:
    return sum(own.n_folds for own in model.predictor.networks)


def _smaller(model: ModelFile, n: int | None) -> ModelFile:
    """The model with at most so many networks; its promise was that of all."""
    if n is None or n >= _n_networks(model):
        return model
    predictor = model.predictor.smaller(n)
    smaller = ModelFile(model.path, predictor, model.extra)
    _, of = model.extra.get("n_networks") or (None, _n_networks(model))
    remark = {"n_networks": [_n_networks(smaller), of]}
    return ModelFile(model.path, predictor, model.extra | remark)


def _write_onnx(model: ModelFile, path: Path) -> None:
    from cerebros.estimators.onnx_export import write_onnx

    write_onnx(path, model.predictor)


def _write_keras(model: ModelFile, path: Path) -> None:
    load_whole("keras")
    from cerebros.estimators import keras_model

    save_model(keras_model(model.predictor), path)


def _write_plan(model: ModelFile, path: Path) -> None:
    best = max(model.predictor.networks, key=lambda own: own.share)
    write_file(path, plan_to_json(best.plan, indent=2) + "\n")


def _write_cerebros(model: ModelFile, path: Path) -> None:
    write_predictor(path, model.predictor, model.extra)


_WRITERS: dict[str, Callable[[ModelFile, Path], None]] = {
    ".onnx": _write_onnx,
    ".keras": _write_keras,
    ".json": _write_plan,
    SUFFIX: _write_cerebros,
}
_WORDS = {
    ".onnx": "the whole model: raw rows to answers (networks: {n})",
    ".keras": "the network that counts most; it reads encoded rows",
    ".json": "the plan of the network that counts most",
    SUFFIX: "the whole model (networks: {n})",
}
