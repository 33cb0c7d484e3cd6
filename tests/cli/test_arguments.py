"""What is accepted on the command line, and what is said about the rest."""

from argparse import ArgumentTypeError

import pytest

from cerebros import __version__
from cerebros.cli import _argument_types as types
from cerebros.cli._exit import Exit
from cerebros.cli._parser import make_parser
from cerebros.spaces import RandomWiring
from cerebros.training import TrainingSettings

COMMANDS = ["demo", "search", "resume", "trials", "show", "predict", "export"]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (types.closed_range, "2..7", (2, 7)),
        (types.closed_range, " 3 ", (3, 3)),
        (types.seconds, "90", 90),
        (types.seconds, "90s", 90),
        (types.seconds, "5m", 300),
        (types.seconds, "1.5H", 5400),
        (types.share, "0.2", 0.2),
        (types.share_or_none, "0", 0),
        (types.positive, "1e-3", 0.001),
        (types.keep, "all", "all"),
        (types.keep, "3", 3),
        (types.trial, "best", "best"),
        (types.trial, "0", 0),
    ],
)
def test_an_argument_is_read(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (types.closed_range, "7..2", "empty range"),
        (types.closed_range, "0", "1 <= low"),
        (types.closed_range, "2-7", "write it as 2..7"),
        (types.closed_range, "", "write it as 2..7"),
        (types.seconds, "0", "90s, 5m"),
        (types.seconds, "5 weeks", "90s, 5m"),
        (types.seconds, "-1", "90s, 5m"),
        (types.share, "1.5", "0 < share < 1"),
        (types.share, "0", "0 < share < 1"),
        (types.share, "nan", "0 < share < 1"),
        (types.share_or_none, "1", "0 <= share < 1"),
        (types.share, "a fifth", "0.2 is a fifth"),
        (types.positive, "0", "above 0"),
        (types.positive, "inf", "above 0"),
        (types.keep, "0", ">= 1"),
        (types.keep, "most", ">= 1"),
        (types.at_least(1), "2.5", "whole number"),
        (types.trial, "-1", "counted from 0"),
        (types.trial, "first", "or 'best'"),
    ],
)
def test_a_bad_argument_is_explained(parse, text, words):
    with pytest.raises(ArgumentTypeError, match=words):
        parse(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "t.csv", "--target", "y", "--levels", "7..2"),
        ("search", "t.csv", "--target", "y", "--validation", "1.5"),
        ("search", "t.csv", "--target", "y", "--trials", "3", "--architectures", "2"),
        ("search", "t.csv", "--target", "y", "--quiet", "--progress", "lines"),
        ("search", "t.csv"),
        ("show", "folder", "last"),
        ("trials", "folder", "--json", "--csv"),
        ("dream",),
    ],
)
def test_bad_arguments_end_with_code_2_and_point_to_the_help(run, arguments):
    done = run(*arguments)
    assert done.code == Exit.BAD_INPUT
    assert done.out == ""
    assert done.err.startswith("cerebros")
    assert "--help" in done.err


def test_without_a_command_the_help_is_shown(run):
    done = run()
    assert done.code == Exit.BAD_INPUT
    assert all(command in done.err for command in COMMANDS)


def test_the_version(run):
    assert run("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("command", [[], *([c] for c in COMMANDS)])
def test_the_help_of_every_command_explains_the_exit_codes(run, command):
    done = run(*command, "--help")
    assert done.code == 0
    for code in Exit:
        assert f"{code.value}  {code.meaning}" in done.out


def test_the_defaults_in_the_help_are_those_of_the_package(run):
    space, training = RandomWiring(), TrainingSettings()
    words = " ".join(run("search", "--help").out.split())
    for low, high in (space.levels, space.units, space.neurons):
        assert f"(default: {low}..{high})" in words
    assert f"at most (default: {training.epochs})" in words
    assert f"of Adam (default: {training.learning_rate})" in words
    assert training.patience is None


def test_what_is_not_given_is_left_to_the_package():
    given = make_parser().parse_args(["search", "t.csv", "--target", "y"])
    undecided = ("levels", "units", "neurons", "epochs", "batch_size", "learning_rate")
    assert all(getattr(given, name) is None for name in undecided)
