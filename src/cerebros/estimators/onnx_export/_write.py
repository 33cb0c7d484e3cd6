"""Writing the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from cerebros.errors import DataError
from cerebros.estimators._predictor import Predictor
from cerebros.estimators.onnx_export._answers import (
    add_classes,
    add_numbers,
    label_array,
)
from cerebros.estimators.onnx_export._graph import (
    RUNTIME,
    TABLES,
    TYPES,
    Array,
    Graph,
)
from cerebros.estimators.onnx_export._members import add_members
from cerebros.estimators.onnx_export._table import add_features
from cerebros.estimators.table import DateEncoder, NumberEncoder

_OPSETS = {"": 18, TABLES: 3, RUNTIME: 1}
"""Of each domain; onnxruntime reads them from 1.14 on, and 1.18 is promised."""
_IR_VERSION = 8
"""The lowest for these, so that these versions of onnxruntime read it."""

_READS = {
    "number": "numbers, missing ones are NaN",
    "date": "dates as days since the beginning of 1970, missing ones are NaN",
    "text": "text, missing is the empty string",
}


def write_onnx(path: str | Path, predictor: Predictor) -> None:
    """Write an ONNX file that reads raw rows, whole or not at all.

    It has one input for each column that is used, of the column's name and the shape
    `(row, 1)`, so that a data frame's columns fit as `frame[[name]].to_numpy()`:
    doubles for numbers and booleans (missing is NaN), text for text and categories
    (missing is the empty string), and doubles for dates: days since the beginning of
    1970, in UTC (missing is NaN). Numbers that are categories are text as `str` writes
    them, whole ones without a point.

    A regression has the output `prediction`, doubles `(row,)`, or `(row, target)` for
    several targets. Classes have `label`, `(row,)`, of the type of the classes, and
    `probabilities`, doubles `(row, class)`. A name that a column has already gets an
    underscore at its end. The file's metadata says all of this, under the key
    `cerebros`, as JSON.

    Words of texts outside of ASCII are known in the usual spellings only: lower case,
    upper case, and with a capital. Columns of text need onnxruntime, because its own
    Tokenizer splits them as Python does; all other files hold standard operations.

    Args:
        path: of the file; usual names end in `.onnx`.
        predictor: to be written.

    Raises:
        DataError: if the package onnx is not there, or if the predictor has something
            that ONNX has not, such as labels that are dates, or halves of characters.
        StoreError: if the file cannot be written.

    In onnxruntime, `InferenceSession(path).run(["prediction"], {"age": [[39.0]], …})`
    answers rows.
    """
    onnx = _package("onnx")
    from cerebros.search.stores import write_file

    try:
        content = _content(onnx, predictor)
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        # Several texts may stand there in a row.
        before = error.object[: error.start].rpartition("\0")[2]
        after = error.object[error.end :].partition("\0")[0]
        whole = f"{before[-40:]}{wrong}{after[:40]}"
        raise DataError(
            "an ONNX file holds text as UTF-8, which has no halves of characters, but "
            f"{wrong!r} is in {whole!r}, a name, a label, or text of a "
            "column; replace it in the table, and fit again"
        ) from error
    write_file(path, content)


def _content(onnx: Any, predictor: Predictor) -> bytes:
    names = list(predictor.encoding.encoders)
    if "" in names:
        raise DataError(
            "a column has an empty name, which no input of an ONNX file may have; "
            "name it, and fit again"
        )
    wanted = ["label", "probabilities"] if predictor.is_classification else []
    outputs = [_free(name, names) for name in wanted or ["prediction"]]
    graph = Graph(taken={*names, *outputs})
    is_encoded = any(own.is_encoded for own in predictor.networks)
    features = add_features(graph, predictor.encoding, encoded=is_encoded)
    answers, members = add_members(graph, features, predictor.networks)
    if predictor.is_classification:
        add_classes(graph, predictor, answers, members, (outputs[0], outputs[1]))
    else:
        add_numbers(graph, predictor, answers, members, outputs[0])
    model = _model(onnx, graph, predictor, outputs)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise DataError(
            "writing ONNX files needs the package onnx: pip install 'cerebros[onnx]'"
        ) from error


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _model(onnx: Any, graph: Graph, predictor: Predictor, outputs: list[str]) -> Any:
    helper = onnx.helper
    nodes = [
        helper.make_node(
            step.kind,
            step.inputs,
            [step.output],
            domain=step.domain,
            **step.attributes,
        )
        for step in graph.steps
    ]
    kinds = {
        name: _kind(encoder) for name, encoder in predictor.encoding.encoders.items()
    }
    inputs = [
        helper.make_tensor_value_info(
            name,
            TYPES["str" if kind == "text" else "float64"],
            ["row", 1],
            _READS[kind],
        )
        for name, kind in kinds.items()
    ]
    made = helper.make_graph(
        nodes,
        "cerebros",
        inputs,
        _outputs(helper, predictor, outputs),
        [_tensor(onnx, value, name) for name, value in graph.constants.items()],
    )
    model = helper.make_model(
        made,
        producer_name="cerebros",
        ir_version=_IR_VERSION,
        opset_imports=[
            helper.make_opsetid(domain, _OPSETS[domain])
            for domain in sorted({"", *(step.domain for step in graph.steps)})
        ],
        doc_string=_described(kinds, outputs),
    )
    about = {"inputs": kinds, "outputs": outputs, "targets": predictor.target_names}
    if predictor.classes is not None:
        about["classes"] = label_array(predictor.classes).tolist()
    helper.set_model_props(model, {"cerebros": json.dumps(about)})
    return model


def _kind(encoder: Any) -> str:
    if isinstance(encoder, NumberEncoder):
        return "number"
    return "date" if isinstance(encoder, DateEncoder) else "text"


def _described(kinds: dict[str, str], outputs: list[str]) -> str:
    listed = "\n".join(f"- {name!r}: {_READS[kind]}" for name, kind in kinds.items())
    return (
        "Reads raw rows of a table. Every input has the shape (row, 1):\n"
        f"{listed}\nGives {' and '.join(outputs)}, with the row as first axis."
    )


def _outputs(helper: Any, predictor: Predictor, names: list[str]) -> list[Any]:
    double = TYPES["float64"]
    if predictor.classes is None:
        shape = ["row"] if predictor.is_flat else ["row", len(predictor.transforms[0])]
        return [helper.make_tensor_value_info(names[0], double, shape)]
    labels = TYPES[label_array(predictor.classes).dtype.name]
    shape = ["row", len(predictor.classes)]
    return [
        helper.make_tensor_value_info(names[0], labels, ["row"]),
        helper.make_tensor_value_info(names[1], double, shape),
    ]


def _tensor(onnx: Any, value: Array, name: str) -> Any:
    return onnx.numpy_helper.from_array(np.asarray(value, order="C"), name)
