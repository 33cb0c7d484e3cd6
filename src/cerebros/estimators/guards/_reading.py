"""Values of a table that were read as missing, or could be read in two ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.table import Ambiguous, Unread

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


def ambiguous_findings(ambiguous: Iterable[Ambiguous]) -> Iterator[Finding]:
    """A note for each column whose texts can all be read in two ways."""
    for own in ambiguous:
        evidence = (
            f"all of it can be read in two ways; {own.example!r} was taken to be "
            f"{own.taken}, and not {own.other}."
        )
        way_out = "If that is wrong, write it in another form"
        yield found("ambiguous-values", own.column, evidence, way_out, is_grave=False)
