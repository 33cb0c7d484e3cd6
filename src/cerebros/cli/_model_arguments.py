"""The commands that learn a table and judge what came of it, and their arguments."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from cerebros.cli import _argument_types as types
from cerebros.cli._common_arguments import add_command, add_json, add_seed

_SPACES = ("random_wiring", "residual_mlp", "mlp", "mixed")
_TABLE = (
    ".csv, .tsv (both also .gz), .parquet, .xlsx, .xls or .ods; - reads CSV from "
    "standard input"
)


def add_fit(commands: Any) -> None:
    """`cerebros fit`."""
    parser = add_command(
        commands,
        "fit",
        "learn a table as it is, and write one model file",
        "Learn to predict one column of a table from the others: numbers, text,\n"
        "dates, missing values. An ensemble of differently wired networks is trained\n"
        "on folds of the rows; its score is out-of-fold.\n"
        "The model is one file, for cerebros predict, evaluate and export.",
    )
    parser.add_argument("table", metavar="TABLE", help=_TABLE)
    parser.add_argument(
        "--target", required=True, metavar="COLUMN", help="the column to predict"
    )
    _add_columns(parser)
    _add_validation(parser)
    _add_training(parser)
    _add_files(parser)


def add_evaluate(commands: Any) -> None:
    """`cerebros evaluate`."""
    parser = add_command(
        commands,
        "evaluate",
        "judge a model file by rows whose target is known",
        "Predict the rows of a table that has the target, and compare: scores beside\n"
        "the one that the model promised, how often its intervals hold, and columns\n"
        "that are unlike those of the training.",
    )
    parser.add_argument("model", metavar="MODEL", help="a file that cerebros fit wrote")
    parser.add_argument("table", metavar="TABLE", help="as for cerebros fit")
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="the column that holds the target (default: named as in training)",
    )
    parser.add_argument(
        "--weight",
        metavar="COLUMN",
        help="a column that says how much each row counts, as for cerebros fit",
    )
    _add_drop_missing_target(parser)
    add_json(parser)


def _add_columns(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("columns and rows")
    group.add_argument(
        "--task",
        choices=("auto", "regression", "classification"),
        default="auto",
        help="predict numbers or tell classes apart; auto decides by the target",
    )
    for option, words in (
        ("--drop", "do not use these columns"),
        (
            "--text",
            (
                "columns that are text whatever they hold: codes, or NA as a name; the "
                "target, too"
            ),
        ),
    ):
        group.add_argument(
            option,
            nargs="+",
            action="extend",
            default=[],
            metavar="COLUMN",
            help=f"{words}; may be repeated",
        )
    group.add_argument(
        "--weight",
        metavar="COLUMN",
        help="a column that says how much each row counts; it is not learned from",
    )
    group.add_argument(
        "--class-weight",
        choices=("balanced",),
        help="let every class of a classification count the same in all",
    )
    _add_drop_missing_target(group)
    group.add_argument(
        "--ignore",
        nargs="+",
        action="extend",
        default=[],
        metavar="RULE",
        help="what the guards are not to look at: a rule, or rule:column, as they say",
    )


def _add_drop_missing_target(parser: Any) -> None:
    parser.add_argument(
        "--drop-missing-target",
        action="store_true",
        help="leave out rows whose target is missing (default: stop)",
    )


def _add_validation(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("validation")
    group.add_argument(
        "--folds",
        type=types.at_least(2),
        metavar="N",
        help="parts of the rows, each judged by networks that were trained on the "
        "others (default: decided from the table and the time)",
    )
    kind = group.add_mutually_exclusive_group()
    kind.add_argument(
        "--holdout",
        type=types.share,
        metavar="SHARE",
        help="instead, one share of the rows that judges",
    )
    kind.add_argument(
        "--group",
        metavar="COLUMN",
        help="rows that are equal in this column, such as a patient, stay on one side; "
        "it is not learned from",
    )
    kind.add_argument(
        "--time",
        metavar="COLUMN",
        help="rows are judged by networks that have only seen earlier ones, by this "
        "column of dates or numbers",
    )


def _add_training(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument(
        "--time-budget",
        type=types.seconds,
        metavar="TIME",
        help="for everything, such as 90s, 5m or 1h (default: 60s, with --trials no "
        "limit)",
    )
    group.add_argument(
        "--trials",
        type=types.at_least(1),
        metavar="N",
        help="networks to draw (default: as many as fit the time)",
    )
    group.add_argument(
        "--metric",
        metavar="NAME",
        help="what the score is: rmse, mse, mae or r2 of a regression; log_loss, "
        "brier, accuracy, balanced_accuracy, f1 or roc_auc of a classification "
        "(default: rmse, log_loss)",
    )
    group.add_argument(
        "--space",
        choices=_SPACES,
        default=_SPACES[0],
        help=f"kind of networks (default: {_SPACES[0]})",
    )
    group.add_argument(
        "--epochs",
        type=types.at_least(1),
        metavar="N",
        help="times that each network goes through its rows (default: decided from "
        "the table and the time)",
    )
    add_seed(group)


def _add_files(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("files and output")
    group.add_argument(
        "--out",
        metavar="FILE",
        help="the model (default: <name of the table>.cerebros)",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace a model of that name"
    )
    group.add_argument(
        "--work",
        metavar="DIR",
        help="keep trials in this folder, so that the same command goes on after it "
        "was stopped (default: nothing is kept)",
    )
    group.add_argument(
        "--quiet", action="store_true", help="say nothing but warnings and errors"
    )
    add_json(group)
