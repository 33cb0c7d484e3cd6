"""`cerebros resume`: go on with a search, with the settings that it was begun with."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from cerebros.cli._exit import Exit
from cerebros.cli._folder import SearchFolder
from cerebros.cli._search_record import SearchRecord, read_record
from cerebros.cli._search_run import Run
from cerebros.cli._source import Source
from cerebros.search.stores import DATABASE


def run(arguments: Namespace) -> Exit:
    """Train what is missing of a search."""
    folder = Path(arguments.folder)
    job = _job_of(folder)
    table = job.source.read(folder, arguments.table)
    problem = job.selection.problem(table.frame())
    job = _extended(job, arguments, folder)
    if arguments.table:
        source = Source.of(Path(arguments.table), table.sha256, folder)
        job = replace(job, source=source)
    if job != read_record(folder):
        job.write(folder)
    return Run(job, folder, problem, arguments).run()


def _job_of(folder: Path) -> SearchRecord:
    job = read_record(folder) if folder.is_dir() else None
    if job is not None:
        return job  # perhaps of a search that has not trained anything yet
    return SearchFolder.open(folder).job("resume")


def _extended(job: SearchRecord, arguments: Namespace, folder: Path) -> SearchRecord:
    if arguments.trials is None:
        return job
    if (folder / DATABASE).exists():
        n_stored = len(SearchFolder.open(folder).trials)
        if arguments.trials < n_stored:
            raise ValueError(
                f"{folder} already holds {n_stored} networks, so --trials "
                f"{arguments.trials} asks for nothing; it counts all networks, those "
                "already trained included"
            )
    return replace(job, n_trials=arguments.trials)
