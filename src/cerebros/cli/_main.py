"""From the command line to a command, and from what it raises to an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from cerebros.cli._exit import Exit
from cerebros.cli._parser import make_parser
from cerebros.errors import CerebrosError, SearchError, StoreError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the arguments, without the name of the program; by default those that
            the process was started with.

    Returns:
        The exit code: 0 done, 1 the work failed, 2 bad input, 3 a folder cannot be
        used, 130 interrupted.
    """
    parser = make_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as exit_:  # argparse has said what there was to say
        return int(exit_.code or 0)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return Exit.BAD_INPUT
    _prepare_streams(debug=arguments.debug)
    try:
        command = import_module(f"cerebros.cli._{arguments.command}")
        code = int(command.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # as in `cerebros trials … | head`
        _close_stdout()
        return Exit.DONE
    except KeyboardInterrupt:
        print("cerebros: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except (CerebrosError, ValueError, OSError) as error:
        if arguments.debug:
            traceback.print_exc()
        print(f"cerebros: {_message(error)}", file=sys.stderr)
        return _exit_code(error)
    return code


def _exit_code(error: Exception) -> Exit:
    if isinstance(error, SearchError):
        return Exit.FAILED
    if isinstance(error, (StoreError, OSError)):
        return Exit.NO_STORE
    return Exit.BAD_INPUT


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    return str(error) or type(error).__name__


def _prepare_streams(*, debug: bool) -> None:
    """Print what a terminal cannot show as `?`, and logs only when asked for."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if debug:
        logging.basicConfig(level=logging.INFO)
        return
    # A failed trial is shown by the progress already; and SQLAlchemy logs with a
    # traceback, but also passes on, an interrupt that comes while it closes a database.
    for name in ("cerebros", "sqlalchemy"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _close_stdout() -> None:
    """Keep the interpreter from complaining that nobody reads its last words."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a real stream, as in tests
        return
