"""Values of a table that were read as missing, or could be read in two ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.table import Doubt, Mixed, Unread

_HELD = {"number": "numbers", "date": "dates", "text": "text"}


def unread_findings(unread: Iterable[Unread]) -> Iterator[Finding]:
    """A note for each column that holds values of another kind than its others."""
    for own in unread:
        examples = ", ".join(map(repr, own.examples))
        evidence = (
            f"{own.n:,} of its {own.n_present:,} values are no {_HELD[own.kind]}, as "
            f"the others are, and count as missing, such as {examples}."
        )
        way_out = "Correct them, or read the column as text with texts"
        yield found("unread-values", own.column, evidence, way_out, is_grave=False)


def doubt_findings(doubts: Iterable[Doubt]) -> Iterator[Finding]:
    """A note for each column that may hold something else than what it is read as."""
    for own in doubts:
        if isinstance(own, Mixed):
            examples = ", ".join(map(repr, own.examples))
            evidence = (
                f"it is text, because {own.n:,} of its {own.n_present:,} values are no "
                f"{_HELD[own.kind]}, as the others are, such as {examples}."
            )
            way_out = f"If it is to hold {_HELD[own.kind]}, leave these cells empty"
            yield found("unread-values", own.column, evidence, way_out, is_grave=False)
            continue
        evidence = (
            f"all of it can be read in two ways; {own.example!r} was taken to be "
            f"{own.taken}, and not {own.other}."
        )
        way_out = "If that is wrong, write it in another form"
        yield found("ambiguous-values", own.column, evidence, way_out, is_grave=False)
