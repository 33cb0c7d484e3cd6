"""Stems that are no Keras models: scikit-learn's transformers, and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import StemError
from cerebros.stems._rows import n_rows_of, some_rows

Array = npt.NDArray[Any]

_BATCH_ROWS = 512


@dataclass(frozen=True, slots=True, eq=False)
class FunctionStem:
    """A function from raw rows to features, as a stem.

    A plain function may stand for itself; this gives it a key, so that its features
    are kept on disk.

    Attributes:
        function: from some rows to `(row, feature)`; each row on its own.
        key: names the function and its version; another one if it changes. None keeps
            its features only as long as the process.
    """

    function: Callable[[Any], Any]
    key: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise StemError(
                f"function must be a function of rows, but got {self.function!r}"
            )

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)


def as_stem(stem: Any, where: str) -> Any:
    """A stem of a known kind: a Keras model, a transformer, a function; None for none.

    Args:
        stem: what a user gave.
        where: how a message names it.

    Raises:
        StemError: if it is something else.
    """
    if stem is None or (isinstance(stem, str) and stem == ""):
        return None
    if isinstance(stem, type):
        raise StemError(f"{where} is the class {stem.__name__}; give an object of it")
    if is_keras_model(stem) or hasattr(stem, "transform"):
        return stem
    if isinstance(stem, FunctionStem):
        return stem
    if callable(stem):
        return FunctionStem(stem)
    raise StemError(
        f"{where} must be a Keras model, a transformer with .transform(), a function "
        f"of rows, or None, but got {stem!r}"
    )


def is_keras_model(stem: Any) -> bool:
    """Whether it is one, without loading Keras."""
    return hasattr(stem, "predict_on_batch") and hasattr(stem, "layers")


def fitted(stem: Any, rows: Any, targets: Any) -> Any:
    """A transformer that is fitted: itself if it is, or else a copy fitted on rows.

    Args:
        stem: with `transform`; its settings are not changed.
        rows: those that train, and no others.
        targets: of these rows, for transformers that learn from them.

    Raises:
        StemError: if it cannot be fitted.
    """
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not hasattr(stem, "fit"):
        return stem
    try:
        check_is_fitted(stem)
    except NotFittedError:
        pass
    else:
        return stem
    try:
        return clone(stem).fit(rows, targets)
    except (TypeError, ValueError) as error:
        raise StemError(
            f"the stem {name_of(stem)} cannot be fitted on the {n_rows_of(rows)} "
            f"training rows: {error}"
        ) from error


def name_of(stem: Any) -> str:
    """How a message names a stem."""
    name = getattr(stem, "name", None)
    return name if isinstance(name, str) else type(stem).__name__


def transformed(stem: Any, rows: Any) -> Iterator[Array]:
    """Features of rows, batch by batch.

    Args:
        stem: a fitted transformer or a `FunctionStem`.
        rows: raw rows of any kind.

    Raises:
        StemError: if what it gives is not one row of numbers for each row, or depends
            on the other rows.
    """
    n = n_rows_of(rows)
    width = None
    for start in range(0, n, _BATCH_ROWS):
        batch = _apply(stem, some_rows(rows, slice(start, start + _BATCH_ROWS)))
        if start == 0 and n > 1:
            _check_each_on_its_own(stem, rows, batch)
        width = width or batch.shape[1]
        if batch.shape[1] != width:
            raise StemError(
                f"the stem {name_of(stem)} gives {width} features for the first rows, "
                f"but {batch.shape[1]} for those from {start} on"
            )
        yield batch


def _apply(stem: Any, rows: Any) -> Array:
    run = stem.function if isinstance(stem, FunctionStem) else stem.transform
    try:
        found = run(rows)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise StemError(
            f"the stem {name_of(stem)} fails on these rows: {error}"
        ) from error
    if hasattr(found, "toarray"):
        found = found.toarray()
    if hasattr(found, "to_numpy"):
        found = found.to_numpy()
    if hasattr(found, "detach"):
        found = found.detach().cpu()
    features = np.asarray(found)
    if features.ndim == 1:
        features = features[:, None]
    if features.ndim == 0 or len(features) != n_rows_of(rows):
        raise StemError(
            f"the stem {name_of(stem)} gives the shape {features.shape} for "
            f"{n_rows_of(rows)} rows, but must give one row of features for each"
        )
    if features.dtype.kind not in "fiub":
        raise StemError(
            f"the stem {name_of(stem)} gives values of the type {features.dtype}, but "
            "must give numbers"
        )
    return features.reshape(len(features), -1).astype(np.float32)


def _check_each_on_its_own(stem: Any, rows: Any, batch: Array) -> None:
    """Rows are given in batches, so a row must not depend on those beside it."""
    alone = _apply(stem, some_rows(rows, slice(0, 1)))
    size = float(np.abs(batch[np.isfinite(batch)]).max(initial=0.0))
    if alone.shape[1:] != batch.shape[1:] or not np.allclose(
        alone, batch[:1], rtol=1e-3, atol=1e-4 * size, equal_nan=True
    ):
        raise StemError(
            f"the stem {name_of(stem)} gives other features for row 0 alone than for "
            "the same row among others, so a prediction would depend on its "
            "neighbours; fit what it takes from all rows beforehand"
        )
