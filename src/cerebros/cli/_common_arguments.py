"""Arguments that several commands have."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from cerebros.cli import _argument_types as types
from cerebros.cli._exit import describe_exits


def add_command(
    commands: Any, name: str, summary: str, description: str
) -> ArgumentParser:
    """A command: what the list of commands says, and what its own help says."""
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


def add_folder(parser: ArgumentParser) -> None:
    """The folder of a search that is there already."""
    parser.add_argument("folder", metavar="DIR", help="the folder of the search")


def add_name(parser: ArgumentParser) -> None:
    """Which of several searches in a folder."""
    parser.add_argument(
        "--search",
        metavar="NAME",
        help="which search, where a folder made from Python holds several",
    )


def add_out(parser: Any, default: str) -> None:
    """The folder of a search that is to begin."""
    parser.add_argument(
        "--out", metavar="DIR", help=f"folder of the search (default: {default})"
    )


def add_seed(parser: Any) -> None:
    """The seed."""
    parser.add_argument(
        "--seed",
        type=types.at_least(0),
        default=0,
        metavar="N",
        help="decides every random draw (default: 0)",
    )


def add_trial(parser: ArgumentParser) -> None:
    """Which network, the best unless told otherwise."""
    parser.add_argument(
        "--trial",
        type=types.trial,
        default="best",
        metavar="TRIAL",
        help="the number of a network (default: best)",
    )


def add_running(parser: Any) -> None:
    """How long a search may run, and what it shows."""
    parser.add_argument(
        "--time-budget",
        type=types.seconds,
        metavar="TIME",
        help="stop after this time, such as 90s, 5m or 1h; resume goes on",
    )
    add_shown(parser)


def add_shown(parser: Any) -> None:
    """What a search shows while it runs, and at its end."""
    shown = parser.add_mutually_exclusive_group()
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
    add_json(parser)


def add_json(parser: Any) -> None:
    """Whether the result is for a program."""
    parser.add_argument(
        "--json",
        action="store_true",
        help="write the result as JSON to standard output, for programs",
    )
