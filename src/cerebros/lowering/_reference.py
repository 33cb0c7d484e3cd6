"""The meaning of a plan in NumPy: slow, short, the judge of all other lowerings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.lowering._weights import check_weights, named_steps
from cerebros.plan import Dense, NetworkPlan, Normalize, Unit

EPSILON = 1e-3
"""What is added to the variance before its root is taken."""

_Array = npt.NDArray[np.float64]


def evaluate_reference(
    plan: NetworkPlan,
    weights: Mapping[str, npt.ArrayLike],
    inputs: Sequence[npt.ArrayLike],
) -> list[_Array]:
    """Predict with a network, in double precision.

    Args:
        plan: the network.
        weights: its arrays, see `weight_shapes`.
        inputs: one array for each input, `(row, feature)`.

    Returns:
        One array for each output, `(row, neuron)`.

    Raises:
        LoweringError: if the weights or the inputs do not belong to the plan.
    """
    check_weights(plan, weights)
    doubles = {key: np.asarray(w, np.float64) for key, w in weights.items()}
    values = [np.asarray(x, np.float64) for x in inputs]  # values[node]: (row, feature)
    _check_inputs(plan, values)
    for node, unit in plan.nodes():
        x = _merge(unit, values)
        for named in named_steps(plan, node):
            own = {
                key.rpartition("/")[2]: w
                for key, w in doubles.items()
                if key.rpartition("/")[0] == named.name
            }
            if isinstance(named.step, Dense):
                x = ACTIVATE[named.step.activation](x @ own["kernel"] + own["bias"])
            elif isinstance(named.step, Normalize):
                x = (x - own["mean"]) / np.sqrt(own["variance"] + EPSILON)
                if named.step.scale_shift:
                    x = x * own["scale"] + own["shift"]
            # a Dropout does nothing in prediction
        values.append(x)
    return [values[node] for node in plan.outputs]


def _check_inputs(plan: NetworkPlan, inputs: Sequence[_Array]) -> None:
    shapes = [x.shape for x in inputs]
    n_rows = shapes[0][:1] if shapes else ()
    if shapes != [(*n_rows, width) for width in plan.input_widths]:
        raise LoweringError(
            f"the inputs have shapes {shapes}, but the plan reads equally many rows of "
            f"{plan.input_widths} features"
        )


def _merge(unit: Unit, values: Sequence[_Array]) -> _Array:
    arriving = []
    for connection in unit.connections:
        x = values[connection.source]
        if connection.gate is not None:
            x = ACTIVATE[connection.gate](x)
        arriving += [x] * connection.copies
    if unit.merge == "add":
        return np.asarray(sum(arriving))
    return np.concatenate(arriving, axis=1)


def _sigmoid(x: _Array) -> _Array:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def _elu(x: _Array) -> _Array:
    return np.asarray(np.where(x > 0, x, np.expm1(np.minimum(x, 0))))


def _log_softmax(x: _Array) -> _Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _hard_sigmoid(x: _Array) -> _Array:
    return np.asarray(np.clip(x / 6 + 0.5, 0, 1))


_erfc = np.vectorize(math.erfc, otypes=[float])

ACTIVATE: dict[str, Callable[[_Array], _Array]] = {
    "celu": _elu,
    "elu": _elu,
    "exponential": np.exp,
    "gelu": lambda x: x * _erfc(-x / math.sqrt(2)) / 2,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda x: x * _hard_sigmoid(x),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "linear": lambda x: x,
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "log_softmax": _log_softmax,
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * _elu(x))
    ),
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "softmax": lambda x: np.exp(_log_softmax(x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "tanh": np.tanh,
}
"""Every activation that a plan may name."""
