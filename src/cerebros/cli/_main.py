"""From the command line to a command, and from what it raises to an exit code."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from cerebros.cli._exit import Exit
from cerebros.cli._output import note
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
    _open_closed_streams()
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
        note("cerebros: interrupted")
        return Exit.INTERRUPTED
    except (CerebrosError, ValueError, OSError) as error:
        if arguments.debug:
            traceback.print_exc()
        note(f"cerebros: {_message(error)}")
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


def _open_closed_streams() -> None:
    """Let streams that were closed lead nowhere.

    Otherwise the next file that is opened takes their number, and whatever is printed,
    also by libraries, goes into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, nowhere)


def _prepare_streams(*, debug: bool) -> None:
    """Write UTF-8 into files and pipes, and logs only when asked for.

    A terminal shows `?` for what it cannot show.
    """
    for stream in (sys.stdout, sys.stderr):
        if not hasattr(stream, "reconfigure"):  # as in tests
            continue
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if debug:
        logging.basicConfig(level=logging.INFO)
        return
    # A failed trial is shown by the progress already; and SQLAlchemy logs with a
    # traceback, but also passes on, an interrupt that comes while it closes a database.
    for name in ("cerebros", "sqlalchemy"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    caches = logging.getLogger("cerebros.caches")
    if not caches.handlers:
        caches.addHandler(_Notes())


class _Notes(logging.Handler):
    """Shows remarks to whoever works at the command line."""

    def emit(self, record: logging.LogRecord) -> None:
        note(f"cerebros: {record.getMessage()}")


def _close_stdout() -> None:
    """Keep the interpreter from complaining that nobody reads its last words."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # not a real stream, as in tests
        return
