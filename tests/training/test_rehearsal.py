"""Mistakes that are found before any training."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from cerebros.errors import DataError
from cerebros.spaces import Output, Ports
from cerebros.training import (
    Objective,
    Problem,
    TrainingSettings,
    rehearse,
    smallest_plan,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 3)), RNG.normal(size=30)
REGRESSION = Problem.regression(X, Y)


def test_the_smallest_plan_connects_every_output_to_every_input():
    ports = Ports((3, 2), (Output(1), Output(4, "softmax")))
    plan = smallest_plan(ports)
    assert plan.input_widths == (3, 2)
    assert [plan.widths[node] for node in plan.outputs] == [1, 4]
    assert plan.n_parameters == 5 * 1 + 1 + 5 * 4 + 4


def test_the_columns_of_the_history_are_foretold():
    context = REGRESSION.context(TrainingSettings(metrics=["mae", keras.metrics.Mean]))
    context = replace(context, objective=Objective("val_loss"))
    context = replace(context, settings=replace(context.settings, metrics=("mae",)))
    assert rehearse(context, REGRESSION.ports) == ["loss", "mae", "val_loss", "val_mae"]


def test_several_outputs_have_columns_of_their_own():
    problem = Problem.regression(X, [Y, -Y])
    context = problem.context(TrainingSettings(metrics=["mae"]))
    columns = rehearse(context, problem.ports)
    assert {"val_loss", "val_output_0_mae", "val_output_1_loss"} <= set(columns)


@pytest.mark.parametrize(
    ("metric", "guess"),
    [
        ("val_los", "; did you mean 'val_loss'?"),
        ("val_root_mean_square_error", "; did you mean 'val_root_mean_squared_error'?"),
        ("xyz", " (known: "),
    ],
)
def test_an_unknown_objective_is_refused_with_the_known_ones(metric, guess):
    context = REGRESSION.context(TrainingSettings(), Objective(metric, "min"))
    with pytest.raises(ValueError, match="will have no such column") as caught:
        rehearse(context, REGRESSION.ports)
    message = str(caught.value)
    assert message.startswith(f"the objective is {metric!r}, but the training history")
    assert guess in message
    assert message.endswith(
        "(known: loss, mean_absolute_error, root_mean_squared_error, val_loss, "
        "val_mean_absolute_error, val_root_mean_squared_error)"
    )


def broken(y_true, y_pred):
    raise ValueError("these shapes do not go together")


def test_a_loss_that_does_not_suit_the_targets_is_explained():
    context = REGRESSION.context(TrainingSettings(loss=broken))
    with pytest.raises(DataError) as caught:
        rehearse(context, REGRESSION.ports)
    assert str(caught.value) == (
        "the loss or a metric cannot be computed: targets have the shapes [(2, 1)] for "
        "two rows, and the outputs are [Output(width=1, activation='linear')]. Keras "
        "says: these shapes do not go together"
    )


@pytest.mark.parametrize("name", ["loss", "optimizer", "metrics"])
def test_names_that_keras_does_not_know_are_refused(name):
    context = REGRESSION.context(TrainingSettings(**{name: "wonder"}))
    with pytest.raises(ValueError, match="wonder"):
        rehearse(context, REGRESSION.ports)


def test_one_training_row_is_enough_to_rehearse():
    context = REGRESSION.context(TrainingSettings())
    split = replace(context.split, train=context.split.train[:1])
    assert "val_loss" in rehearse(replace(context, split=split), REGRESSION.ports)
