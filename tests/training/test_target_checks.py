"""Whether targets can be learned with a loss, for every loss."""

import keras
import numpy as np
import pytest

from cerebros.errors import DataError
from cerebros.training import Dataset, Split, check_targets, display_name, named

REGRESSION = [
    "mse", "mean_squared_error", "MSE", "MeanSquaredError", "mae", "MAE",
    "mean_absolute_error", "mape", "mean_absolute_percentage_error", "msle",
    "mean_squared_logarithmic_error", "huber", "Huber", "log_cosh", "logcosh",
    "LogCosh", "poisson", "Poisson",
]  # fmt: skip
BINARY = [
    "binary_crossentropy",
    "bce",
    "BinaryCrossentropy",
    "binary_focal_crossentropy",
]
ONE_HOT = [
    "categorical_crossentropy", "CategoricalCrossentropy",
    "categorical_focal_crossentropy",
]  # fmt: skip
NUMBERED = ["sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"]


def problems_of(*targets, loss, widths, train=None):
    """What is wrong with targets of which the last row is the validation's."""
    n_rows = len(targets[0])
    data = Dataset.of(np.zeros((n_rows, 1)), list(map(np.asarray, targets)))
    train = np.arange(n_rows - 1) if train is None else np.array(train)
    validation = np.setdiff1d(np.arange(n_rows), train)
    split = Split(train, validation, np.arange(0))
    try:
        check_targets(data, split, output_widths=widths, loss=named(loss))
    except DataError as error:
        first, *problems = str(error).split("\n- ")
        assert not problems or first == "These targets cannot be learned:"
        return problems or [first]
    return []


@pytest.mark.parametrize(
    ("losses", "target", "width"),
    [
        (REGRESSION, [1.5, 2.0, 3.0, 4.0], 1),
        (REGRESSION, [[1, 2], [3, 1], [4, 1], [5, 5]], 2),
        (REGRESSION, [False, True, True, False], 1),
        (BINARY, [0, 1, 1, 0], 1),
        (BINARY, [True, False, True, False], 1),
        (BINARY, [0.1, 0.9, 0.5, 0.2], 1),
        (BINARY, [[0, 1], [1, 0], [1, 1], [0, 0]], 2),
        (ONE_HOT, [[1, 0], [0, 1], [1, 0], [0, 1]], 2),
        (ONE_HOT, [[0.3, 0.7], [0.9, 0.1], [1, 0], [0, 1]], 2),
        (NUMBERED, [0, 1, 2, 0], 3),
        (NUMBERED, [0.0, 1.0, 2.0, 1.0], 3),
        (NUMBERED, [False, True, True, False], 2),
    ],
)
def test_good_targets_pass(losses, target, width):
    for loss in losses:
        assert problems_of(target, loss=loss, widths=[width]) == []


CONSTANT = "is constant ({}) in the training rows{}, so there is nothing to learn"
ONE_CLASS = "has one class only in the training rows{} ({}); two are needed"


@pytest.mark.parametrize(
    ("losses", "target", "width", "problem"),
    [
        (REGRESSION, [4.5, 4.5, 4.5, 7], 1, CONSTANT.format("4.5", "")),
        (REGRESSION, [True, True, True, False], 1, CONSTANT.format("1", "")),
        (
            REGRESSION,
            [[1, 2], [2, 2], [3, 2], [4, 3]],
            2,
            CONSTANT.format("2", " in column 1"),
        ),
        (
            REGRESSION,
            [1, 2, 3, 4],
            2,
            "has width 1, but the network's output has width 2; they must be equal",
        ),
        (BINARY, [1, 1, 1, 0], 1, ONE_CLASS.format("", "1")),
        (BINARY, [False, False, False, True], 1, ONE_CLASS.format("", "0")),
        (
            BINARY,
            [[0, 1], [1, 1], [0, 1], [1, 0]],
            2,
            ONE_CLASS.format(" in column 1", "1"),
        ),
        (
            BINARY,
            [0, 1, 2, 0],
            2,
            "has width 1, but the network's output has width 2; they must be equal",
        ),
        (
            ONE_HOT,
            [[1, 0], [1, 1], [0, 1], [0, 1]],
            2,
            (
                "is not one-hot: row 1 sums to 2, but each row holds shares of "
                "classes that sum to 1"
            ),
        ),
        (
            ONE_HOT,
            [[1, 0], [0, 1], [2, -1], [0, 1]],
            2,
            (
                "is not one-hot: row 2 holds -1, but each row holds shares of "
                "classes that sum to 1"
            ),
        ),
        (
            ONE_HOT,
            [0, 1, 2, 0],
            3,
            (
                "has width 1, but the network's output has width 3; give one column "
                "for each class"
            ),
        ),
        (
            ONE_HOT,
            [1, 0, 1, 0],
            1,
            "has one class only for categorical_crossentropy; use binary_crossentropy",
        ),
        (
            ONE_HOT,
            [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]],
            3,
            (
                "has no row of class [2] among the training rows; shuffle the rows, "
                "merge rare classes, or make the output narrower"
            ),
        ),
        (
            ONE_HOT,
            [[1, 0], [1, 0], [1, 0], [0, 1]],
            2,
            "has one class only in the training rows (0)",
        ),
        (
            NUMBERED,
            [1, 2, 3, 1],
            3,
            "holds [3], but classes are numbered 0 to 2 for an output of width 3",
        ),
        (
            NUMBERED,
            [0, 1, 1.5, 0],
            2,
            "holds [1.5], but classes are numbered 0 to 1 for an output of width 2",
        ),
        (
            NUMBERED,
            [-1, 0, 1, 0],
            2,
            "holds [-1], but classes are numbered 0 to 1 for an output of width 2",
        ),
        (
            NUMBERED,
            [[1, 0], [0, 1], [1, 0], [0, 1]],
            2,
            (
                "has width 2, but the network's output has width 1; give class "
                "numbers, or use categorical_crossentropy"
            ),
        ),
        (
            NUMBERED,
            [0, 1, 0, 2],
            3,
            (
                "has no row of class [2] among the training rows; shuffle the rows, "
                "merge rare classes, or make the output narrower"
            ),
        ),
        (NUMBERED, [1, 1, 1, 0], 2, "has one class only in the training rows (1)"),
    ],
)
def test_bad_targets_are_explained(losses, target, width, problem):
    for loss in losses:
        assert problems_of(target, loss=loss, widths=[width]) == [
            f"the target {problem}"
        ]


