"""Which rows train, which choose, and which judge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.training._whole_number import whole_number

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Row numbers of the parts of a data set.

    Attributes:
        train: rows that weights are fitted to.
        validation: rows by which epochs and networks are chosen.
        test: rows that only judge the chosen network; may be empty.
    """

    train: Rows
    validation: Rows
    test: Rows

    def __post_init__(self) -> None:
        if not len(self.train) or not len(self.validation):
            raise DataError(
                f"the split leaves {len(self.train)} rows for training and "
                f"{len(self.validation)} for validation; each needs at least one, so "
                "bring more rows or hold out another share"
            )


def split_last_rows(n_rows: int, *, validation: float) -> Split:
    """Hold out the last rows, unshuffled, as the original system did.

    Args:
        n_rows: number of rows.
        validation: share of them that is held out, 0 < share < 1.

    Raises:
        ValueError: if the share lies outside of that.
        DataError: if a part would be empty.
    """
    check_share("validation", validation)
    n_train = math.floor(n_rows * (1 - validation))
    rows = np.arange(n_rows)
    return Split(rows[:n_train], rows[n_train:], rows[:0])


def split_at_random(
    n_rows: int,
    *,
    validation: float,
    test: float = 0.0,
    seed: int,
    classes: npt.NDArray[np.generic] | None = None,
) -> Split:
    """Hold out rows at random, each class in proportion if classes are given.

    A class too rare to stand in every part is put into the training rows.

    Args:
        n_rows: number of rows.
        validation: share held out to choose by, 0 < share < 1.
        test: share held out to judge by, 0 <= share < 1.
        seed: decides which rows.
        classes: class of each row, `(row,)`, or None.

    Raises:
        ValueError: if a share lies outside of its range, or they leave nothing.
        DataError: if a part would be empty.
    """
    check_share("validation", validation)
    if not 0 <= test < 1 or validation + test >= 1:
        raise ValueError(
            "shares must hold test >= 0 and validation + test < 1, but got "
            f"validation={validation!r}, test={test!r}"
        )
    seed = whole_number("seed", seed, least=0)
    rng = np.random.default_rng([seed, n_rows])
    groups = np.zeros(n_rows, int)
    if classes is not None:
        groups = np.unique(classes, return_inverse=True)[1]
    order = rng.permutation(n_rows)
    order = order[np.argsort(groups[order], kind="stable")]
    # Within a class the rows are in random order; a row's place in its class, as a
    # share of the class, decides its part.
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    own = groups[order]
    share = (np.arange(n_rows) - starts[own] + rng.random(len(sizes))[own]) / sizes[own]
    is_test = share < test
    is_validation = ~is_test & (share < test + validation)
    is_train = ~is_test & ~is_validation
    lost = ~np.isin(own, own[is_train])
    is_train |= lost
    return Split(
        np.sort(order[is_train]),
        np.sort(order[is_validation & ~lost]),
        np.sort(order[is_test & ~lost]),
    )


def check_share(name: str, share: float) -> None:
    """Make sure that a share lies between 0 and 1, both excluded."""
    if not (isinstance(share, Real) and 0 < share < 1):
        raise ValueError(
            f"{name} must hold 0 < share < 1, but got {share!r}; 0.2 holds out a "
            "fifth of the rows"
        )
