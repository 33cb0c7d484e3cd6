"""Arguments as the original took them: shapes, base models, unknown keywords."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from cerebros.errors import DataError
from cerebros.training import Dataset, Front, find_target_copies, whole_number


def arguments_of(component: type, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those arguments that a component's constructor takes, by name."""
    names = inspect.signature(component).parameters
    return {name: value for name, value in arguments.items() if name in names}


def as_list(value: Any) -> list[Any]:
    """One entry for each input or output; a bare one is the only one."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def metrics_of(value: Any) -> tuple[Any, ...]:
    """One metric or several; by default the root mean squared error."""
    return ("root_mean_squared_error",) if value is None else tuple(as_list(value))


def range_of(what: str, minimum: Any, maximum: Any) -> tuple[int, int]:
    """The closed range between two arguments of the original.

    Raises:
        ValueError: if they are not whole numbers with 1 <= minimum <= maximum.
    """
    low = whole_number(f"minimum_{what}", minimum, least=1)
    high = whole_number(f"maximum_{what}", maximum, least=1)
    if low > high:
        raise ValueError(
            f"minimum_{what} must not exceed maximum_{what}, but got {low} and {high}"
        )
    return low, high


def input_shapes_of(value: Any) -> list[tuple[int, ...]]:
    """Shape of one row of each input: an int, a tuple, or the digits as a string.

    Raises:
        ValueError: if an entry is none of these.
    """
    entries = value if isinstance(value, list) else [value]
    return [_shape(entry) for entry in entries]


def _shape(entry: Any) -> tuple[int, ...]:
    parts = entry if isinstance(entry, (tuple, list)) else (entry,)
    try:
        shape = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        shape = ()
    if not shape or min(shape) < 1:
        raise ValueError(
            f"input_shapes holds {entry!r}, but each entry is a number, a tuple of "
            "numbers, or digits as text"
        )
    return shape


def base_models_of(value: Any, *, n_inputs: int) -> list[Any] | None:
    """A stem or None for each input; None if there is no stem at all.

    Raises:
        ValueError: if the number of entries is not that of the inputs.
    """
    entries = [None if _is_none(entry) else entry for entry in value or []]
    if not any(entry is not None for entry in entries):
        return None
    if len(entries) != n_inputs:
        raise ValueError(
            f"base_models has {len(entries)} entries, but there are {n_inputs} inputs; "
            "give one for each, '' for none"
        )
    return entries


def _is_none(entry: Any) -> bool:
    return entry is None or (isinstance(entry, str) and entry == "")


def warn_of_unknown(where: str, keywords: Mapping[str, Any]) -> None:
    """Warn once that keywords of an old script have no meaning here."""
    if keywords:
        warnings.warn(
            f"{where} ignores arguments that it does not know: "
            f"{', '.join(sorted(keywords))}",
            UserWarning,
            stacklevel=3,
        )


def check_shapes(
    data: Dataset, shapes: Sequence[tuple[int, ...]], front: Front
) -> None:
    """Make sure that each input has the shape that was said.

    What a transformer or function reads has any shape, so it is not looked at.

    Raises:
        DataError: if the number of inputs or a shape differs.
    """
    found = [x.shape[1:] for x in data.inputs]
    is_seen = [s is None or i in front.raw for i, s in enumerate(front.stems)]
    if len(found) != len(shapes) or any(
        seen and ours != theirs
        for seen, ours, theirs in zip(is_seen, found, shapes, strict=True)
    ):
        raise DataError(
            f"input_shapes says {list(shapes)}, but the rows of training_data have the "
            f"shapes {found}"
        )


def warn_of_target_copies(data: Dataset, front: Front) -> None:
    """Warn loudly of inputs from which a target can simply be read."""
    for problem in find_target_copies(data, besides=front.raw):
        warnings.warn(
            f"{problem}: a network will read the answer there, and its score will say "
            "nothing about new rows; leave it out of training_data",
            UserWarning,
            stacklevel=3,
        )
