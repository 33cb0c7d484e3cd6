"""`cerebros evaluate`: a model file, judged by rows whose target is known."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cerebros.cli._columns import numbers_of
from cerebros.cli._exit import Exit
from cerebros.cli._fit_table import weights_of, with_target
from cerebros.cli._model_file import ModelFile, drift_text
from cerebros.cli._output import note, print_json, print_table, say
from cerebros.errors import DataError
from cerebros.estimators import metric_of
from cerebros.estimators.table import infer_column
from cerebros.jobs import read_table
from cerebros.search import number_text

if TYPE_CHECKING:
    from cerebros.cli._columns import Series
    from cerebros.estimators.table import ReadTable

Array = npt.NDArray[Any]

_NOMINAL = 0.9  # share of rows that intervals should hold
_REGRESSION: tuple[str, ...] = ("rmse", "mae", "r2")
_CLASSIFICATION = ("log_loss", "accuracy")
_BINARY = (*_CLASSIFICATION, "roc_auc")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How a model does on a table.

    Attributes:
        n_rows: that judge.
        scores: by the names of metrics.
        coverage: share of the rows (by weight) whose target is in its 90 % interval;
            None for classes.
    """

    n_rows: int
    scores: dict[str, float]
    coverage: float | None


def run(arguments: Namespace) -> Exit:
    """Compare answers with the target, and with what was promised."""
    model = ModelFile.open(arguments.model)
    names = _targets(model, arguments.target)
    rows = read_table(arguments.table).cells(
        lambda name: model.has_markers(name, names)
    )
    for name in names:
        rows, n_left_out = with_target(
            rows, name, is_dropping=arguments.drop_missing_target
        )
        if n_left_out:
            note(f"left out {n_left_out:,} rows, whose {name!r} is missing")
    weights = weights_of(rows, arguments.weight)
    read = model.read(rows)
    evaluation = evaluate(model, read, rows[list(names)], weights)
    drift = model.drift(read)
    if not arguments.json:
        say(f"{model.path}, judged by {arguments.table} ({len(rows):,} rows)\n")
        _print(evaluation, model)
        for finding in drift:
            say(drift_text(finding))
        return Exit.DONE
    print_json(
        {
            "model": str(model.path),
            "table": arguments.table,
            "targets": list(names),
            "n_rows": evaluation.n_rows,
            "weight": arguments.weight,
            "scores": evaluation.scores,
            "promised": _promised(model),
            "coverage": None
            if evaluation.coverage is None
            else {"nominal": _NOMINAL, "share": evaluation.coverage},
            "drift": [
                {"rule": f.rule, "column": f.column, "evidence": f.evidence}
                for f in drift
            ],
        }
    )
    return Exit.DONE


def evaluate(
    model: ModelFile,
    rows: ReadTable,
    targets: pd.DataFrame,
    weights: Array | None = None,
) -> Evaluation:
    """Judge a model.

    Args:
        model: to be judged.
        rows: as the model reads them.
        targets: of these rows, a column for each output.
        weights: how much each row counts; None if all count alike.

    Raises:
        DataError: if the table is not like that of training, or has labels that the
            model does not know.
    """
    predictor = model.predictor
    weights = np.ones(len(targets)) if weights is None else weights
    if predictor.classes is None:
        numbers = model.target_numbers(targets)
        truth = numbers_of(numbers, targets.columns.tolist())
        answers = chosen = predictor.numbers(rows)
        usual, coverage = _REGRESSION, _coverage(model, rows, truth, weights)
    else:
        truth = _class_numbers(targets.iloc[:, 0], predictor.classes)
        answers = predictor.predict_proba(rows)
        # Labels follow from the threshold of the model, too.
        is_chosen = predictor.labels(answers)[:, None] == predictor.classes
        chosen, coverage = is_chosen.astype(np.float64), None
        usual = _BINARY if len(predictor.classes) == 2 else _CLASSIFICATION
    scores = {}
    for name in dict.fromkeys((*usual, *_promised_metric(model))):
        metric = metric_of(name, is_classification=predictor.is_classification)
        judged = chosen if metric.of_labels else answers
        scores[name] = metric(truth, judged, weights)
    return Evaluation(len(targets), scores, coverage)


def _targets(model: ModelFile, asked: str | None) -> tuple[str, ...]:
    """The columns that hold the target.

    Raises:
        DataError: if the model was not told their names.
        ValueError: if one name was given for several columns.
    """
    if asked is not None:
        if len(model.targets) > 1:
            raise ValueError(
                f"--target names one column, but {model.path} predicts "
                f"{', '.join(map(repr, model.targets))}; name the columns so"
            )
        return (asked,)
    if not model.targets:
        raise DataError(
            f"{model.path} does not know the name of its target; give it with --target"
        )
    return model.targets


def _class_numbers(target: Series, classes: Array) -> Array:
    """The number of each row's class; labels are compared as they were in training.

    So `01` is another label than `1` where labels are text, and the same where they
    are numbers.
    """
    name = str(target.name)
    reading = infer_column(name, classes, is_text=True)[0]
    known = reading.read(name, classes)[0].tolist()
    labels = reading.read(name, target.to_numpy())[0].tolist()
    if set(known) <= {"True", "False"}:
        labels = [str(label).capitalize() for label in labels]
    number = {label: i for i, label in enumerate(known)}
    if unknown := [label for label in labels if label not in number]:
        raise DataError(
            f"{len(unknown)} of {len(labels)} rows have a {name!r} that the model does "
            f"not know, such as {unknown[0]!r}; it tells apart "
            f"{', '.join(map(repr, known[:10]))}"
        )
    return np.array([number[label] for label in labels])


def _coverage(model: ModelFile, rows: ReadTable, truth: Array, weights: Array) -> float:
    limits = model.predictor.predict_interval(rows, 1 - _NOMINAL)
    limits = limits.reshape(len(limits), 2, -1)
    is_inside = (limits[:, 0] <= truth) & (truth <= limits[:, 1])
    return float(np.average(is_inside.mean(axis=1), weights=weights))


def _promised_metric(model: ModelFile) -> tuple[str, ...]:
    name = model.extra.get("metric")
    return () if name is None else (name,)


def _promised(model: ModelFile) -> dict[str, Any] | None:
    """The honest score that the model was written with."""
    report = model.extra.get("report")
    if not report:
        return None
    return {
        "metric": model.extra.get("metric"),
        "score": report[0]["score"],
        "standard_error": report[0]["standard_error"],
        "n_networks": model.extra.get("n_networks"),
    }


def _print(evaluation: Evaluation, model: ModelFile) -> None:
    promised = _promised(model)
    print_table(
        ("metric", "these rows", "promised"),
        [
            (name, _number(score), _promise_text(name, promised))
            for name, score in evaluation.scores.items()
        ],
        left=("metric",),
    )
    if promised and (n_networks := promised["n_networks"]):
        kept, of = n_networks
        say(f"\nThe promise was made by {of} networks; the file holds {kept} of them.")
    say()
    if evaluation.coverage is not None:
        say(
            f"{evaluation.coverage:.1%} of the rows are in the intervals that should "
            f"hold {_NOMINAL:.0%}\n"
        )


def _promise_text(name: str, promised: dict[str, Any] | None) -> str:
    if not promised or promised["metric"] != name or promised["score"] is None:
        return ""
    error = promised["standard_error"]
    return number_text(promised["score"]) + (
        f" ± {number_text(error)}" if error else ""
    )


def _number(value: float) -> str:
    return "–" if value != value else number_text(value)
