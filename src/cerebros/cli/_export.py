"""`cerebros export`: a network of a search folder as a Keras model file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from cerebros.cli._exit import Exit
from cerebros.cli._files import check_model_path
from cerebros.cli._folder import SearchFolder
from cerebros.cli._model_export import export_model
from cerebros.cli._model_file import check_for_folder, is_model
from cerebros.cli._output import print_json, say
from cerebros.cli._search_record import read_record
from cerebros.jobs import save_model


def run(arguments: Namespace) -> Exit:
    """Write the model of a trial, and say what it reads and answers."""
    if is_model(arguments.folder):
        return export_model(arguments)
    check_for_folder(arguments, "networks")
    folder = SearchFolder.open(arguments.folder, arguments.search)
    trial = folder.trial(arguments.trial)
    default = folder.path / "models" / f"trial_{trial.number:05d}.keras"
    path = Path(arguments.output or default)
    check_model_path(path)
    save_model(folder.model(trial), path)
    job = read_record(folder.path)
    columns = list(job.selection.columns) if job else None
    classes = list(job.classes) if job else None
    if arguments.json:
        print_json(
            {
                "trial": trial.number,
                "model": str(path),
                "columns": columns,
                "classes": classes,
            }
        )
        return Exit.DONE
    say(f"trial {trial.number} is in {path}")
    if columns:
        say(f"it reads, in this order: {', '.join(columns)}")
    if classes:
        say(f"it answers with the shares of: {', '.join(map(str, classes))}")
    return Exit.DONE
