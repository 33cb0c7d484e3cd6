"""What the other columns say about the target, by a quick model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cerebros.estimators.guards._columns import Codes, Column, Kind, Numbers
from cerebros.estimators.guards._ranks import rank

N_FOLDS = 5
N_DRAWN = 200
"""Features that are drawn at random, each a bent sum of all columns."""
MOST_LINEAR = 100
MOST_LABELS = 10
PENALTY = 1e-2
"""Per row."""


def predict_from(
    columns: Sequence[Column],
    scores: Numbers,
    folds: Codes,
    rng: np.random.Generator,
) -> Numbers:
    """Predict each fold from the others by ridge regression on random features.

    Shapes:
        scores: `(row, score)`.
        folds: `(row,)`, numbers below `N_FOLDS`.
        result: `(row, score)`.

    Reference:
        Rahimi & Recht 2008, Weighted sums of random kitchen sinks.
    """
    x = _features(columns, scores, rng)
    predicted = np.empty_like(scores)
    present = np.unique(folds)
    parts = {fold: (x[folds == fold], scores[folds == fold]) for fold in present}
    grams = {fold: (part.T @ part, part.T @ y) for fold, (part, y) in parts.items()}
    penalty = PENALTY * len(x) * np.eye(x.shape[1])
    penalty[0, 0] = 1e-9  # the constant is not drawn to zero
    for fold in present:
        others = [gram for number, gram in grams.items() if number != fold]
        gram = sum((g for g, _ in others), start=penalty)
        products = sum((p for _, p in others), start=np.zeros_like(grams[fold][1]))
        predicted[folds == fold] = parts[fold][0] @ np.linalg.solve(gram, products)
    return predicted


def _features(
    columns: Sequence[Column], scores: Numbers, rng: np.random.Generator
) -> Numbers:
    """`(row, feature)`: a constant, the columns that matter, and drawn features."""
    n_rows = len(scores)
    blocks = [block for column in columns for block in _numbers(column)]
    if not blocks:
        return np.ones((n_rows, 1))
    x = np.stack(blocks, axis=1)
    weights = rng.normal(size=(x.shape[1], N_DRAWN)) / np.sqrt(x.shape[1])
    drawn = np.tanh(x @ weights + rng.normal(size=N_DRAWN))
    relevance = np.abs(x.T @ (scores - scores.mean(axis=0))).max(axis=1)
    best = np.argsort(-relevance)[:MOST_LINEAR]
    return np.hstack([np.ones((n_rows, 1)), x[:, best], drawn])


def _numbers(column: Column) -> list[Numbers]:
    """Ranks with variance 1; a column for each of a few categories."""
    is_missing = column.is_missing
    if column.kind is Kind.TEXT:
        codes = [code for code in range(len(column.labels)) if len(column.labels) > 1]
        if len(codes) > MOST_LABELS:
            return []
        return [(column.values == code).astype(np.float64) for code in codes]
    ranks = np.full(len(is_missing), 0.5)
    ranks[~is_missing] = rank(column.values[~is_missing]).middle
    blocks = [(ranks - 0.5) * np.sqrt(12)]
    return [*blocks, is_missing.astype(np.float64)] if is_missing.any() else blocks
