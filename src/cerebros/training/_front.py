"""What stands in front of the networks of a problem: for each input a stem, or none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError, StemError
from cerebros.stems import (
    as_stem,
    features_of,
    fitted,
    is_keras_model,
    n_rows_of,
    name_of,
    some_rows,
)
from cerebros.training._dataset import Dataset
from cerebros.training._split import Split


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """Stems, one for each input.

    Transformers and functions are applied to the rows beforehand, and networks are
    trained on what they give. Keras models stay in front of the networks and become
    part of the models that are handed back.

    Attributes:
        stems: for each input a Keras model, a transformer, a `FunctionStem`, or None.
    """

    stems: tuple[Any, ...]

    @classmethod
    def of(cls, stems: Any) -> Front:
        """Take what a user gives: one stem, or one for each input, None for none.

        Raises:
            StemError: if an entry is not a stem.
        """
        many = list(stems) if isinstance(stems, (list, tuple)) else [stems]
        named = ((f"the stem of input {i}", stem) for i, stem in enumerate(many))
        return cls(tuple(as_stem(stem, where) for where, stem in named))

    @property
    def keras_stems(self) -> list[Any] | None:
        """Those that stay in front of the networks; None if none does."""
        left = [stem if is_keras_model(stem) else None for stem in self.stems]
        return left if any(stem is not None for stem in left) else None

    def inputs(self, given: Any) -> list[Any]:
        """Raw rows of each input.

        Args:
            given: what a user gives: rows, or for several inputs a list of them.

        Raises:
            DataError: if there is not one for each stem, or rows differ in number.
        """
        n = len(self.stems)
        is_list = isinstance(given, (list, tuple))
        if n == 1 and not (is_list and len(given) == 1 and _is_rows(given[0])):
            many = [given]
        elif is_list and len(given) == n:
            many = list(given)
        else:
            raise DataError(
                f"there are {n} stems, so inputs must be a list of {n} arrays, data "
                f"frames or lists of texts, but got {type(given).__name__}"
                + (f" of {len(given)}" if is_list else "")
                + "; give one stem for each input, None for none"
            )
        counts = [n_rows_of(rows) for rows in many]
        if len(set(counts)) > 1:
            raise DataError(f"the inputs have different numbers of rows: {counts}")
        return many

    def fitted(self, inputs: Sequence[Any], rows: Any, targets: Any) -> Front:
        """With transformers fitted that are not, on rows that train and no others.

        Args:
            inputs: raw rows of each input.
            rows: numbers of the training rows.
            targets: of all rows.
        """
        stems = [
            fitted(stem, some_rows(x, rows), targets[rows])
            if hasattr(stem, "transform")
            else stem
            for stem, x in zip(self.stems, inputs, strict=True)
        ]
        return replace(self, stems=tuple(stems))

    def apply(self, inputs: Sequence[Any]) -> list[Any]:
        """Rows behind transformers and functions; before Keras models as they are.

        Raises:
            StemError: if one fails, or gives numbers that are not finite.
        """
        applied = []
        for i, (stem, rows) in enumerate(zip(self.stems, inputs, strict=True)):
            if stem is None or is_keras_model(stem):
                applied.append(rows)
                continue
            features = features_of(stem, rows)
            check_finite(features, i, name_of(stem))
            applied.append(features)
        return applied

    @property
    def raw(self) -> tuple[int, ...]:
        """Numbers of the inputs that Keras models read."""
        return tuple(i for i, stem in enumerate(self.stems) if is_keras_model(stem))

    def check(self, arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Make sure that Keras models fit the rows that they read.

        Raises:
            StemError: see `check_stem`; also if two have the same name.
        """
        models = {id(self.stems[i]): self.stems[i].name for i in self.raw}
        for name, n in Counter(models.values()).items():
            if n > 1:
                raise StemError(
                    f"{n} stems are named {name!r}, but a Keras model tells its layers "
                    "apart by name; give others with keras_stem(model, name=…)"
                )
        for i in self.raw:
            from cerebros.stems import check_stem  # and Keras

            check_stem(self.stems[i], arrays[i], f"input {i}")

    def widths(self, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        """Features that each input brings to a network.

        Args:
            shapes: of one row of each input, behind transformers and functions.
        """
        return tuple(
            math.prod(stem.output_shape[1:] if is_keras_model(stem) else shape)
            for stem, shape in zip(self.stems, shapes, strict=True)
        )


def prepared(
    inputs: Any,
    targets: Any,
    stems: Any,
    *,
    weights: Any = None,
    split: Callable[[int], Split],
) -> tuple[Dataset, Split, Front]:
    """Data behind transformers and functions, which rows train, and the stems.

    Args:
        inputs: raw rows, or for several inputs a list of them.
        targets: see `Dataset.of`.
        stems: what a user gives, see `Front.of`; None for none.
        weights: of rows.
        split: from the number of rows to those that train and so on; transformers are
            fitted on rows that train.

    Raises:
        DataError: if the data cannot be trained on.
        StemError: if a stem does not fit its rows.
    """
    if stems is None:
        data = Dataset.of(inputs, targets, weights=weights)
        return data, split(data.n_rows), Front((None,) * len(data.inputs))
    front = Front.of(stems)
    raw = front.inputs(inputs)
    nothing = np.zeros((n_rows_of(raw[0]), 1), np.float32)
    checked = Dataset.of(nothing, targets, weights=weights)  # before what takes long
    parts = split(checked.n_rows)
    front = front.fitted(raw, parts.train, np.squeeze(checked.targets[0]))
    data = Dataset.of(front.apply(raw), targets, weights=weights, raw=front.raw)
    front.check(data.inputs)
    return data, parts, front


def check_finite(features: npt.NDArray[Any], i: int, name: str) -> None:
    """Refuse features that are missing or infinite.

    Raises:
        StemError: with the first row.
    """
    n_bad, first = 0, -1
    for start in range(0, len(features), 4096):
        is_bad = ~np.isfinite(features[start : start + 4096]).all(axis=1)
        if first < 0 and is_bad.any():
            first = start + int(np.argmax(is_bad))
        n_bad += int(is_bad.sum())
    if n_bad:
        raise StemError(
            f"the stem {name!r} of input {i} gives numbers that are missing or "
            f"infinite for {n_bad} of {len(features)} rows, first for row {first}; "
            "check the range of the values that it reads"
        )


def _is_rows(value: Any) -> bool:
    return hasattr(value, "shape") or isinstance(value, (list, tuple))
