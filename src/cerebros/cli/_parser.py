"""Every command and its arguments."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, NoReturn

from cerebros import __version__
from cerebros.cli import _argument_types as types
from cerebros.cli._exit import Exit, describe_exits

# Every default that is not None here is one of the package's; None leaves it to them.
_INTRODUCTION = """\
Search for a neural network that fits a table: draw randomly wired networks, train
each of them, keep everything, and hand the best one back."""

_EXAMPLES = """\
examples:
  cerebros demo                                search on a small bundled data set
  cerebros search houses.csv --target price    search on a table of your own
  cerebros trials houses-search                what was found
  cerebros show houses-search best             one network: plan, history, picture
  cerebros predict houses-search new.csv       predictions of the best network
  cerebros resume houses-search --trials 50    go on, or go further

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
    _add_demo(commands)
    _add_search(commands)
    _add_resume(commands)
    _add_trials(commands)
    _add_show(commands)
    _add_predict(commands)
    _add_export(commands)
    return parser


def _add(commands: Any, name: str, summary: str, description: str) -> ArgumentParser:
    parser: ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=describe_exits(),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--debug", action="store_true", help="show where an error came from"
    )
    return parser


def _add_demo(commands: Any) -> None:
    parser = _add(
        commands,
        "demo",
        "search on a small bundled data set, in about a minute",
        "Search for a network that reads handwritten digits: 1,797 images of 8 x 8\n"
        "pixels, bundled with scikit-learn. Repeating the command goes on where the\n"
        "search was, or shows what it found.",
    )
    _add_out(parser, "demo-search")
    parser.add_argument(
        "--quick", action="store_true", help="small networks, trained shortly"
    )
    parser.add_argument(
        "--trials",
        type=types.at_least(1),
        metavar="N",
        help="networks to train in all (default: 8, with --quick 3)",
    )
    _add_seed(parser)
    _add_running(parser)


def _add_search(commands: Any) -> None:
    parser = _add(
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
    _add_out(folder, "<name of the table>-search")
    folder.add_argument(
        "--keep",
        type=types.keep,
        default=10,
        metavar="K",
        help="keep the weights of the K best networks, or of all (default: 10)",
    )
    _add_running(parser, folder)


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
    _add_seed(group)


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


def _add_resume(commands: Any) -> None:
    parser = _add(
        commands,
        "resume",
        "go on with a search that was stopped, or train more networks",
        "Go on with the search in a folder, with the settings that it was begun with.\n"
        "A search that was interrupted ends as if it never had been.",
    )
    _add_folder(parser)
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
    _add_running(parser)


def _add_trials(commands: Any) -> None:
    parser = _add(
        commands,
        "trials",
        "list the networks of a search",
        "List the networks of a search and their scores; also while it is running.",
    )
    _add_folder(parser)
    _add_name(parser)
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
    _add_json(form)
    form.add_argument("--csv", action="store_true", help="write CSV")


def _add_show(commands: Any) -> None:
    parser = _add(
        commands,
        "show",
        "show one network: its plan, its training, its picture",
        "Show one network of a search in words, and draw it into a file.",
    )
    _add_folder(parser)
    _add_name(parser)
    parser.add_argument(
        "trial", metavar="TRIAL", type=types.trial, help="its number, or best"
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        help=".html or .svg (default: pictures/trial_….html in the folder)",
    )
    _add_json(parser)


def _add_predict(commands: Any) -> None:
    parser = _add(
        commands,
        "predict",
        "predict the target for the rows of another table",
        "Predict the target for every row of a table, as CSV. The table needs the\n"
        "columns that the search used, in any order; others are ignored.",
    )
    _add_folder(parser)
    parser.add_argument("table", metavar="TABLE", help="as for cerebros search")
    _add_trial(parser)
    parser.add_argument(
        "--output", metavar="FILE", help="a CSV file (default: standard output)"
    )
    parser.add_argument(
        "--proba",
        action="store_true",
        help="also the probability of each class, as columns p_<class>",
    )
    _add_json(parser)


def _add_export(commands: Any) -> None:
    parser = _add(
        commands,
        "export",
        "write one network as a Keras model file",
        "Write a network of a search as a .keras file, for keras.models.load_model.",
    )
    _add_folder(parser)
    _add_name(parser)
    _add_trial(parser)
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="its name ends in .keras (default: models/trial_….keras in the folder)",
    )
    _add_json(parser)


def _add_folder(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="the folder of the search")


def _add_name(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--search",
        metavar="NAME",
        help="which search, where a folder made from Python holds several",
    )


def _add_out(parser: Any, default: str) -> None:
    parser.add_argument(
        "--out", metavar="DIR", help=f"folder of the search (default: {default})"
    )


def _add_seed(parser: Any) -> None:
    parser.add_argument(
        "--seed",
        type=types.at_least(0),
        default=0,
        metavar="N",
        help="decides every random draw (default: 0)",
    )


def _add_trial(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--trial",
        type=types.trial,
        default="best",
        metavar="TRIAL",
        help="the number of a network (default: best)",
    )


def _add_running(parser: Any, group: Any = None) -> None:
    group = group or parser
    group.add_argument(
        "--time-budget",
        type=types.seconds,
        metavar="TIME",
        help="stop after this time, such as 90s, 5m or 1h; resume goes on",
    )
    shown = group.add_mutually_exclusive_group()
    shown.add_argument(
        "--progress",
        choices=("auto", "panel", "lines", "none"),
        default="auto",
        help="a live panel, a line for each network, or nothing (default: auto, a "
        "panel on a terminal and lines elsewhere)",
    )
    shown.add_argument(
        "--quiet", action="store_true", help="say nothing but warnings and errors"
    )
    _add_json(group)


def _add_json(parser: Any) -> None:
    parser.add_argument(
        "--json",
        action="store_true",
        help="write the result as JSON to standard output, for programs",
    )
