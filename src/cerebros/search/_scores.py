"""Scores that do not flatter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.lowering import OutputScale, Weights, initial_weights
from cerebros.plan import Dense, NetworkPlan
from cerebros.spaces import Output, Ports
from cerebros.training import (
    TrainingContext,
    evaluate_model,
    make_model,
    smallest_plan,
)


def honest_scores(
    model: Any, plan: NetworkPlan, context: TrainingContext
) -> dict[str, dict[str, float]]:
    """Every metric of a model on the validation and test rows, and of the constant.

    Args:
        model: the compiled Keras model that was chosen.
        plan: its plan.
        context: data, split, loss and metrics.
    """
    scores = {"validation": evaluate_model(model, context, context.split.validation)}
    if len(context.split.test):
        constant = _constant_model(plan, context)
        scores["test"] = evaluate_model(model, context, context.split.test)
        scores["test_of_constant"] = evaluate_model(
            constant, context, context.split.test
        )
    return scores


def _constant_model(plan: NetworkPlan, context: TrainingContext) -> Any:
    """A network that always gives the mean, or the class shares, of training rows."""
    _, targets = context.data.rows(context.split.train)
    outputs = tuple(_output(plan, node) for node in plan.outputs)
    smallest = smallest_plan(Ports(plan.input_widths, outputs))
    weights: Weights = initial_weights(smallest, np.random.default_rng(0))
    for i, (node, output) in enumerate(zip(smallest.outputs, outputs, strict=True)):
        scale = context.output_scales[i] if context.output_scales else None
        name = f"unit_{node}_dense"
        weights[f"{name}/kernel"] *= 0
        weights[f"{name}/bias"] = _bias(targets[i], output, scale)
    return make_model(smallest, weights, context)


def _output(plan: NetworkPlan, node: int) -> Output:
    dense = [step for step in plan.unit(node).steps if isinstance(step, Dense)]
    return Output(plan.widths[node], dense[-1].activation if dense else "linear")


def _bias(
    y: npt.NDArray[Any], output: Output, scale: OutputScale | None
) -> npt.NDArray[np.float32]:
    if output.activation == "softmax" and y.shape[1] == 1:
        shares = np.bincount(y[:, 0].astype(int), minlength=output.width) / len(y)
        bias = np.log(np.maximum(shares, 1e-7))
    else:
        mean = y.mean(axis=0)
        if scale is not None:
            mean = (mean - np.array(scale.mean)) / np.array(scale.scale)
        shares = np.clip(mean, 1e-7, 1 - 1e-7)
        bias = {
            "sigmoid": np.log(shares / (1 - shares)),
            "softmax": np.log(shares),
        }.get(output.activation, mean)
    return np.asarray(bias, np.float32)
