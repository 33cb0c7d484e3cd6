"""The commands that search, and their arguments.

A default of None is decided by the package; `--help` says what it is.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from cerebros.cli import _argument_types as types
from cerebros.cli._common_arguments import (
    add_command,
    add_folder,
    add_out,
    add_running,
    add_seed,
    add_shown,
)


def add_demo(commands: Any) -> None:
    """`cerebros demo`."""
    parser = add_command(
        commands,
        "demo",
        "search on a small bundled data set, in about a minute",
        "Search for a network that reads handwritten digits: 1,797 images of 8 x 8\n"
        "pixels, bundled with scikit-learn. Repeating the command goes on where the\n"
        "search was, or shows what it found.",
    )
    add_out(parser, "demo-search")
    parser.add_argument(
        "--quick", action="store_true", help="small networks, trained shortly"
    )
    parser.add_argument(
        "--trials",
        type=types.at_least(1),
        metavar="N",
        help="networks to train in all (default: 8, with --quick 3)",
    )
    add_seed(parser)
    add_running(parser)


def add_run(commands: Any) -> None:
    """`cerebros run`."""
    parser = add_command(
        commands,
        "run",
        "run a whole job from a file: data, stems, space, training, search, output",
        "Run a job that is written in a TOML file. Everything it makes is in one\n"
        "folder. Repeating the command goes on where the job was stopped.",
    )
    parser.add_argument("job", metavar="JOB", nargs="?", help="a file, as job.toml")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--template",
        action="store_true",
        help="write a job with every key explained, and end",
    )
    instead.add_argument(
        "--schema",
        action="store_true",
        help="write the JSON schema of job files, for editors, and end",
    )
    instead.add_argument(
        "--check", action="store_true", help="only say whether the job is in order"
    )
    add_shown(parser)


def add_search(commands: Any) -> None:
    """`cerebros search`."""
    parser = add_command(
        commands,
        "search",
        "search for a network that predicts a column of a table",
        "Search for a network that predicts one column of a table from its columns\n"
        "of numbers. Columns of text, dates or one single value are left out, and\n"
        "listed. Empty cells, NA, NaN, null and the like count as missing, as pandas\n"
        "reads them.",
    )
    parser.add_argument(
        "table",
        metavar="TABLE",
        help=".csv, .tsv (both also .gz) or .parquet; - reads CSV from standard input",
    )
    parser.add_argument(
        "--target", required=True, metavar="COLUMN", help="the column to predict"
    )
    _add_data(parser)
    _add_networks(parser)
    _add_training(parser)
    folder = parser.add_argument_group("folder and output")
    add_out(folder, "<name of the table>-search")
    folder.add_argument(
        "--keep",
        type=types.keep,
        default=10,
        metavar="K",
        help="keep the weights of the K best networks, or of all (default: 10)",
    )
    add_running(folder)


def _add_data(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument(
        "--task",
        choices=("auto", "regression", "classification"),
        default="auto",
        help="predict numbers or tell classes apart; auto decides by the target",
    )
    group.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="COLUMN",
        help="do not use a column; may be repeated",
    )
    group.add_argument(
        "--missing",
        choices=("error", "median"),
        default="error",
        help="what to do about missing values: stop, or fill them with the median of "
        "the column's training rows (default: error)",
    )
    group.add_argument(
        "--validation",
        type=types.share,
        default=0.2,
        metavar="SHARE",
        help="share of the rows by which networks are chosen (default: 0.2)",
    )
    group.add_argument(
        "--test",
        type=types.share_or_none,
        default=0.2,
        metavar="SHARE",
        help="share of the rows that judge the chosen network (default: 0.2)",
    )


def _add_networks(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("networks")
    number = group.add_mutually_exclusive_group()
    number.add_argument(
        "--trials",
        type=types.at_least(1),
        metavar="N",
        help="networks to train in all (default: 20)",
    )
    number.add_argument(
        "--architectures",
        type=types.at_least(1),
        metavar="N",
        help="the same, counted in draws of levels, units and neurons",
    )
    group.add_argument(
        "--wirings",
        type=types.at_least(1),
        default=1,
        metavar="N",
        help="networks for each such draw, wired differently (default: 1)",
    )
    for name, default, words in (
        ("levels", "2..5", "levels of units, that of the output included"),
        ("units", "1..4", "units on each hidden level"),
        ("neurons", "4..32", "neurons of each hidden unit"),
    ):
        group.add_argument(
            f"--{name}",
            type=types.closed_range,
            metavar="LOW..HIGH",
            help=f"{words} (default: {default})",
        )
    add_seed(group)


def _add_training(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument(
        "--epochs",
        type=types.at_least(1),
        metavar="N",
        help="times that the training rows are gone through, at most (default: 50)",
    )
    group.add_argument(
        "--patience",
        type=types.at_least(1),
        metavar="N",
        help="stop a training after N epochs without a better score (default: never)",
    )
    group.add_argument(
        "--batch-size",
        type=types.at_least(1),
        metavar="ROWS",
        help="rows of one step (default: decided from the number of rows)",
    )
    group.add_argument(
        "--learning-rate",
        type=types.positive,
        metavar="RATE",
        help="of Adam (default: 0.005)",
    )
    group.add_argument(
        "--metric",
        metavar="NAME",
        help="what ranks the networks, measured on the validation rows: loss, and "
        "root_mean_squared_error or mean_absolute_error for a regression, accuracy "
        "(and auc for two classes) for a classification (default: "
        "root_mean_squared_error, loss)",
    )
    group.add_argument(
        "--direction",
        choices=("minimize", "maximize"),
        help="which way the metric is better (default: by its name)",
    )


def add_resume(commands: Any) -> None:
    """`cerebros resume`."""
    parser = add_command(
        commands,
        "resume",
        "go on with a search that was stopped, or train more networks",
        "Go on with the search in a folder, with the settings that it was begun with.\n"
        "A search that was interrupted ends as if it never had been.",
    )
    add_folder(parser)
    parser.add_argument(
        "--trials",
        type=types.at_least(1),
        metavar="N",
        help="networks to train in all, those already trained included",
    )
    parser.add_argument(
        "--table",
        metavar="TABLE",
        help="where the table is now, if it was moved; its content must be the same",
    )
    add_running(parser)
