"""How a command ends, for the shell."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; the words are what `--help` says about them."""

    DONE = 0, "done"
    FAILED = 1, "the work failed, for example because every trial did"
    BAD_INPUT = 2, "an argument, a table or its values cannot be used"
    NO_STORE = 3, "a folder, or a file in it, cannot be read or written"
    INTERRUPTED = 130, "interrupted from the keyboard; what was finished is kept"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member


def describe_exits() -> str:
    """The exit codes as lines of text."""
    lines = [f"  {code.value:>3}  {code.meaning}" for code in Exit]
    return "\n".join(["exit codes:", *lines])