@pytest.mark.parametrize("loss", BINARY)
def test_a_binary_target_beyond_0_and_1_is_named_with_its_range(loss):
    (problem,) = problems_of([-1, 1, 1, 3], loss=loss, widths=[1])
    name = display_name(loss)
    assert problem == f"the target goes from -1 to 3, but {name} needs 0 and 1"


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.MeanSquaredError(),
        keras.losses.MeanSquaredError,
        keras.losses.mean_squared_error,
        keras.losses.Huber(delta=2.0),
    ],
    ids=["object", "class", "function", "with settings"],
)
def test_losses_given_as_objects_are_known_too(loss):
    (problem,) = problems_of([1, 1, 1, 2], loss=loss, widths=[1])
    assert "is constant (1)" in problem


@pytest.mark.parametrize("loss", ["kl_divergence", "hinge", lambda y, p: p])
def test_for_other_losses_the_number_of_targets_is_checked(loss):
    assert problems_of([5, 5, 5, 5], loss=loss, widths=[1]) == []
    assert problems_of([5, 5, 5, 5], loss=loss, widths=[3, 1]) == [
        "there are 1 targets, but the network has 2 outputs; give one array for each"
    ]


@pytest.mark.parametrize("loss", ["kl_divergence", "hinge", keras.losses.Hinge()])
def test_another_loss_of_keras_compares_equal_widths(loss):
    (problem,) = problems_of([5, 5, 5, 5], loss=loss, widths=[3])
    assert "has width 1, but the network's output has width 3" in problem


def test_a_loss_of_the_users_own_may_take_one_column():
    assert problems_of([5, 5, 5, 5], loss=lambda y, p: p, widths=[3]) == []
    (problem,) = problems_of([[5, 5]] * 4, loss=lambda y, p: p, widths=[3])
    assert "has width 2, but must have 3" in problem


@pytest.mark.parametrize(
    ("loss", "targets"), [("poisson", [-1, 2, 3]), ("msle", [-2, 2, 3])]
)
def test_losses_of_positive_numbers_refuse_negative_ones(loss, targets):
    (problem,) = problems_of(targets, loss=loss, widths=[1])
    assert f"goes down to {targets[0]}, but {loss} needs" in problem


def test_all_problems_of_all_targets_are_listed():
    problems = problems_of(
        [[1, 5], [2, 5], [3, 6]], [0, 1, 2], [3, 3, 4], loss="mse", widths=[2, 2, 1]
    )
    assert [problem.partition(";")[0].partition(",")[0] for problem in problems] == [
        "target 0 is constant (5) in the training rows in column 1",
        "target 1 has width 1",
        "target 2 is constant (3) in the training rows",
    ]


def test_a_target_of_three_axes_is_checked_flat():
    y = np.zeros((4, 2, 2))
    y[:, 0, 0] = [1, 2, 3, 4]
    (problem, *rest) = problems_of(y, loss="mse", widths=[4])
    assert problem == f"the target {CONSTANT.format('0', ' in column 1')}"
    assert len(rest) == 2
