"""Which rows judge networks that have not seen them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Each row judges once; classes and target values are spread evenly.

    Attributes:
        n: of folds; None to decide by the size of the table.
    """

    n: int | None = None

    def __post_init__(self) -> None:
        _check_folds(self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """A share of the rows judges; in the end networks are trained on all rows.

    Attributes:
        share: of the rows, 0 < share < 1.
    """

    share: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share must hold 0 < share < 1, but got {self.share!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFolds:
    """Rows of a group are never on both sides of a fold.

    Attributes:
        column: whose values are the groups; None where `fit` is given `groups`. The
            column is not learned from.
        n: of folds; None to decide by the size of the table.
    """

    column: str | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        _check_folds(self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFolds:
    """Rows are judged by networks that have seen earlier ones only.

    In the end networks are trained on all rows.

    Attributes:
        column: by which rows are ordered; None for the order in which they stand.
        n: of blocks that judge, one after the other.
    """

    column: str | None = None
    n: int = 5

    def __post_init__(self) -> None:
        _check_folds(self.n, least=1)


Validation: TypeAlias = Folds | Holdout | GroupFolds | TimeFolds


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows that train a network, and rows that judge it.

    Attributes:
        train: numbers of rows.
        valid: numbers of rows; none in a fold that only answers.
        answers: whether networks of this fold answer in the end.
    """

    train: Ints
    valid: Ints
    answers: bool = True


def folds_of(
    validation: Any,
    n_rows: int,
    *,
    n_folds: int,
    strata: npt.NDArray[Any],
    is_classification: bool,
    groups: npt.NDArray[Any] | None = None,
    order: npt.NDArray[Any] | None = None,
    unit: npt.NDArray[np.int64] | None = None,
    seed: int | Sequence[int] = 0,
) -> list[Fold]:
    """The folds of a table.

    Args:
        validation: one of the classes above, or a splitter of scikit-learn.
        n_rows: of the table.
        n_folds: how many, where the validation leaves it open.
        strata: class numbers or target values, `(row,)`, to be spread evenly.
        is_classification: which of the two.
        groups: of each row, for `GroupFolds` and splitters.
        order: values by which rows are ordered, for `TimeFolds`.
        unit: of each row, counted from 0 and ascending; for `Folds` and `Holdout`,
            rows of one unit stay on one side. None if each row is its own.
        seed: decides which rows.

    Raises:
        DataError: if there are too few rows or groups.
        ValueError: if a splitter gives no folds.
    """
    if n_rows < 2:
        raise DataError(
            "at least 2 rows are needed to train and to judge, a minimum of 2 is "
            f"required, but got n_samples = {n_rows}"
        )
    rng = np.random.default_rng([*np.atleast_1d(seed), 17])
    everything = np.arange(n_rows)
    if unit is None or not isinstance(validation, (Folds, Holdout)):
        unit = everything
    first = np.unique(unit, return_index=True)[1]  # whose stratum is that of the unit
    if len(first) < 2:
        raise DataError(
            f"all {n_rows} rows are copies of one, so none can be held out; at least 2 "
            "different rows are needed, or validation=TimeFolds() or a splitter"
        )
    match validation:
        case Folds():
            n = min(n_folds, len(first))
            number = _spread(strata[first], n, is_classification, rng)
            return _of_numbers(number[unit])
        case Holdout():
            held = _held_out(strata[first], validation.share, rng)[unit]
            return [
                Fold(everything[~held], everything[held], answers=False),
                Fold(everything, everything[:0]),
            ]
        case GroupFolds():
            return _of_numbers(_group_numbers(groups, n_folds, rng))
        case TimeFolds():
            return _time_folds(n_rows, validation.n, order)
    return _of_splitter(validation, n_rows, strata, groups)


def _of_numbers(number: Ints) -> list[Fold]:
    return [
        Fold(np.flatnonzero(number != k), np.flatnonzero(number == k))
        for k in np.unique(number)
    ]


def _spread(
    strata: npt.NDArray[Any],
    n_folds: int,
    is_classification: bool,
    rng: np.random.Generator,
) -> Ints:
    """A fold for each row, so that each fold holds the strata in proportion."""
    shuffled = rng.permutation(len(strata))
    if is_classification:
        ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
        number = np.empty(len(strata), np.int64)
        number[ordered] = np.arange(len(strata)) % n_folds
        return number
    ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
    number = np.empty(len(strata), np.int64)
    for start in range(0, len(strata), n_folds):
        block = ordered[start : start + n_folds]
        number[block] = rng.permutation(n_folds)[: len(block)]
    return number


def _held_out(
    strata: npt.NDArray[Any], share: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Whether a row is of those held out, which hold the strata in proportion."""
    n_rows = len(strata)
    n_held = min(max(1, round(share * n_rows)), n_rows - 1)
    shuffled = rng.permutation(n_rows)
    ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
    # Of any rows that stand together in that order, the share is held out.
    steps = (np.arange(n_rows + 1) * n_held + rng.integers(n_rows)) // n_rows
    held = np.zeros(n_rows, bool)
    held[ordered] = np.diff(steps) > 0
    return held


def _group_numbers(
    groups: npt.NDArray[Any] | None, n_folds: int, rng: np.random.Generator
) -> Ints:
    if groups is None:
        raise ValueError(
            "GroupFolds needs groups: name their column, GroupFolds(column=...), or "
            "give fit(..., groups=...)"
        )
    is_missing = [value is None or value != value for value in groups]
    if n_missing := sum(is_missing):
        raise DataError(
            f"GroupFolds needs the group of every row, but {n_missing} are missing; "
            "leave these rows out, or give each a group of its own"
        )
    texts = [str(value) for value in groups]
    places = {text: place for place, text in enumerate(sorted(set(texts)))}
    of_row = np.array([places[text] for text in texts], np.int64)
    sizes = np.bincount(of_row)
    if len(sizes) < 2:
        raise DataError(
            "GroupFolds needs at least 2 groups, but all rows are of one; use Folds()"
        )
    # The largest groups first, each into the fold that has the fewest rows so far.
    ties = rng.permutation(len(sizes))
    fold_of = np.zeros(len(sizes), np.int64)
    filled = np.zeros(min(n_folds, len(sizes)))
    for group in ties[np.argsort(-sizes[ties], kind="stable")]:
        fold_of[group] = np.argmin(filled)
        filled[fold_of[group]] += sizes[group]
    return np.asarray(fold_of[of_row])


def _time_folds(
    n_rows: int, n_blocks: int, order: npt.NDArray[Any] | None
) -> list[Fold]:
    if order is not None and (n_missing := sum(v is None or v != v for v in order)):
        raise DataError(
            f"TimeFolds orders rows by a column, but {n_missing} of its values are "
            "missing; leave these rows out, or order the table and use TimeFolds()"
        )
    if order is not None and order.dtype.kind == "O":
        raise DataError(
            "TimeFolds orders rows by numbers or dates, but its column holds text; "
            "write dates as 2024-12-31"
        )
    ordered = np.arange(n_rows) if order is None else np.argsort(order, kind="stable")
    ends = np.linspace(0, n_rows, min(n_blocks, n_rows - 1) + 2).astype(int)[1:-1]
    if order is not None:
        # Rows of one time stay together: a border moves to where a time begins.
        times = order[ordered]
        begins = 1 + np.flatnonzero(times[1:] != times[:-1])
        if not len(begins):
            raise DataError(
                "TimeFolds needs rows of at least two times, but all are of one; use "
                "Folds()"
            )
        nearest = np.abs(begins[None] - ends[:, None]).argmin(axis=1)
        ends = np.unique(begins[nearest])
    blocks = np.split(ordered, ends)
    folds = [
        Fold(np.concatenate(blocks[:k]), blocks[k], answers=False)
        for k in range(1, len(blocks))
    ]
    return [*folds, Fold(np.arange(n_rows), np.arange(0))]


def _of_splitter(
    splitter: Any,
    n_rows: int,
    strata: npt.NDArray[Any],
    groups: npt.NDArray[Any] | None,
) -> list[Fold]:
    pairs: Iterator[Sequence[Any]]
    if not isinstance(splitter, str) and hasattr(splitter, "split"):
        pairs = splitter.split(np.zeros((n_rows, 1)), strata, groups)
    elif not isinstance(splitter, str) and hasattr(splitter, "__iter__"):
        pairs = iter(splitter)
    else:
        raise ValueError(
            "validation must be None, a number of folds, Folds, Holdout, GroupFolds, "
            f"TimeFolds, or a splitter with `split`, but got {splitter!r}"
        )
    folds = [Fold(_row_numbers(a), _row_numbers(b)) for a, b in pairs]
    if not folds or not all(len(f.train) and len(f.valid) for f in folds):
        raise ValueError(f"{splitter!r} gives no folds with rows on both sides")
    used = np.concatenate([rows for fold in folds for rows in (fold.train, fold.valid)])
    if used.min() < 0 or used.max() >= n_rows:
        raise ValueError(
            f"{splitter!r} must give numbers of rows from 0 to {n_rows - 1}, but gives "
            f"{used.min()} to {used.max()}"
        )
    if any(np.isin(fold.train, fold.valid).any() for fold in folds):
        raise ValueError(f"{splitter!r} judges rows by networks trained on them")
    judged = np.concatenate([fold.valid for fold in folds])
    if len(np.unique(judged)) < len(judged):
        raise ValueError(
            f"{splitter!r} judges rows more than once; use one without repeats"
        )
    # Where folds leave out more than they judge (as a time between), what is learned
    # from the targets of other folds would know more than they may.
    n_seen = [len(np.unique(fold.train)) + len(fold.valid) for fold in folds]
    if len(judged) == n_rows and min(n_seen) == n_rows:
        return folds
    kept = [Fold(fold.train, fold.valid, answers=False) for fold in folds]
    return [*kept, Fold(np.arange(n_rows), np.arange(0))]


def _row_numbers(rows: Any) -> Ints:
    """Numbers of rows, also where a mask was given."""
    array = np.asarray(rows)
    return np.flatnonzero(array) if array.dtype.kind == "b" else array.astype(np.int64)


def _check_folds(n: int | None, least: int = 2) -> None:
    if n is not None and n < least:
        raise ValueError(f"n must be at least {least}, but got {n!r}")
