"""`cerebros predict`: answers for another table, here of a search folder."""

from __future__ import annotations

import sys
from argparse import Namespace

import numpy as np
import numpy.typing as npt
import pandas as pd

from cerebros.cli._exit import Exit
from cerebros.cli._folder import SearchFolder
from cerebros.cli._model_file import check_for_folder, is_model
from cerebros.cli._model_predict import predict_by_model
from cerebros.cli._output import note, print_json
from cerebros.cli._search_record import SearchRecord
from cerebros.jobs import TableFile, read_table
from cerebros.search import write_file

_ROWS_AT_ONCE = 4096


def run(arguments: Namespace) -> Exit:
    """Predict the target for every row of a table."""
    if is_model(arguments.folder):
        return predict_by_model(arguments)
    check_for_folder(arguments, "interval", "keep")
    folder = SearchFolder.open(arguments.folder)
    job = folder.job("predict")
    if arguments.proba and not job.classes:
        raise ValueError(
            "--proba gives the probabilities of classes, but this search predicts the "
            f"numbers of {job.selection.target!r}"
        )
    trial = folder.trial(arguments.trial)
    table = read_table(arguments.table)
    inputs = _inputs(table, job)
    model = folder.model(trial)
    outputs = model.predict(inputs, batch_size=_ROWS_AT_ONCE, verbose=0)
    predictions = _predictions(np.asarray(outputs), job, proba=arguments.proba)
    if arguments.output is not None:
        write_file(arguments.output, _as_csv(predictions))
        note(f"predictions of trial {trial.number} are in {arguments.output}")
    if arguments.json:
        rows = predictions.to_dict("records")
        print_json(
            {"trial": trial.number, "target": job.selection.target, "rows": rows}
        )
    elif arguments.output is None:
        sys.stdout.write(_as_csv(predictions))
    return Exit.DONE


def _as_csv(predictions: pd.DataFrame) -> str:
    return predictions.to_csv(index=False, lineterminator="\n")


def _inputs(table: TableFile, job: SearchRecord) -> npt.NDArray[np.float32]:
    frame, selection = table.frame(), job.selection
    way_out = (
        "the search had none to learn from; fill them, or search again with "
        "--missing median"
    )
    inputs = selection.inputs(frame, way_out=way_out)
    known = {*selection.columns, selection.target}
    if others := [str(name) for name in frame.columns if name not in known]:
        shown = ", ".join(others[:10]) + (", …" if len(others) > 10 else "")
        note(f"ignored columns: {shown}")
    return inputs.astype(np.float32)


def _predictions(
    outputs: npt.NDArray[np.floating], job: SearchRecord, *, proba: bool
) -> pd.DataFrame:
    """One column of answers, named like the target; and probabilities if asked for."""
    target = job.selection.target
    if not job.classes:
        return pd.DataFrame({target: outputs[:, 0]})
    shares = outputs if outputs.shape[1] > 1 else np.c_[1 - outputs, outputs]
    labels = [job.classes[i] for i in shares.argmax(axis=1)]
    answers = pd.DataFrame({target: pd.Series(labels, dtype=object)})
    if not proba:
        return answers
    names = [f"p_{label}" for label in job.classes]
    return pd.concat([answers, pd.DataFrame(shares, columns=names)], axis=1)
