"""`cerebros predict` with a model file: answers for every row of a table."""

from __future__ import annotations

import io
import re
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cerebros.cli._columns import check_column
from cerebros.cli._exit import Exit
from cerebros.cli._model_file import ModelFile, drift_text
from cerebros.cli._output import note, print_json
from cerebros.errors import DataError
from cerebros.jobs import TableFile, read_table
from cerebros.search import write_file

if TYPE_CHECKING:
    from cerebros.cli._columns import Series
    from cerebros.estimators.table import ReadTable

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_SUFFIXES = (*_SEPARATORS, ".parquet")
_STANDARD_OUTPUT = "-"
_NUMBER = re.compile(  # whole numbers beyond would be rounded
    r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE
)
_FLAGS = {"true": True, "false": False}


def predict_by_model(arguments: Namespace) -> Exit:
    """Predict the target for every row of a table."""
    model = ModelFile.open(arguments.folder)
    _check_arguments(arguments, model)
    table = read_table(arguments.table)
    _check_output(arguments, table)
    cells = model.rows(table)
    rows = model.read(cells)
    answers = _answers(model, cells, rows, arguments)
    for finding in model.drift(rows):
        note(drift_text(finding))
    _write(answers, model, arguments)
    return Exit.DONE


def _check_arguments(arguments: Namespace, model: ModelFile) -> None:
    if arguments.trial != "best":
        raise ValueError(
            f"--trial picks a network of a search folder, but {model.path} is a model "
            "file, whose networks answer together"
        )
    is_classification = model.predictor.is_classification
    if arguments.proba and not is_classification:
        raise ValueError(
            "--proba gives the probabilities of classes, but this model predicts the "
            f"numbers of {', '.join(map(repr, model.answers))}"
        )
    if arguments.interval is not None and is_classification:
        raise ValueError(
            "--interval is for numbers, but this model tells classes apart; --proba "
            "says how certain it is"
        )


def _check_output(arguments: Namespace, table: TableFile) -> None:
    """Make sure that the answers have a kind, and replace no table or model."""
    if arguments.output in (None, _STANDARD_OUTPUT):
        return
    path = Path(arguments.output)
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"the name of a file of predictions ends in {', '.join(_SUFFIXES)}, but "
            f"it is {path.name!r}"
        )
    if table.path is not None and path.exists() and path.samefile(table.path):
        raise ValueError(f"{path} is the table itself; use another --out")


def _answers(
    model: ModelFile, cells: pd.DataFrame, rows: ReadTable, arguments: Namespace
) -> pd.DataFrame:
    """Kept columns, answers, and how certain they are."""
    for name in arguments.keep:
        check_column(cells, name)
    made = _predictions(model, rows, arguments)
    kept = cells[list(dict.fromkeys(arguments.keep))]
    if arguments.json or str(arguments.output).endswith(".parquet"):
        kept = kept.apply(_as_values)
    taken = {name: f"{name}_predicted" for name in made if name in kept}
    answers = pd.concat([kept, made.rename(columns=taken)], axis=1)
    if twice := answers.columns[answers.columns.duplicated()].tolist():
        raise DataError(
            f"two columns of the answer would be named {twice[0]!r}; leave it out of "
            "--keep, or rename it in the table"
        )
    return answers


def _predictions(
    model: ModelFile, rows: ReadTable, arguments: Namespace
) -> pd.DataFrame:
    predictor, names = model.predictor, model.answers
    if predictor.classes is not None:
        shares = predictor.predict_proba(rows)
        labels = pd.Series(predictor.labels(shares).tolist(), dtype=object)
        columns: dict[str, Any] = {names[0]: labels}
        if arguments.proba:
            of_classes = zip(predictor.classes.tolist(), shares.T, strict=True)
            columns |= {f"p_{label}": share for label, share in of_classes}
        return pd.DataFrame(columns)
    numbers = predictor.numbers(rows)
    columns = dict(zip(names, numbers.T, strict=True))
    if arguments.interval is not None:
        limits = predictor.predict_interval(rows, arguments.interval)
        limits = limits.reshape(len(limits), 2, len(names))
        for i, name in enumerate(names):
            columns |= {f"{name}_low": limits[:, 0, i], f"{name}_high": limits[:, 1, i]}
    return pd.DataFrame(columns)


def _as_values(cells: Series) -> Series:
    """Numbers and truth values where a column holds nothing else; texts as they are."""
    present = cells.dropna()
    if not all(isinstance(value, str) for value in present):
        return cells.infer_objects()
    if all(value.lower() in _FLAGS for value in present):
        return cells.map(lambda v: _FLAGS[v.lower()], na_action="ignore")
    if all(map(_NUMBER.fullmatch, present)):
        return pd.to_numeric(cells)
    return cells


def _write(answers: pd.DataFrame, model: ModelFile, arguments: Namespace) -> None:
    path = None if arguments.output == _STANDARD_OUTPUT else arguments.output
    if path is not None:
        write_file(path, _content(answers, Path(path).suffix))
        note(f"predictions of {model.path} are in {path}")
    if arguments.json:
        print_json(
            {
                "model": str(model.path),
                "targets": list(model.answers),
                "rows": answers.to_dict("records"),
            }
        )
    elif path is None:
        sys.stdout.write(_as_csv(answers, ","))


def _content(answers: pd.DataFrame, suffix: str) -> str | bytes:
    if suffix in _SEPARATORS:
        return _as_csv(answers, _SEPARATORS[suffix])
    content = io.BytesIO()
    try:
        answers.infer_objects().to_parquet(content, index=False)
    except ImportError as error:
        raise DataError(
            "writing Parquet needs pyarrow: pip install 'cerebros[parquet]'"
        ) from error
    return content.getvalue()


def _as_csv(answers: pd.DataFrame, separator: str) -> str:
    return answers.to_csv(index=False, sep=separator, lineterminator="\n")
