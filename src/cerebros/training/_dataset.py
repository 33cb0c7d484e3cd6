"""Rows of numbers, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.stems import array_digest

Array: TypeAlias = npt.NDArray[Any]

_MOST_LISTED = 20


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Inputs and targets of the same rows, as arrays of numbers.

    Attributes:
        inputs: one array for each input, `(row, feature, …)`, float32; those that a
            Keras stem reads may be of any kind of numbers, and stand in a file.
        targets: one array for each output, `(row, width)`.
        columns: names of the features of each input, for messages; may be empty.
        weights: how much each row counts in the loss, `(row,)`, float32; None for all
            alike.

    Raises:
        DataError: if there are no rows, rows differ, values are missing, infinite or
            not numbers; all problems are listed.

    Example:
        >>> import numpy as np
        >>> data = Dataset.of(np.zeros((5, 3)), [1, 2, 3, 4, 5])
        >>> data.n_rows, data.targets[0].shape
        (5, (5, 1))
    """

    inputs: tuple[Array, ...]
    targets: tuple[Array, ...]
    columns: tuple[tuple[str, ...], ...] = ()
    weights: Array | None = None

    def __post_init__(self) -> None:
        if problems := [*_problems(self)]:
            listed = "\n- ".join(problems)
            raise DataError(f"These data cannot be trained on:\n- {listed}")

    @classmethod
    def of(
        cls,
        inputs: Any,
        targets: Any,
        *,
        weights: Any = None,
        raw: Collection[int] = (),
    ) -> Dataset:
        """Take arrays, data frames, series, lists of numbers, or tensors.

        Args:
            inputs: one table-like for a single input, or a list or tuple of them.
            targets: likewise, one for each output.
            weights: how much each row counts in the loss; None for all alike.
            raw: numbers of inputs whose arrays are not converted: a stem reads them.
        """
        many_inputs = _as_many(inputs)
        x = [_as_matrix(_as_array(value)) for value in many_inputs]
        y = [_as_matrix(_as_array(value)) for value in _as_many(targets)]
        data = cls(
            inputs=tuple(
                _narrowed(value) if i in raw else _as_float32(value)
                for i, value in enumerate(x)
            ),
            targets=tuple(map(_as_32_bits, y)),
            columns=tuple(map(_column_names, many_inputs)),
            weights=None if weights is None else _row_weights(weights),
        )
        x = [value[:0] if i in raw else value for i, value in enumerate(x)]
        _check_precision(data, x, y)
        return data

    @property
    def n_rows(self) -> int:
        return len(self.inputs[0])

    def column(self, i_input: int, i_feature: int) -> str:
        """How a message names a feature: by its name if there is one, or by index."""
        where = f" of input {i_input}" if len(self.inputs) > 1 else ""
        names = self.columns[i_input] if i_input < len(self.columns) else ()
        if i_feature < len(names):
            return f"column {names[i_feature]!r}{where}"
        return f"column {i_feature}{where}"

    def rows(self, rows: npt.NDArray[np.intp]) -> tuple[list[Array], list[Array]]:
        """Inputs and targets of some rows."""
        return [x[rows] for x in self.inputs], [y[rows] for y in self.targets]

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that name the content of all arrays."""
        digest = hashlib.sha256()
        weights = () if self.weights is None else (self.weights,)
        for array in (*self.inputs, *self.targets, *weights):
            digest.update(array_digest(array))
        return digest.hexdigest()[:16]


def as_labels(labels: Any) -> tuple[list[Any], Array]:
    """Distinct labels in order, and for each row the number of its label.

    Raises:
        DataError: if there are none, some are missing, or there are several columns.
    """
    array = _plain_array(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or not len(array):
        way = "; of one-hot rows take labels.argmax(axis=1)" if array.ndim == 2 else ""
        raise DataError(
            f"labels have the shape {array.shape}, but must be one label for each row"
            f"{way}"
        )
    if array.dtype.kind == "f" and len(array) > 20:
        n_different = len(np.unique(array))
        if n_different > len(array) / 2:
            raise DataError(
                f"the labels are {n_different} different numbers in {len(array)} rows, "
                "which looks like a regression; use Problem.regression"
            )
    missing = [_is_missing(v) or bool(v != v) for v in array]  # NaN is not itself
    if any(missing):
        raise DataError(
            f"the labels are missing in {sum(missing)} of {len(array)} rows, first in "
            f"row {missing.index(True)}; drop these rows"
        )
    values = array.tolist()
    try:
        classes = sorted(set(values))
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values})
        raise DataError(
            f"the labels mix kinds ({', '.join(kinds)}); make them all text or numbers"
        ) from None
    number = {label: i for i, label in enumerate(classes)}
    return classes, np.array([number[label] for label in values])


def _as_many(value: Any) -> Sequence[Any]:
    """A list or tuple of arrays as it is; anything else as the only one."""
    is_several = isinstance(value, (list, tuple)) and len(value) > 0
    if is_several and all(len(getattr(x, "shape", ())) > 0 for x in value):
        return list(value)
    return [value]


def _as_array(value: Any) -> Array:
    array = _plain_array(value)
    return _numbers_or_objects(array) if array.dtype.kind == "O" else array


def _plain_array(value: Any) -> Array:
    if hasattr(value, "detach"):  # a torch tensor that may ask for gradients
        value = value.detach().cpu()
    if isinstance(value, np.ma.MaskedArray):
        value = np.ma.filled(value.astype(np.float64), np.nan)
    if hasattr(value, "toarray"):
        raise DataError("these data are a sparse matrix; give x.toarray()")
    if hasattr(value, "to_numpy"):  # pandas, polars
        value = value.to_numpy()
    try:
        array = np.asarray(value)
        if array.dtype.kind in "US" and isinstance(value, (list, tuple)):
            # NumPy would make text of the numbers that stand beside text.
            array = np.asarray(value, dtype=object)
    except ValueError as error:
        raise DataError(f"these data are not a table of numbers: {error}") from None
    return array


def _numbers_or_objects(array: Array) -> Array:
    """Objects that are all numbers, or missing, as numbers; others unchanged."""
    values = [np.nan if _is_missing(value) else value for value in array.ravel()]
    if any(isinstance(value, (str, bytes)) for value in values):
        return array
    try:
        return np.array(values, np.float64).reshape(array.shape)
    except (TypeError, ValueError):
        return array


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ == "NAType"


def _as_matrix(array: Array) -> Array:
    return array[:, None] if array.ndim == 1 else array


def _as_float32(array: Array) -> Array:
    if array.dtype.kind not in "fiub":
        return array
    with np.errstate(over="ignore"):  # becomes infinite, which is reported
        return array.astype(np.float32)


def _narrowed(array: Array) -> Array:
    """Numbers of 64 bits as float32; all others stay where and as they are."""
    return _as_float32(array) if array.dtype.itemsize > 4 else array


def _as_32_bits(array: Array) -> Array:
    """Whole numbers as they are if they fit into 32 bits, other numbers as float32."""
    if array.dtype.kind in "iu" and array.size:
        limits = np.iinfo(np.int32)
        if limits.min <= array.min() and array.max() <= limits.max:
            return array
    return array if array.dtype.kind == "b" else _as_float32(array)


def _check_precision(data: Dataset, inputs: list[Array], targets: list[Array]) -> None:
    """Refuse numbers whose differences are lost in 32 bits.

    Raises:
        DataError: naming the columns.
    """
    lost = [data.column(i, j) for i, x in enumerate(inputs) for j in _flattened(x)]
    lost += [
        f"target {i}" if len(targets) > 1 else "the target"
        for i, y in enumerate(targets)
        if _flattened(y)
    ]
    if lost:
        listed = ", ".join(lost[:20])
        raise DataError(
            f"{listed}: the differences are too small beside the numbers themselves "
            "to be seen in 32 bits, in which networks calculate; subtract the smallest "
            "value first"
        )


def _flattened(array: Array) -> list[int]:
    """Columns of which 32 bits tell hardly any values apart."""
    if array.dtype.kind not in "fiu" or array.ndim < 2 or not array.size:
        return []
    values = array.reshape(len(array), -1)
    with np.errstate(all="ignore"):
        spread = values.max(axis=0).astype(np.float64) - values.min(axis=0)
        size = np.abs(values.astype(np.float64)).max(axis=0)
        is_lost = (spread > 0) & (spread < size * 2.0**-18)
    return [int(j) for j in np.flatnonzero(is_lost)]


def _column_names(value: Any) -> tuple[str, ...]:
    columns = getattr(value, "columns", None)
    if columns is None:
        name = getattr(value, "name", None)
        return (str(name),) if hasattr(value, "dtype") and name is not None else ()
    return tuple(str(column) for column in columns)


def _problems(data: Dataset) -> Iterator[str]:
    arrays = [
        *((f"input {i}", x) for i, x in enumerate(data.inputs)),
        *((f"target {i}", y) for i, y in enumerate(data.targets)),
    ]
    if not data.inputs or not data.targets:
        yield "there must be at least one input and one target"
        return
    for name, array in arrays:
        if array.ndim == 0:
            yield f"{name} is a single value, but must have rows"
        elif array.size == 0:
            yield f"{name} is empty: its shape is {array.shape}"
    if len(data.inputs) > 20 and all(x.shape[1:] == (1,) for x in data.inputs):
        yield (
            f"there are {len(data.inputs)} inputs of one column each; if these are the "
            "rows of one table, make it one array first: numpy.array(rows)"
        )
        return
    counts = {name: len(array) for name, array in arrays if array.ndim}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name}: {n}" for name, n in counts.items())
        yield f"the numbers of rows differ ({listed}); rows must belong together"
    if data.weights is not None and counts:
        yield from _bad_weights(data.weights, next(iter(counts.values())))
    for i, x in enumerate(data.inputs):
        yield from _bad_values(x, partial(data.column, i))
    for i, y in enumerate(data.targets):
        where = f"target {i}" if len(data.targets) > 1 else "the target"
        yield from _bad_values(y, partial(_target_column, y, where))


def _row_weights(weights: Any) -> Array:
    array = _as_float32(_as_array(weights))
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _bad_weights(weights: Array, n_rows: int) -> Iterator[str]:
    if weights.shape != (n_rows,):
        yield (
            f"the weights of rows have the shape {weights.shape}, but must be one "
            f"number for each of the {n_rows} rows"
        )
        return
    if found := _problem_of_column(weights):
        yield f"the weights of rows: {found}"
    elif weights.min() < 0:
        row = int(weights.argmin())
        yield f"the weight of row {row} is {weights[row]:g}, but must be >= 0"
    elif not weights.any():
        yield "the weights of all rows are 0; leave them out, or give some rows weight"


def _target_column(y: Array, where: str, j: int) -> str:
    return where if y.size == len(y) else f"column {j} of {where}"


def _bad_values(array: Array, name: Callable[[int], str]) -> Iterator[str]:
    if array.ndim == 0 or array.size == 0:
        return
    matrix = array.reshape(len(array), -1)
    suspects = np.arange(matrix.shape[1])
    if matrix.dtype.kind in "iub":
        return
    if matrix.dtype.kind == "f":
        suspects = np.flatnonzero(~_is_finite(matrix))
    found = [
        f"{name(j)} {problem}"
        for j in suspects.tolist()
        if (problem := _problem_of_column(matrix[:, j]))
    ]
    yield from found[:_MOST_LISTED]
    if len(found) > _MOST_LISTED:
        yield f"… and so on in {len(found) - _MOST_LISTED} more columns"


def _is_finite(matrix: Array) -> Array:
    """For each column whether all its values are; little is held at a time."""
    result = np.ones(matrix.shape[1], bool)
    rows = max(1, 2**20 // matrix.shape[1])
    for start in range(0, len(matrix), rows):
        result &= np.isfinite(matrix[start : start + rows]).all(axis=0)
    return result


def _problem_of_column(column: Array) -> str | None:
    example = _example_of_no_number(column)
    if example is not None:
        return (
            f"holds {example!r}, which is not a number; encode it (one-hot, say) or "
            "leave it out"
        )
    numbers = _numbers_or_objects(column).astype(np.float64)
    counts = {"missing": np.isnan(numbers).sum(), "infinite": np.isinf(numbers).sum()}
    if not any(counts.values()):
        return None
    words = " and ".join(f"{n} {word}" for word, n in counts.items() if n)
    return f"has {words} of {len(column)} values; fill them or drop the rows"


def _example_of_no_number(column: Array) -> Any:
    """A value of a column that is no real number, or None."""
    if column.dtype.kind in "fiub":
        return None
    # Python has no type for each of the others: dates, durations, complex numbers.
    values = column.tolist() if column.dtype.kind in "OUS" else map(str, column)
    return next((value for value in values if not _is_number(value)), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (Real, Decimal, np.bool_)) or _is_missing(value)
