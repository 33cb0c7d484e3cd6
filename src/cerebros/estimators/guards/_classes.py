"""Classes with too few rows."""

from __future__ import annotations

import numpy as np

from cerebros.estimators.guards._finding import Finding, found
from cerebros.estimators.guards._target import Target

NAMED = 5


def find_small_classes(target: Target, n_folds: int) -> Finding | None:
    """Classes that are absent from some fold."""
    if not target.is_class:
        return None
    classes, counts = np.unique(target.values, return_counts=True)
    small = [
        f"{int(number)} ({count})"
        for number, count in zip(classes, counts, strict=True)
        if count < n_folds
    ]
    if not small:
        return None
    more = f" and {len(small) - NAMED} more" if len(small) > NAMED else ""
    evidence = (
        f"{len(small)} of {len(classes)} classes have fewer rows than the {n_folds} "
        f"folds: number {', '.join(small[:NAMED])}{more}."
    )
    way_out = "Merge these classes, add rows, or use fewer folds"
    return found("small-classes", None, evidence, way_out, is_grave=False)
