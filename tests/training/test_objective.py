"""What is improved, and which way."""

from itertools import pairwise

import pytest

from cerebros.training import Objective, guess_direction


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("val_loss", "minimize"),
        ("loss", "minimize"),
        ("val_root_mean_squared_error", "minimize"),
        ("val_mean_absolute_error", "minimize"),
        ("val_mse", "minimize"),
        ("val_binary_crossentropy", "minimize"),
        ("val_accuracy", "maximize"),
        ("val_sparse_categorical_accuracy", "maximize"),
        ("val_auc", "maximize"),
        ("val_r2_score", "maximize"),
        ("val_f1_score", "maximize"),
        ("val_precision_at_recall", "maximize"),
        ("val_output_1_accuracy", "maximize"),
    ],
)
def test_the_direction_of_a_usual_metric_is_known(metric, direction):
    assert guess_direction(metric) == direction
    assert Objective(metric) == Objective(metric, direction)


def test_the_direction_of_another_metric_must_be_given():
    assert guess_direction("val_wonder") is None
    with pytest.raises(ValueError, match="'val_wonder' should be small or large; give"):
        Objective("val_wonder")
    assert Objective("val_wonder", "max") == Objective("val_wonder", "maximize")


@pytest.mark.parametrize(
    ("given", "direction"),
    [
        ("min", "minimize"),
        ("max", "maximize"),
        ("minimize", "minimize"),
        ("maximize", "maximize"),
    ],
)
def test_a_given_direction_wins_over_the_guess(given, direction):
    assert Objective("val_accuracy", given).direction == direction


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="must be 'minimize' or 'maximize', but"):
        Objective("val_loss", "down")


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("direction", "value", "than", "is_better"),
    [
        ("minimize", 1.0, None, True),
        ("minimize", 1.0, 2.0, True),
        ("minimize", 2.0, 1.0, False),
        ("minimize", 1.0, 1.0, False),
        ("maximize", 1.0, None, True),
        ("maximize", 1.0, 2.0, False),
        ("maximize", 2.0, 1.0, True),
        ("maximize", 1.0, 1.0, False),
        *((d, v, t, False) for d in ("minimize", "maximize")
          for v in (NAN, INF, -INF) for t in (None, 1.0)),
    ],
)  # fmt: skip
def test_only_finite_values_improve(direction, value, than, is_better):
    assert Objective("val_loss", direction).is_better(value, than) is is_better


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_sorting_puts_the_better_first(direction):
    objective = Objective("val_loss", direction)
    values = sorted([3.0, -1.0, 2.0], key=objective.sort_key)
    for better, worse in pairwise(values):
        assert objective.is_better(better, worse)
