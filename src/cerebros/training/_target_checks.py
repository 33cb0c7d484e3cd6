"""Whether the targets suit the loss, before any training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cerebros.errors import DataError
from cerebros.training._dataset import Array, Dataset
from cerebros.training._keras_object import Named, display_name
from cerebros.training._split import Split


def check_targets(
    data: Dataset, split: Split, *, output_widths: Sequence[int], loss: Named
) -> None:
    """Make sure that each target can be learned with the loss.

    Checked are the losses of Keras; for a loss of the user's own only the number of
    targets is.

    Raises:
        DataError: if the number or width of the targets is wrong, a label is none,
            a class is missing from the training rows, only one class or one value is
            there; all problems are listed.
    """
    if len(data.targets) != len(output_widths):
        raise DataError(
            f"there are {len(data.targets)} targets, but the network has "
            f"{len(output_widths)} outputs; give one array for each"
        )
    problems = []
    for i, (y, width) in enumerate(zip(data.targets, output_widths, strict=True)):
        where = f"target {i}" if len(output_widths) > 1 else "the target"
        y = y.reshape(len(y), -1)
        for problem in _problems(y, y[split.train], width, loss):
            problems.append(f"{where} {problem}")
    if problems:
        listed = "\n- ".join(problems)
        raise DataError(f"These targets cannot be learned:\n- {listed}")


def _problems(y: Array, train: Array, width: int, named: Named) -> Iterator[str]:
    loss = display_name(named)
    if loss == "sparse_categorical_crossentropy":
        yield from _class_numbers(y, train, width)
    elif loss in ("categorical_crossentropy", "categorical_focal_crossentropy"):
        yield from _one_hot(y, train, width)
    elif loss in ("binary_crossentropy", "bce", "binary_focal_crossentropy"):
        yield from _zero_or_one(y, train, width, loss)
    elif loss in _REGRESSION_LOSSES:
        yield from _numbers(y, train, width)
        yield from _too_small(y, loss)
    elif isinstance(named, str) or named.is_of_keras:
        if problem := _width(y, width, f"they must be equal for {loss}"):
            yield problem
    elif y.shape[1] not in (1, width):  # the user's own loss may take class numbers
        yield f"has width {y.shape[1]}, but must have {width}, as the output, or 1"


_REGRESSION_LOSSES = {
    "mse", "mean_squared_error", "mae", "mean_absolute_error", "mape",
    "mean_absolute_percentage_error", "msle", "mean_squared_logarithmic_error",
    "huber", "log_cosh", "logcosh", "poisson",
}  # fmt: skip


_LOGARITHMIC_LOSSES = {"msle", "mean_squared_logarithmic_error"}


def _width(y: Array, width: int, what: str) -> str | None:
    if y.shape[1] == width:
        return None
    return f"has width {y.shape[1]}, but the network's output has width {width}; {what}"


def _numbers(y: Array, train: Array, width: int) -> Iterator[str]:
    if problem := _width(y, width, "they must be equal"):
        yield problem
    for j in np.flatnonzero((train == train[:1]).all(axis=0)):
        column = f" in column {j}" if train.shape[1] > 1 else ""
        yield (
            f"is constant ({float(train[0, j]):g}) in the training rows{column}, so "
            "there is nothing to learn"
        )


def _too_small(y: Array, loss: str) -> Iterator[str]:
    if loss == "poisson" and y.min() < 0:
        yield f"goes down to {float(y.min()):g}, but poisson needs numbers >= 0"
    if loss in _LOGARITHMIC_LOSSES and y.min() <= -1:
        yield f"goes down to {float(y.min()):g}, but {loss} needs numbers > -1"


def _class_numbers(y: Array, train: Array, width: int) -> Iterator[str]:
    if problem := _width(y, 1, "give class numbers, or use categorical_crossentropy"):
        yield problem
        return
    labels = np.unique(y)
    bad = [v for v in labels.tolist() if v != int(v) or not 0 <= v < width]
    if bad:
        yield (
            f"holds {bad[:5]}, but classes are numbered 0 to {width - 1} for an output "
            f"of width {width}"
        )
        return
    yield from _missing_classes(set(range(width)), set(np.unique(train).tolist()))


def _one_hot(y: Array, train: Array, width: int) -> Iterator[str]:
    if width < 2:
        yield "has one class only for categorical_crossentropy; use binary_crossentropy"
        return
    if problem := _width(y, width, "give one column for each class"):
        yield problem
        return
    sums = y.sum(axis=1)
    found = None
    if (smallest := float(y.min())) < 0:
        found = f"row {int(np.argmin(y.min(axis=1)))} holds {smallest:g}"
    elif not np.allclose(sums, 1, atol=1e-4):
        row = int(np.argmax(np.abs(sums - 1)))
        found = f"row {row} sums to {float(sums[row]):g}"
    if found:
        yield (
            f"is not one-hot: {found}, but each row holds shares of classes that sum "
            "to 1"
        )
        return
    classes = set(np.flatnonzero(train.max(axis=0) > 0).tolist())
    yield from _missing_classes(set(range(width)), classes)


def _zero_or_one(y: Array, train: Array, width: int, loss: str) -> Iterator[str]:
    if problem := _width(y, width, "they must be equal"):
        yield problem
        return
    if y.min() < 0 or y.max() > 1:
        yield f"goes from {y.min():g} to {y.max():g}, but {loss} needs 0 and 1"
        return
    for j in range(train.shape[1]):
        column = f" in column {j}" if train.shape[1] > 1 else ""
        if (train[:, j] == train[0, j]).all():
            yield (
                f"has one class only in the training rows{column} "
                f"({float(train[0, j]):g}); two are needed"
            )


def _missing_classes(known: set[int], found: set[int]) -> Iterator[str]:
    if len(found) == 1:
        yield f"has one class only in the training rows ({next(iter(found)):g})"
    elif missing := sorted(known - found):
        yield (
            f"has no row of class {missing[:10]} among the training rows; shuffle the "
            "rows, merge rare classes, or make the output narrower"
        )
