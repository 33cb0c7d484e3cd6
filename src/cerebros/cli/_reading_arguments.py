"""The commands that read what a search has left, and their arguments."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from cerebros.cli import _argument_types as types
from cerebros.cli._common_arguments import (
    add_command,
    add_folder,
    add_json,
    add_name,
    add_trial,
)


def add_trials(commands: Any) -> None:
    """`cerebros trials`."""
    parser = add_command(
        commands,
        "trials",
        "list the networks of a search",
        "List the networks of a search and their scores; also while it is running.",
    )
    add_folder(parser)
    add_name(parser)
    parser.add_argument(
        "--sort",
        choices=("score", "number"),
        default="score",
        help="the best first, or in the order of training (default: score)",
    )
    parser.add_argument(
        "--limit", type=types.at_least(1), metavar="N", help="only the first N"
    )
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--csv", action="store_true", help="write CSV")


def add_cache(commands: Any) -> None:
    """`cerebros cache`."""
    parser = add_command(
        commands,
        "cache",
        "list or clear what is kept from search to search",
        "List what is kept from search to search (compiled programs, features that "
        "stems computed) and how large it is, or clear it. It is only there to save "
        "time.",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--clear",
        choices=("programs", "features", "all"),
        help="delete what is kept of a kind",
    )
    add_json(form)


def add_show(commands: Any) -> None:
    """`cerebros show`."""
    parser = add_command(
        commands,
        "show",
        "show one network: its plan, its training, its picture",
        "Show one network of a search in words, and draw it into a file.",
    )
    add_folder(parser)
    add_name(parser)
    parser.add_argument(
        "trial", metavar="TRIAL", type=types.trial, help="its number, or best"
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        help=".html or .svg (default: pictures/trial_….html in the folder)",
    )
    add_json(parser)


def add_predict(commands: Any) -> None:
    """`cerebros predict`."""
    parser = add_command(
        commands,
        "predict",
        "predict the target for the rows of another table",
        "Predict the target for every row of a table, as CSV. The table needs the\n"
        "columns that the search or the model used, in any order; others are ignored.",
    )
    _add_source(parser)
    parser.add_argument("table", metavar="TABLE", help="as for cerebros search")
    add_trial(parser)
    _add_output(
        parser,
        "a CSV file; with a model file also .tsv or .parquet (default: - for standard "
        "output)",
    )
    parser.add_argument(
        "--proba",
        action="store_true",
        help="also the probability of each class, as columns p_<class>",
    )
    parser.add_argument(
        "--interval",
        type=types.share,
        metavar="ALPHA",
        help="with a model file of numbers, also columns …_low and …_high, outside of "
        "which this share of the rows lies: 0.1 for intervals of 90 %%",
    )
    parser.add_argument(
        "--keep",
        nargs="+",
        action="extend",
        default=[],
        metavar="COLUMN",
        help="with a model file, also these columns of the table; if the target is "
        "among them, answers are named …_predicted",
    )
    add_json(parser)


def add_export(commands: Any) -> None:
    """`cerebros export`."""
    parser = add_command(
        commands,
        "export",
        "write one network, or a model, for other programs",
        "Write a network of a search as a .keras file, for keras.models.load_model;\n"
        "or a model file as .onnx (raw rows to answers), .keras (the network that\n"
        "counts most), .json (its plan) or, with fewer networks, .cerebros.",
    )
    _add_source(parser)
    add_name(parser)
    add_trial(parser)
    _add_output(
        parser,
        "what to write, as its name ends (default for a folder: models/trial_….keras "
        "in it)",
    )
    parser.add_argument(
        "--networks",
        type=types.at_least(1),
        metavar="N",
        help="with a model file, at most so many networks, of all trials alike",
    )
    add_json(parser)


def _add_source(parser: ArgumentParser) -> None:
    """Where the networks are; what was a folder first keeps its name."""
    parser.add_argument(
        "folder",
        metavar="MODEL",
        help="a file that cerebros fit wrote, or the folder of a search",
    )


def _add_output(parser: ArgumentParser, words: str) -> None:
    parser.add_argument("--out", "--output", dest="output", metavar="FILE", help=words)
