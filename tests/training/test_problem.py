"""From data to what a search needs."""

import numpy as np
import pytest

from cerebros.errors import DataError
from cerebros.lowering import OutputScale
from cerebros.spaces import Output, Ports
from cerebros.training import Objective, Problem, TrainingSettings
from cerebros.training._problem import Task

N_ROWS = 50
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 4))
Y = RNG.normal(20.0, 5.0, N_ROWS)


def test_a_regression_predicts_standardized_numbers_in_the_units_of_the_target():
    problem = Problem.regression(X, Y)
    assert problem.task is Task.REGRESSION
    assert problem.ports == Ports((4,), (Output(1),))
    assert problem.objective == Objective("val_root_mean_squared_error")
    train = Y[problem.split.train]
    (scale,) = problem.output_scales
    assert scale.mean == pytest.approx((train.mean(),))
    assert scale.scale == pytest.approx((train.std(),))


def test_only_training_rows_decide_the_scale():
    problem = Problem.regression(X, Y, seed=3)
    elsewhere = Y.copy()
    elsewhere[problem.split.validation] += 1000
    elsewhere[problem.split.test] -= 1000
    assert Problem.regression(X, elsewhere, seed=3).output_scales == (
        problem.output_scales
    )


def test_a_column_without_spread_is_not_divided_by_it():
    assert OutputScale.of(np.array([[1.0, 5.0], [3.0, 5.0]])) == OutputScale(
        (2.0, 5.0), (1.0, 1.0)
    )


@pytest.mark.parametrize(
    ("labels", "task", "output", "classes"),
    [
        (["no", "yes"], Task.BINARY, Output(1, "sigmoid"), ("no", "yes")),
        ([7, 3], Task.BINARY, Output(1, "sigmoid"), (3, 7)),
        ([False, True], Task.BINARY, Output(1, "sigmoid"), (False, True)),
        (["b", "c", "a"], Task.MULTICLASS, Output(3, "softmax"), ("a", "b", "c")),
    ],
)
def test_the_number_of_classes_decides_the_output(labels, task, output, classes):
    given = np.resize(labels, N_ROWS)
    problem = Problem.classification(X, given)
    assert problem.task is task
    assert problem.ports == Ports((4,), (output,))
    assert problem.classes == classes
    assert problem.objective == Objective("val_loss")
    assert problem.output_scales is None
    numbers = problem.data.targets[0][:, 0]
    assert [classes[number] for number in numbers] == given.tolist()


def test_every_part_holds_each_class_in_proportion():
    labels = np.repeat(["a", "b"], [10, 90])
    problem = Problem.classification(np.zeros((100, 1)), labels)
    for part, n_rare in ((problem.split.validation, 2), (problem.split.test, 2)):
        assert abs((labels[part] == "a").sum() - n_rare) <= 1


def test_several_inputs_and_outputs():
    images = np.zeros((N_ROWS, 3, 5))
    problem = Problem.regression([X, images], [Y, np.c_[Y, -Y]])
    assert problem.ports == Ports((4, 15), (Output(1), Output(2)))
    assert problem.objective == Objective("val_loss")  # the one column of both
    assert [len(scale.mean) for scale in problem.output_scales] == [1, 2]


def test_what_settings_leave_open_is_usual_for_the_problem():
    problem = Problem.classification(X, np.resize([0, 1], N_ROWS))
    settings = problem.context(TrainingSettings(epochs=9)).settings
    assert settings.epochs == 9
    assert settings.loss == "binary_crossentropy"
    assert settings.metrics == ("accuracy", "auc")
    assert settings.batch_size == settings.batch_rows(len(problem.split.train))


def test_what_settings_say_is_taken():
    objective = Objective("val_mape")
    context = Problem.regression(X, Y).context(
        TrainingSettings(loss="mae", metrics=["mape"], batch_size=7), objective
    )
    assert (context.settings.loss, context.settings.metrics) == ("mae", ("mape",))
    assert context.settings.batch_size == 7
    assert context.objective is objective


def test_no_metric_beside_the_loss_may_be_wanted():
    context = Problem.regression(X, Y).context(TrainingSettings(metrics=()))
    assert context.settings.metrics == ()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Problem.regression(X, Y[:-1]), "numbers of rows differ"),
        (lambda: Problem.regression(X, np.full(N_ROWS, 3.5)), r"is constant \(3.5\)"),
        (lambda: Problem.regression(X, ["a"] * N_ROWS), "the target holds 'a'"),
        (lambda: Problem.classification(X, ["a"] * N_ROWS), r"one class only \('a'\)"),
        (lambda: Problem.classification(X, Y[:-1] > 20), "numbers of rows differ"),
        (lambda: Problem.classification(X * np.nan, Y > 20), "column 3 has 50 missing"),
    ],
)
def test_data_that_cannot_be_learned_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()


@pytest.mark.parametrize("validation", [0, 1, 1.2, -1])
def test_shares_lie_between_0_and_1(validation):
    with pytest.raises(ValueError, match="validation must hold 0 < share < 1"):
        Problem.regression(X, Y, validation=validation)
    with pytest.raises(ValueError, match="validation must hold 0 < share < 1"):
        Problem.classification(X, Y > 20, validation=validation)


def test_a_rare_class_trains():
    labels = np.array(["common"] * (N_ROWS - 1) + ["rare"])
    for seed in range(20):
        problem = Problem.classification(X, labels, seed=seed)
        assert N_ROWS - 1 in problem.split.train


def test_weights_of_rows_go_with_the_data_and_none_are_usual():
    weights, labels = np.arange(N_ROWS), np.resize([0, 1], N_ROWS)
    for make, targets in (
        (Problem.regression, Y),
        (Problem.classification, labels),
    ):
        assert make(X, targets).data.weights is None
        data = make(X, targets, sample_weight=weights).data
        np.testing.assert_array_equal(data.weights, weights)


def test_bad_weights_of_rows_are_refused():
    with pytest.raises(DataError, match="the weight of row 3 is -1"):
        Problem.regression(X, Y, sample_weight=np.where(np.arange(N_ROWS) == 3, -1, 1))
