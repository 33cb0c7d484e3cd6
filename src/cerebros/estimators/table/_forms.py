"""Tables of every form, taken apart into columns as they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError


def raw_columns(table: Any) -> tuple[dict[str, Any], bool]:
    """The columns of a table by name, and whether the table has names at all.

    Args:
        table: a data frame of pandas or polars (a lazy one is collected), a table of
            Arrow, an array or a list of rows `(row, column)`, a dictionary of columns,
            or a list with one dictionary for each row. Columns without a name are
            called `x0`, `x1`, ….

    Raises:
        DataError: if names come twice, or lengths differ.
        ValueError: if the table is not two-dimensional.
    """
    if hasattr(table, "collect_schema") and hasattr(table, "collect"):
        table = table.collect()
    if isinstance(table, Mapping):
        return _of_mapping(table), True
    if hasattr(table, "column_names") and hasattr(table, "column"):  # Arrow
        names = [str(name) for name in table.column_names]
        _check_unique(names)
        return {name: table.column(i) for i, name in enumerate(names)}, True
    if hasattr(table, "columns") and hasattr(table, "__getitem__"):
        names = [str(name) for name in table.columns]
        _check_unique(names)
        if hasattr(table, "iloc"):
            return {name: table.iloc[:, i] for i, name in enumerate(names)}, True
        return {name: table[name] for name in table.columns}, True
    if has_records(table):
        return _of_records(table), True
    array = table_array(table)
    if array.ndim != 2:
        raise ValueError(
            f"a table has rows and columns, but got an array of shape {array.shape}. "
            "Reshape your data using X.reshape(-1, 1) if it has one column, or "
            "X.reshape(1, -1) if it is one row."
        )
    return {f"x{i}": array[:, i] for i in range(array.shape[1])}, False


def has_names(table: Any) -> bool:
    """Whether a table is of a form that names its columns, and is no data frame."""
    is_arrow = hasattr(table, "column_names") and hasattr(table, "column")
    is_lazy = hasattr(table, "collect_schema") and hasattr(table, "collect")
    return isinstance(table, Mapping) or is_arrow or is_lazy or has_records(table)


def has_records(table: Any) -> bool:
    """Whether a table is a list with a dictionary for each row."""
    return (
        isinstance(table, Sequence)
        and len(table) > 0
        and all(isinstance(row, Mapping) for row in table)
    )


def table_array(table: Any) -> npt.NDArray[Any]:
    """Rows as an array; where they mix numbers and text, each value stays as it is."""
    array: npt.NDArray[Any] = np.asanyarray(table)
    if array.dtype.kind in "US" and isinstance(table, (list, tuple)):
        return np.array(table, dtype=object)
    return array


def as_array(values: Any) -> npt.NDArray[Any]:
    """One column as an array; dates are in UTC, masked values missing."""
    if isinstance(values, np.ma.MaskedArray):
        return _unmasked(values)
    if isinstance(values, (list, tuple)):
        array = np.asarray(values)
        return np.array(values, dtype=object) if array.dtype.kind in "US" else array
    if "datetime64" in str(getattr(values, "dtype", "")) and hasattr(values, "dt"):
        if getattr(values.dt, "tz", None) is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return np.asarray(values.to_numpy(), "datetime64[us]")
    if type(values).__module__.startswith("pyarrow"):
        values = values.to_numpy(zero_copy_only=False)
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


def is_category(values: Any) -> bool:
    """Whether a column is one of categories, in whatever order."""
    name = str(getattr(values, "dtype", ""))
    return name == "category" or name.startswith(("Categorical", "Enum"))


def ordered_categories(values: Any) -> list[Any] | None:
    """The categories of a column in their order; None if they have none."""
    kind = getattr(values, "dtype", None)
    is_ordered = getattr(kind, "ordered", False) or str(kind).startswith("Enum")
    return list(kind.categories) if is_ordered and is_category(values) else None  # type: ignore[union-attr]


def _of_mapping(table: Mapping[Any, Any]) -> dict[str, Any]:
    _check_unique([str(name) for name in table])
    columns = {str(name): values for name, values in table.items()}
    for name, values in columns.items():
        if np.ndim(values) == 0:
            raise ValueError(
                f"column {name!r} must hold one value for each row, but got "
                f"{values!r}; a single row is a list with one dictionary"
            )
    lengths = {n for values in columns.values() for n in np.shape(values)[:1]}
    if len(lengths) > 1:
        raise DataError(f"columns differ in length: {sorted(lengths)}")
    return columns


def _of_records(rows: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    """Columns in the order in which rows first name them; what a row lacks is None."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    _check_unique([str(name) for name in names])
    columns = {}
    for name in names:
        values = np.empty(len(rows), object)
        for i, row in enumerate(rows):
            values[i] = row.get(name)
        columns[str(name)] = values
    return columns


def _check_unique(names: Sequence[str]) -> None:
    twice = sorted(name for name, n in Counter(names).items() if n > 1)
    if twice:
        raise DataError(
            f"several columns are named {', '.join(map(repr, twice[:5]))}; "
            "rename them, so that each has a name of its own"
        )


def _unmasked(values: np.ma.MaskedArray[Any, Any]) -> npt.NDArray[Any]:
    is_masked, data = np.ma.getmaskarray(values), np.ma.getdata(values)
    if data.dtype.kind in "mM":
        return np.where(is_masked, np.array("NaT", data.dtype), data)
    return np.where(is_masked, np.array(None, object), data)
