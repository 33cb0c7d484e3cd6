"""A tiny run of the real thing, which finds mistakes before any training."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np

from cerebros.errors import DataError, LoweringError
from cerebros.lowering import initial_weights
from cerebros.plan import Dense, Draft, NetworkPlan
from cerebros.programs import in_own_settings
from cerebros.spaces import Ports
from cerebros.training._task import TrainingContext


@in_own_settings
def rehearse(context: TrainingContext, ports: Ports) -> list[str]:
    """Evaluate the smallest network of these inputs and outputs on two rows.

    It is compiled with the real loss, metrics and optimizer, so what does not fit
    together is found in a second, not after the first training. Where the population
    engine knows loss, metrics and optimizer, it need not even be built.

    Args:
        context: data, settings, stems and objective of the search.
        ports: inputs and outputs of its networks.

    Returns:
        The columns that the training history will have, in alphabetical order.

    Raises:
        DataError: if loss, metrics and targets do not go together.
        ValueError: if the objective is not among the columns, or the optimizer or a
            name is unknown to Keras.
    """
    if (columns := _known_columns(context, ports)) is not None:
        known = sorted([*columns, *(f"val_{name}" for name in columns)])
        _check_objective(context.objective.metric, known)
        return known
    from cerebros.training._keras_model import make_model, one_or_many

    plan = smallest_plan(ports)
    weights = initial_weights(plan, np.random.default_rng(0))
    x, y = context.data.rows(context.split.train[:2])
    try:
        model = make_model(plan, weights, context, eager=True)
        logs: dict[str, Any] = model.evaluate(
            one_or_many(x), one_or_many(y), verbose=0, return_dict=True
        )
    except (ValueError, TypeError) as error:
        if "Could not interpret" in str(error):
            raise ValueError(
                f"{error}; give a name that Keras knows, such as 'mse' or 'accuracy', "
                "or an object"
            ) from error
        raise DataError(
            "the loss or a metric cannot be computed: targets have the shapes "
            f"{[target.shape for target in y]} for two rows, and the outputs are "
            f"{list(ports.outputs)}. Keras says: {error}"
        ) from error
    _check_numbers(logs)
    known = sorted([*logs, *(f"val_{name}" for name in logs)])
    _check_objective(context.objective.metric, known)
    return known


def _known_columns(context: TrainingContext, ports: Ports) -> tuple[str, ...] | None:
    """Columns of a history that the population engine writes, if it is the one."""
    from cerebros.training.population import head_of, optimizer_of

    if any(stem is not None for stem in context.stems or ()):
        return None
    outputs = [(output.width, output.activation) for output in ports.outputs]
    try:
        optimizer_of(context.settings)
        return head_of(context, outputs).column_names()
    except LoweringError:
        return None


def _check_numbers(logs: dict[str, Any]) -> None:
    for name, value in logs.items():
        if np.ndim(value) > 0:
            raise ValueError(
                f"the metric {name!r} gives {np.size(value)} numbers, but a history "
                "has one for each epoch; average them, as with F1Score(average='macro')"
            )


def _check_objective(metric: str, known: list[str]) -> None:
    if metric in known:
        return
    close = get_close_matches(metric, known, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"the objective is {metric!r}, but the training history will have no such "
        f"column{guess} (known: {', '.join(known)})"
    )


def smallest_plan(ports: Ports) -> NetworkPlan:
    """Every output reads every input, and nothing stands between."""
    net = Draft()
    inputs = [net.input(width) for width in ports.input_widths]
    return net.plan(
        net.unit(inputs, Dense(output.width, output.activation))
        for output in ports.outputs
    )
