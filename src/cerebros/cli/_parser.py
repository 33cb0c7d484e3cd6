"""The whole command line."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import NoReturn

from cerebros import __version__
from cerebros.cli._exit import Exit, describe_exits
from cerebros.cli._model_arguments import add_evaluate, add_fit
from cerebros.cli._reading_arguments import (
    add_cache,
    add_export,
    add_predict,
    add_show,
    add_trials,
)
from cerebros.cli._search_arguments import add_demo, add_resume, add_run, add_search

_INTRODUCTION = """\
Search for a neural network that fits a table: draw randomly wired networks, train
each of them, keep everything, and hand the best one back."""

_EXAMPLES = """\
examples:
  cerebros demo                                search on a small bundled data set
  cerebros fit houses.csv --target price       learn a table; the model is one file
  cerebros predict houses.cerebros new.csv     predictions of that model
  cerebros search houses.csv --target price    search on a table, keep every network
  cerebros trials houses-search                what was found
  cerebros show houses-search best             one network: plan, history, picture
  cerebros predict houses-search new.csv       predictions of the best network
  cerebros resume houses-search --trials 50    go on, or go further
  cerebros run --template > job.toml           a whole job in a file, to be edited
  cerebros run job.toml                        and run

"""


class _Parser(ArgumentParser):
    """Says what is wrong in a line or two, instead of repeating all arguments."""

    def error(self, message: str) -> NoReturn:
        self.exit(Exit.BAD_INPUT, f"{self.prog}: {message}\nSee {self.prog} --help\n")


def make_parser() -> ArgumentParser:
    """The parser of the whole command line; `command` names the chosen command."""
    parser = _Parser(
        prog="cerebros",
        description=_INTRODUCTION,
        epilog=_EXAMPLES + describe_exits(),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands"
    )
    add_demo(commands)
    add_fit(commands)
    add_evaluate(commands)
    add_search(commands)
    add_resume(commands)
    add_run(commands)
    add_trials(commands)
    add_show(commands)
    add_predict(commands)
    add_export(commands)
    add_cache(commands)
    return parser
