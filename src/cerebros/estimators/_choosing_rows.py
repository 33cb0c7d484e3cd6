"""Which rows choose where there are too many, and what each of them stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_LEAST_OF_CLASS = 100
_ROUNDS = 30


def choosing_rows(
    strata: Array,
    weights: Array,
    most: int,
    *,
    is_classification: bool,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """About so many rows that stand for all, and the weights that make up for it.

    Classes, or target values, are held in proportion, but of a rare class there are a
    hundred rows if it has them. Heavy rows are more likely to be among them. A row's
    weight is divided by how likely it was, so that weighted means are not biased.

    Args:
        strata: class numbers or target values, `(row,)`.
        weights: how much each row counts, `(row,)`.
        most: rows; if there are not more, all of them choose.
        is_classification: which of the two.
        rng: decides which rows.

    Returns:
        Places of the rows, ascending, and the weight of each.

    Reference:
        Madow, 1949, "On the Theory of Systematic Sampling, II".
    """
    n_rows = len(strata)
    if n_rows <= most:
        return np.arange(n_rows), weights
    sizes = 0.5 + 0.5 * weights / weights.mean() if weights.any() else np.ones(n_rows)
    if is_classification:
        sizes = _with_rare_classes(sizes, strata.astype(np.int64), most)
    likely = _probabilities(sizes, most)
    shuffled = rng.permutation(n_rows)
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    steps = np.floor(np.cumsum(likely[order]) + rng.random())
    chosen = np.sort(order[np.diff(steps, prepend=0.0) > 0])
    return chosen, weights[chosen] / likely[chosen]


def _with_rare_classes(sizes: Array, classes: Array, most: int) -> Array:
    """Sizes by which enough rows of each class are expected."""
    n_rows = np.bincount(classes)
    n_classes = int(np.count_nonzero(n_rows))
    wanted = np.minimum(n_rows, min(_LEAST_OF_CLASS, most // (2 * n_classes)))
    for _ in range(_ROUNDS):
        expected = np.bincount(classes, _probabilities(sizes, most))
        lacking = expected < wanted * (1 - 1e-3)
        if not lacking.any():
            break
        more = np.where(lacking, wanted / np.maximum(expected, 1e-9), 1.0)
        sizes = sizes * more[classes]
    return sizes


def _probabilities(sizes: Array, most: int) -> Array:
    """In proportion to sizes, none above 1, and adding up to so many."""
    likely = np.zeros(len(sizes))
    is_sure = np.zeros(len(sizes), bool)
    for _ in range(_ROUNDS):
        rest = sizes[~is_sure].sum()
        likely = np.where(is_sure, 1.0, sizes * (most - is_sure.sum()) / rest)
        if not (likely > 1).any():
            break
        is_sure |= likely >= 1
    return np.minimum(likely, 1.0)
