from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

RULES = (
    "target-copy",
    "target-code",
    "strong-column",
    "duplicate-rows",
    "identifier",
    "unread-values",
    "ambiguous-values",
    "groups",
    "time-order",
    "small-classes",
    "target-outliers",
    "range-drift",
    "category-drift",
    "missing-drift",
)
"""The names by which findings are silenced."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a table, or with a column of it.

    Attributes:
        rule: the rule that is broken, one of `RULES`.
        column: the column that breaks it, or None for the table or its target.
        evidence: one sentence with numbers.
        advice: the way out, and how the finding is silenced.
        is_grave: scores would be too good to be true; other findings are notes.
        is_left_out: the column is not learned from, unless the finding is silenced.
    """

    rule: str
    column: str | None
    evidence: str
    advice: str
    is_grave: bool
    is_left_out: bool = False

    def __str__(self) -> str:
        where = "the table" if self.column is None else f"column {self.column!r}"
        return f"[{self.rule}] {where}: {self.evidence} {self.advice}"


def found(
    rule: str, column: str | None, evidence: str, way_out: str, *, is_grave: bool
) -> Finding:
    """A finding whose advice ends with the way to silence it."""
    assert rule in RULES
    name = rule if column is None else f"{rule}:{column}"
    advice = f"{way_out}, or silence this with ignore=[{name!r}]."
    return Finding(rule, column, evidence, advice, is_grave)


def without_ignored(
    findings: Iterable[Finding], ignore: Collection[str]
) -> list[Finding]:
    """The findings that are not silenced.

    Args:
        findings: what was found.
        ignore: names of rules, each for all columns (`"groups"`) or for one
            (`"groups:user"`).

    Raises:
        ValueError: if `ignore` names an unknown rule.
    """
    check_ignored(ignore)
    return [
        finding
        for finding in findings
        if finding.rule not in ignore
        and f"{finding.rule}:{finding.column}" not in ignore
    ]


def check_ignored(ignore: Collection[str]) -> None:
    if isinstance(ignore, str):
        raise ValueError(f"ignore must be a list of names, such as [{ignore!r}]")
    if unknown := [name for name in ignore if name.split(":", 1)[0] not in RULES]:
        raise ValueError(
            f"ignore names rules that do not exist, {unknown}; write a rule, or "
            f"rule:column, with a rule of {', '.join(RULES)}"
        )
