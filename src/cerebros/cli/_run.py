"""`cerebros run`: a whole job from a file."""

from __future__ import annotations

import json
from argparse import Namespace

from cerebros.cli._exit import Exit
from cerebros.cli._loading import load_whole
from cerebros.cli._output import note, print_json, say
from cerebros.cli._standings import print_scores


def run(arguments: Namespace) -> Exit:
    """Run a job, or write what helps to write one."""
    from cerebros.jobs import job_schema, job_template

    if arguments.template:
        print(job_template(), end="")
        return Exit.DONE
    if arguments.schema:
        print(json.dumps(job_schema(), indent=2))
        return Exit.DONE
    if arguments.job is None:
        raise ValueError(
            "there is no job file to run; `cerebros run --template > job.toml` writes "
            "one to begin with"
        )
    from cerebros.jobs import read_job_file, run_job

    job = read_job_file(arguments.job)
    if arguments.check:
        say(f"{arguments.job} is a job that can be run, in {job.folder}")
        return Exit.DONE
    load_whole("jax")
    load_whole("keras")
    try:
        result = run_job(job, show="none" if arguments.quiet else arguments.progress)
    except KeyboardInterrupt:
        note(
            f"\nInterrupted: what was finished is kept in {job.folder}; the same "
            "command goes on"
        )
        return Exit.INTERRUPTED
    if arguments.json:
        print_json(
            {
                "folder": str(result.folder),
                "trial": result.chosen.best_trial.number,
                "scores": result.scores,
                "files": {name: str(path) for name, path in result.files.items()},
            }
        )
    elif not arguments.quiet:
        say("\nWhat the best network reaches\n")
        print_scores(result.scores, str(job.data["task"]))
        say(f"\nEverything is in {result.folder}; begin with report.md")
    return Exit.DONE
