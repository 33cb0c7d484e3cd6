"""`cerebros search`: find a network that predicts a column of a table."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from textwrap import fill
from typing import Any

from cerebros.cli._begin import claim_folder
from cerebros.cli._exit import Exit
from cerebros.cli._output import note
from cerebros.cli._search_record import SearchRecord
from cerebros.cli._search_run import Run
from cerebros.cli._selection import Selected, select
from cerebros.cli._source import Source
from cerebros.errors import DataError
from cerebros.jobs import TableFile, read_table
from cerebros.search import write_file
from cerebros.spaces import RandomWiring
from cerebros.training import Objective, Problem, TrainingSettings, display_name

_WIDTH = 88
_COPY_OF_STANDARD_INPUT = "table.csv"
_SHORT_NAMES = {"rmse": "root_mean_squared_error", "mae": "mean_absolute_error"}


def run(arguments: Namespace) -> Exit:
    """Begin a search, or go on with the same one."""
    table = read_table(arguments.table)
    selected = select(
        table.frame(),
        target=arguments.target,
        task=arguments.task,
        leave_out=arguments.leave_out,
        missing=arguments.missing,
        validation=arguments.validation,
        test=arguments.test,
        seed=arguments.seed,
    )
    if not arguments.quiet:
        _explain(selected)
    _warn(selected)
    folder = Path(arguments.out or _default_folder(table))
    job = _job(arguments, selected, _source(table, folder))
    claim_folder(folder, job)
    if table.path is None:
        write_file(folder / _COPY_OF_STANDARD_INPUT, table.content)
    remarks = {
        "left_out": [{"column": c.name, "reason": c.reason} for c in selected.left_out],
        "copies_of_target": list(selected.copies),
    }
    return Run(job, folder, selected.problem, arguments, remarks).run()


def _job(arguments: Namespace, selected: Selected, source: Source) -> SearchRecord:
    n_architectures = arguments.architectures
    n_trials = arguments.trials or 20
    return SearchRecord(
        source=source,
        selection=selected.selection,
        space=RandomWiring(**_given(arguments, "levels", "units", "neurons")),
        training=TrainingSettings(
            **_given(arguments, "epochs", "batch_size", "learning_rate", "patience")
        ),
        objective=_objective(arguments, selected.problem),
        seed=arguments.seed,
        n_trials=n_architectures * arguments.wirings if n_architectures else n_trials,
        n_wirings=arguments.wirings,
        keep=arguments.keep,
        classes=selected.problem.classes,
    )


def _given(arguments: Namespace, *names: str) -> dict[str, Any]:
    """The named arguments that were given; the others keep their defaults."""
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _objective(arguments: Namespace, problem: Problem) -> Objective:
    """What ranks the networks: a loss or metric on the validation rows."""
    if arguments.metric is None:
        usual = problem.objective
        return Objective(usual.metric, arguments.direction or usual.direction)
    metric = arguments.metric.removeprefix("val_")
    metric = _SHORT_NAMES.get(metric, metric)
    computed = problem.context(TrainingSettings()).settings.metrics or ()
    known = ["loss", *map(display_name, computed)]
    if metric not in known:
        raise ValueError(
            f"the metric {arguments.metric!r} is not among those of this task: "
            f"{', '.join(known)}"
        )
    return Objective(f"val_{metric}", arguments.direction)


def _source(table: TableFile, folder: Path) -> Source:
    path = table.path or folder / _COPY_OF_STANDARD_INPUT
    return Source.of(path, table.sha256, folder)


def _default_folder(table: TableFile) -> str:
    if table.path is None:
        raise DataError(
            "a table on standard input has no name; give a folder with --out"
        )
    return f"{table.path.name.split('.')[0]}-search"


def _explain(selected: Selected) -> None:
    """Say in a few lines what is made of the table."""
    selection, split = selected.selection, selected.problem.split
    note(f"task      {selection.task}: {selected.reason}")
    note(
        f"rows      {len(split.train):,} to train, {len(split.validation):,} to "
        f"choose, {len(split.test):,} to judge"
    )
    note(f"columns   {len(selection.columns)} used")
    if selected.left_out:
        names = ", ".join(map(str, selected.left_out))
        note(fill(f"left out  {names}", _WIDTH, subsequent_indent=" " * 10))
    if selected.n_filled:
        note(f"filled    {selected.n_filled:,} missing values, with medians")
    note("")


def _warn(selected: Selected) -> None:
    for column in selected.copies:
        note(
            f"WARNING: {column} is a copy of the target {selected.selection.target!r}: "
            "equal to it, or a multiple plus a constant. The scores will be far too "
            "good, unless it is known whenever a prediction is asked for. Leave it out "
            "with --leave-out."
        )
