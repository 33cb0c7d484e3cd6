"""Inputs that already hold the target."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from cerebros.training._dataset import Array, Dataset

_LEAST_ROWS = 3  # two rows lie on a line, whatever they hold
_BLOCK = 256  # features looked at together, so that wide inputs need little memory
_CORRELATION = 1 - 1e-9
_ROUNDING = 4 * float(np.finfo(np.float32).eps)


def find_target_copies(data: Dataset, *, besides: Collection[int] = ()) -> list[str]:
    """Name the input columns that are equal to a target, or an affine function of one.

    A column `x` is a copy of the target column `y` if `x = a · y + b` in every row, up
    to the rounding of 32-bit numbers. Constant columns are no copies of anything, and
    two rows tell nothing. Where that rounding hides most of a column's differences (a
    spread below about a thousandth of its size), only an equal column is named.

    Args:
        data: inputs and targets; class numbers count as numbers.
        besides: numbers of inputs that are not looked at, such as images in a file.

    Returns:
        The columns as `Dataset.column` names them, in order.

    Example:
        >>> import numpy as np
        >>> price = np.array([3.0, 1.0, 4.0, 1.5])
        >>> find_target_copies(Dataset.of(np.c_[[1, 2, 1, 2], 100 - price], price))
        ['column 1']
    """
    if data.n_rows < _LEAST_ROWS:
        return []
    targets = [column for y in data.targets for column in _columns(y)]
    return [
        data.column(i, int(j))
        for i, x in enumerate(data.inputs)
        if i not in besides
        for j in np.flatnonzero(_is_copy_of_any(x, targets))
    ]


def _columns(array: Array) -> Iterator[npt.NDArray[np.float64]]:
    yield from array.reshape(len(array), -1).T.astype(np.float64)


def _is_copy_of_any(
    x: Array, targets: list[npt.NDArray[np.float64]]
) -> npt.NDArray[np.bool_]:
    features = x.reshape(len(x), -1)
    is_copy = np.zeros(features.shape[1], bool)
    for start in range(0, len(is_copy), _BLOCK):
        block = slice(start, start + _BLOCK)
        values = features[:, block].astype(np.float64)
        for y in targets:
            is_copy[block] |= _is_equal(values, y) | _is_affine(values, y)
    return is_copy


def _is_equal(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """For each column of `x` whether it is `y` in 32 bits, and not constant."""
    with np.errstate(over="ignore"):
        rounded = y.astype(np.float32).astype(np.float64)
    is_equal: npt.NDArray[np.bool_] = (x == rounded[:, None]).all(axis=0)
    return is_equal & bool((rounded != rounded[0]).any())


def _is_affine(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """For each column of `x` whether it is an affine function of `y`, not constant."""
    y = y / (np.abs(y).max() or 1.0)  # so that squares are finite
    around_x, around_y = x - x.mean(axis=0), y - y.mean()
    spread_x, spread_y = (around_x**2).sum(axis=0), float((around_y**2).sum())
    varies = (np.ptp(x, axis=0) > 0) & (np.ptp(y) > 0)
    if not varies.any():
        return np.zeros(len(varies), bool)
    product = around_y @ around_x
    correlates = product**2 >= _CORRELATION**2 * spread_x * spread_y
    slope = product / spread_y
    residual = np.abs(around_x - around_y[:, None] * slope).max(axis=0)
    # What rounding the larger numbers of both to 32 bits may do to the difference.
    sizes = np.abs(x).max(axis=0) + np.abs(slope) * np.abs(y).max()
    is_affine: npt.NDArray[np.bool_] = (
        varies & correlates & (residual <= _ROUNDING * sizes)
    )
    return is_affine
