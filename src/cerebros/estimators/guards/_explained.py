"""How much of a target one column explains; each row is predicted by other rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from cerebros.estimators.guards._columns import Codes, Numbers, Rows

NARROWEST_WINDOW = 8
WINDOWS = 60
"""Windows on each side of a row that cover the column."""
MOST_LEAVES = 24


def explained_by_groups(codes: Codes, scores: Numbers) -> float:
    """Share of the variance that the other rows of the same group explain.

    A row that is alone in its group is predicted by the mean of all rows, so a
    column of different values explains nothing.

    Shapes:
        codes: `(row,)`, numbers of groups from 0.
        scores: `(row, score)`.
    """
    return share_explained(scores, mean_of_others(codes, scores))


def mean_of_others(codes: Codes, scores: Numbers) -> Numbers:
    """`(row, score)`: means over the other rows of the same group."""
    counts = np.bincount(codes)
    sums = _sums(codes, scores)
    n_others = (counts[codes] - 1)[:, None]
    others = (sums[codes] - scores) / np.maximum(n_others, 1)
    return np.where(n_others > 0, others, scores.mean(axis=0))


def _sums(codes: Codes, scores: Numbers) -> Numbers:
    """`(group, score)`."""
    sums = [np.bincount(codes, column) for column in scores.T]
    return np.asarray(np.stack(sums, axis=1), np.float64)


def explained_by_windows(order: Rows, scores: Numbers) -> float:
    """Share of the variance that neighbours in the order of a column explain.

    The windows are wide, so that near copies of a row within them count little.
    """
    n_rows = len(order)
    half = max(NARROWEST_WINDOW, n_rows // WINDOWS)
    ordered = scores[order]
    sums = np.zeros((n_rows + 1, scores.shape[1]))
    np.cumsum(ordered, axis=0, out=sums[1:])
    rows = np.arange(n_rows)
    low, high = np.maximum(rows - half, 0), np.minimum(rows + half + 1, n_rows)
    n_others = np.maximum(high - low - 1, 1)[:, None]
    return share_explained(ordered, (sums[high] - sums[low] - ordered) / n_others)


def explained_by_next_values(codes: Codes, scores: Numbers) -> float:
    """Share of the variance that the two next values on both sides explain.

    Shapes:
        codes: `(row,)`, numbers of the values in rising order.
    """
    sums = _sums(codes, scores)
    counts = _sums(codes, np.ones((len(codes), 1)))
    n_near = np.maximum(_sum_of_neighbors(counts), 1)
    near = _sum_of_neighbors(sums) / n_near
    return share_explained(scores, near[codes])


def _sum_of_neighbors(values: Numbers) -> Numbers:
    n = len(values)
    padded = np.pad(values, ((2, 2), (0, 0)))
    return padded[:n] + padded[1 : n + 1] + padded[3 : n + 3] + padded[4:]


def explained_by_tree(values: Numbers, classes: Codes) -> float:
    """Share of the variance of classes that a small tree over one column explains.

    Each half of the rows is predicted by a tree that was grown on the other half.
    """
    one_hot = np.eye(int(classes.max()) + 1)[classes]
    n_leaves = min(one_hot.shape[1] + 2, MOST_LEAVES)
    predicted = np.empty_like(one_hot)
    for half in (0, 1):
        x, y = values[half::2], one_hot[half::2]
        order = np.argsort(x, kind="stable")
        cuts = _cuts(x[order], y[order], n_leaves)
        inner = np.array(cuts[1:-1], np.intp)
        edges = _between(x[order][inner - 1], x[order][inner])
        means = [y[order][a:b].mean(axis=0) for a, b in pairwise(cuts)]
        leaves = np.searchsorted(edges, values[1 - half :: 2], side="right")
        predicted[1 - half :: 2] = np.array(means)[leaves]
    return share_explained(one_hot, predicted)


def _between(low: Numbers, high: Numbers) -> Numbers:
    """The middle, or the higher one where there is none."""
    middle = low / 2 + high / 2
    return np.where((low < middle) & (middle < high), middle, high)


def _cuts(x: Numbers, y: Numbers, n_leaves: int) -> list[int]:
    """Where the best next cut is made, again and again; with both ends."""
    sums = np.vstack([np.zeros(y.shape[1]), np.cumsum(y, axis=0)])
    leaves = {(0, len(x)): _best_cut(x, sums, 0, len(x))}
    while len(leaves) < n_leaves:
        (a, b), (gain, cut) = max(leaves.items(), key=lambda leaf: leaf[1][0])
        if gain <= 1e-9:
            break
        del leaves[a, b]
        leaves[a, cut] = _best_cut(x, sums, a, cut)
        leaves[cut, b] = _best_cut(x, sums, cut, b)
    return sorted({end for leaf in leaves for end in leaf})


def _best_cut(x: Numbers, sums: Numbers, a: int, b: int) -> tuple[float, int]:
    """Gain in explained variance, and the row before which to cut."""
    rows = np.arange(a + 1, b)
    rows = rows[x[rows] != x[rows - 1]]
    if not len(rows):
        return 0.0, a
    left, right = sums[rows] - sums[a], sums[b] - sums[rows]
    whole = sums[b] - sums[a]
    gains = (
        (left**2).sum(axis=1) / (rows - a)
        + (right**2).sum(axis=1) / (b - rows)
        - (whole**2).sum() / (b - a)
    )
    best = int(np.argmax(gains))
    return float(gains[best]), int(rows[best])


def share_explained(scores: Numbers, predicted: Numbers) -> float:
    """R² over all scores; 0 where there is nothing to explain."""
    total = float(((scores - scores.mean(axis=0)) ** 2).sum())
    if total <= 1e-12:
        return 0.0
    return 1 - float(((scores - predicted) ** 2).sum()) / total


def as_codes(values: Numbers) -> Codes:
    """Numbers of the different values in rising order; missing ones come last."""
    codes = np.unique(values, return_inverse=True)[1]
    return np.asarray(codes, np.intp)
