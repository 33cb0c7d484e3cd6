"""From answers of networks to numbers, probabilities and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cerebros.errors import DataError
from cerebros.estimators._linear_part import REACH, LinearPart
from cerebros.estimators._predictor import Predictor
from cerebros.estimators._targets import TargetTransform
from cerebros.estimators.onnx_export._graph import Array, Graph, doubles
from cerebros.estimators.onnx_export._members import Member

Floats = npt.NDArray[np.float64]

_CELLS = 4096


def add_numbers(
    graph: Graph,
    predictor: Predictor,
    answers: str,
    members: Sequence[Member],
    output: str,
) -> None:
    """Add the answers of a regression, in units of the target.

    Args:
        graph: to be added to.
        predictor: of a regression.
        answers: `(member · output, row)`, see `add_members`.
        members: in their order.
        output: name of the result.
    """
    rows = [
        (predictor.transforms[predictor.networks[member.trial].transform][k], k, weight)
        for member, weight in zip(members, _weights(predictor, members), strict=True)
        for k in range(len(predictor.transforms[0]))
    ]
    numbers = graph.cast(answers, np.float64)
    parts = []
    for kind in ("identity", "linear", "log", "quantile"):
        chosen = [
            i for i, (transform, _, _) in enumerate(rows) if transform.kind == kind
        ]
        if chosen:
            own = [rows[i] for i in chosen]
            x = graph.rows(numbers, chosen, len(rows))
            back = _back(graph, kind, [transform for transform, _, _ in own], x)
            mixed = np.zeros((len(predictor.transforms[0]), len(own)))
            for column, (_, k, weight) in enumerate(own):
                mixed[k, column] = weight
            parts.append(graph.add("MatMul", mixed, back))
            if kind == "linear":
                assert predictor.linear is not None
                line = _linear_part(graph, predictor.linear)
                parts.append(graph.add("Mul", line, doubles(mixed.sum(axis=1))))
    total = graph.total(parts)
    if predictor.is_flat:
        graph.add("Reshape", total, np.array([-1]), output=output)
    else:
        graph.add("Transpose", total, perm=[1, 0], output=output)


def _back(
    graph: Graph, kind: str, transforms: Sequence[TargetTransform], x: str
) -> str:
    """See `TargetTransform.back`; `(row of transforms, row)`."""
    x = graph.add("Max", x, doubles([own.low for own in transforms]))
    x = graph.add("Min", x, doubles([own.high for own in transforms]))
    x = graph.add("Mul", x, doubles([own.scale for own in transforms]))
    x = graph.add("Add", x, doubles([own.mean for own in transforms]))
    if kind == "log":
        return graph.add("Exp", x)
    return _interpolated(graph, transforms, x) if kind == "quantile" else x


def _linear_part(graph: Graph, part: LinearPart) -> str:
    """See `LinearPart.answers`; `(output, row)`."""
    columns = graph.joined(list(part.names))
    x = graph.reshaped(columns, len(part.names), -1)
    center, reach = doubles(part.center), doubles(REACH * (part.high - part.low))
    x = graph.add("Where", graph.add("IsNaN", x), center, x)
    x = graph.add("Max", x, doubles(part.low) - reach)
    x = graph.add("Min", x, doubles(part.high) + reach)
    x = graph.add("Sub", x, center)
    rise = graph.add("MatMul", np.asarray(part.slopes.T, np.float64), x)
    return graph.add("Add", rise, doubles(part.intercept))


def _interpolated(graph: Graph, transforms: Sequence[TargetTransform], x: str) -> str:
    """Values between knots.

    Each transform has a table: the line of knots is cut into equal cells, and each
    knows its first segment. The segment of a number is that of its cell, or one of the
    next, as many as the fullest cell has knots.
    """
    unique = list({id(own): own for own in transforms}.values())
    cells = [_cells(own.knots) for own in unique]
    at = {id(own): i for i, own in enumerate(unique)}
    each = [at[id(own)] for own in transforms]
    n_segments = [len(own.knots) - 1 for own in unique]
    starts = np.concatenate([[0], np.cumsum(n_segments)[:-1]])
    cell_starts = np.concatenate([[0], np.cumsum([len(c) for c in cells])[:-1]])
    low = np.array([own.knots[0] for own in unique])
    high = np.array([own.knots[-1] for own in unique])
    per_unit = np.array([len(c) for c in cells]) / (high - low)
    most = np.array([float(len(c) - 1) for c in cells])

    x = graph.add("Max", x, doubles(low[each]))
    x = graph.add("Min", x, doubles(high[each]))
    cell = graph.add("Sub", x, doubles(low[each]))
    cell = graph.add("Floor", graph.add("Mul", cell, doubles(per_unit[each])))
    cell = graph.add("Min", cell, doubles(most[each]))
    cell = graph.cast(graph.add("Add", cell, doubles(cell_starts[each])), np.int64)
    first = np.concatenate([c + s for c, s in zip(cells, starts, strict=True)])
    segment = graph.add("Gather", first.astype(np.int64), cell)
    ends = np.concatenate([[*own.knots[1:-1], np.inf] for own in unique])
    for _ in range(max(_fullest(c, n) for c, n in zip(cells, n_segments, strict=True))):
        is_later = graph.add("Less", graph.add("Gather", ends, segment), x)
        segment = graph.add("Add", segment, graph.cast(is_later, np.int64))
    begin = np.concatenate([own.knots[:-1] for own in unique])
    value = np.concatenate([own.values[:-1] for own in unique])
    slope = np.concatenate([np.diff(own.values) / np.diff(own.knots) for own in unique])
    inside = graph.add("Sub", x, graph.add("Gather", begin, segment))
    rise = graph.add("Mul", inside, graph.add("Gather", slope, segment))
    return graph.add("Add", rise, graph.add("Gather", value, segment))


def _cells(knots: Floats) -> npt.NDArray[np.intp]:
    """The segment in which each of equal parts of the line of knots begins."""
    length = knots[-1] - knots[0]
    n = int(np.clip(np.ceil(length / np.diff(knots).min()), 1, _CELLS))
    # A little lower, so that rounding never begins behind the right one.
    begin = knots[0] + (np.arange(n) - 1e-6) * (length / n)
    found = np.searchsorted(knots, begin, side="left") - 1
    return np.asarray(np.clip(found, 0, len(knots) - 2), np.intp)


def _fullest(cells: npt.NDArray[np.intp], n_segments: int) -> int:
    """How many knots the fullest cell has."""
    return int(np.diff([*cells, n_segments - 1]).max())


def add_classes(
    graph: Graph,
    predictor: Predictor,
    answers: str,
    members: Sequence[Member],
    outputs: tuple[str, str],
) -> None:
    """Add labels and probabilities.

    Args:
        graph: to be added to.
        predictor: of classes.
        answers: `(member · class, row)`, see `add_members`.
        members: in their order.
        outputs: names of both.
    """
    assert predictor.classes is not None
    n = len(predictor.classes)
    by_member = graph.reshaped(answers, len(members), n, -1)
    shares = graph.add("Softmax", by_member, axis=1)
    flat = graph.cast(graph.reshaped(shares, len(members), -1), np.float64)
    mean = graph.add("MatMul", np.array([_weights(predictor, members)]), flat)
    by_row = graph.add("Transpose", graph.reshaped(mean, n, -1), perm=[1, 0])
    _calibrated(graph, by_row, predictor.certainty.temperature, outputs[1])
    labels = label_array(predictor.classes)
    if n == 2:
        second = graph.add("Gather", outputs[1], np.array(1), axis=1)
        least = np.array(predictor.certainty.threshold)
        is_second = graph.add("GreaterOrEqual", second, least)
        chosen = graph.cast(is_second, np.int64)
    else:
        chosen = graph.add("ArgMax", outputs[1], axis=1, keepdims=0)
    graph.add("Gather", labels, chosen, axis=0, output=outputs[0])


def _calibrated(graph: Graph, shares: str, temperature: float, output: str) -> None:
    """See `calibrated`."""
    if temperature == 1.0:
        total = graph.add("ReduceSum", shares, np.array([1]), keepdims=1)
        graph.add("Div", shares, total, output=output)
        return
    logs = graph.add("Log", graph.add("Max", shares, np.array([[1e-12]])))
    logs = graph.add("Div", logs, np.array([[float(temperature)]]))
    graph.add("Softmax", logs, axis=1, output=output)


def label_array(classes: Array) -> Array:
    """Labels as ONNX has them: text, int64, doubles or booleans.

    Raises:
        DataError: for any others, such as dates.
    """
    kinds = {type(label) for label in classes.tolist()}
    if all(issubclass(kind, str) for kind in kinds):
        return np.array([str(label) for label in classes.tolist()], object)
    if classes.dtype == np.float32:
        return classes
    for kind, name in ((bool, "bool"), (int, "int64"), (float, "float64")):
        if kinds == {kind}:
            return np.array(classes, name)
    raise DataError(
        f"labels of an ONNX file are text, numbers or booleans, but {classes[0]!r} is "
        f"among the classes (type {classes.dtype}); make them text"
    )


def _weights(predictor: Predictor, members: Sequence[Member]) -> list[float]:
    """How much each member counts."""
    owners = [predictor.networks[member.trial] for member in members]
    return [float(own.share / own.n_folds) for own in owners]
