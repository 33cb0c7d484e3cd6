from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.estimators._recipe import (
    _NOMINAL_SPEED,
    _SECONDS_OF_STARTING,
    Recipe,
    draw_trial,
    plan_recipe,
)
from cerebros.lowering.levels import ranks_of
from cerebros.spaces import WideMLP, WideWiring

RECIPE = Recipe(is_classification=True, n_folds=5, n_epochs=64, batch_rows=64, seed=3)
SIZES = {"n_plain": 7, "n_encoded": 20, "n_outputs": 3}


def planned(n_rows, **more):
    settings = {
        "n_rows": n_rows,
        "n_plain": 10,
        "n_encoded": 100,
        "n_outputs": 1,
        "is_classification": False,
        "n_folds": None,
        "time_budget": 60.0,
    }
    return plan_recipe(**settings | more)


def work(recipe, n_rows, *, n_trials):
    """Products of some trials of `planned`."""
    row = 64 * (10 + 100) + 64 * 10 + 64**2 + (128 + 10 + 100)
    if recipe.most_batches is not None:
        n_rows = min(n_rows, recipe.most_batches * recipe.batch_rows)
    return 6 * row * n_rows * n_trials * recipe.n_folds * recipe.n_epochs


@given(
    st.integers(2, 200_000),
    st.booleans(),
    st.none() | st.integers(2, 30),
    st.none() | st.floats(0.1, 1e5),
)
def test_recipes_are_within_bounds(n_rows, is_classification, n_folds, budget):
    settings = {
        "is_classification": is_classification,
        "n_folds": n_folds,
        "time_budget": budget,
    }
    recipe = planned(n_rows, **settings)
    assert recipe == planned(n_rows, **settings)
    assert 2 <= recipe.n_folds <= min(n_rows, n_folds or 10)
    assert 1 <= recipe.n_epochs <= 256
    assert 32 <= recipe.batch_rows <= 256
    assert recipe.batch_rows % 16 == 0


@given(st.integers(100, 200_000), st.floats(10, 3600))
def test_no_more_work_than_two_trials_can_afford(n_rows, budget):
    """Two trials of the ten that are wanted, unless going once through is too much."""
    recipe = planned(n_rows, time_budget=budget)
    affordable = _NOMINAL_SPEED * (budget - _SECONDS_OF_STARTING)
    n_batches = recipe.most_batches or max(1, n_rows // recipe.batch_rows)
    is_once = recipe.n_epochs * n_batches * recipe.batch_rows <= n_rows
    assert is_once or work(recipe, n_rows, n_trials=2) <= affordable


@given(st.integers(10_000, 2_000_000), st.floats(5, 60))
def test_trainings_on_many_rows_can_be_stopped_early(n_rows, budget):
    recipe = planned(n_rows, time_budget=budget)
    assert recipe.n_epochs >= 16
    passes = recipe.n_epochs * (recipe.most_batches or n_rows // recipe.batch_rows)
    assert passes >= 0.8 * (n_rows // recipe.batch_rows)  # about once through


def test_what_is_affordable_is_done_in_full():
    for n_rows in (300, 3000, 30_000):
        assert planned(n_rows, time_budget=1e6) == planned(n_rows, time_budget=None)


def test_more_rows_are_no_more_work_than_is_affordable():
    affordable = _NOMINAL_SPEED * (60 - _SECONDS_OF_STARTING)
    for n_rows in (1000, 5000, 20_000, 80_000):
        assert work(planned(n_rows), n_rows, n_trials=2) <= affordable


def test_more_time_is_never_fewer_folds():
    for n_rows in (300, 3000, 30_000):
        made = [planned(n_rows, time_budget=t) for t in (5, 20, 60, 300, 3600, None)]
        folds = [recipe.n_folds for recipe in made]
        assert folds == sorted(folds)
        assert made[-1].n_epochs == max(recipe.n_epochs for recipe in made)


def test_folds_that_were_asked_for_are_kept():
    assert planned(100_000, n_folds=7, time_budget=1).n_folds == 7
    assert planned(4, n_folds=7).n_folds == 4


def test_small_tables_of_numbers_have_ten_folds():
    assert planned(400, time_budget=None).n_folds == 10
    assert planned(400, time_budget=None, is_classification=True).n_folds == 5


def test_a_trial_depends_on_seed_and_number_alone():
    drawn = [draw_trial(number, RECIPE, **SIZES) for number in range(8)]
    again = [draw_trial(number, RECIPE, **SIZES) for number in reversed(range(8))]
    assert drawn == again[::-1]
    longer = replace(RECIPE, n_epochs=7, n_folds=3, batch_rows=32)
    assert [draw_trial(i, longer, **SIZES) for i in range(8)] == drawn
    assert len({own.plan for own in drawn}) > 4
    other = replace(RECIPE, seed=4)
    assert draw_trial(0, other, **SIZES) != drawn[0]


@pytest.mark.parametrize("is_classification", [True, False])
@pytest.mark.parametrize("space", ["random_wiring", "residual_mlp", "mlp", "mixed"])
def test_trials_are_within_bounds(space, is_classification):
    recipe = replace(RECIPE, space=space, is_classification=is_classification)
    for number in range(12):
        own = draw_trial(number, recipe, **SIZES)
        assert own.number == number
        assert 1e-3 < own.training.learning_rate < 2e-2
        assert 1e-2 <= own.training.weight_decay <= 0.3
        assert own.training.schedule in ("waves", "one_cycle")
        assert own.is_encoded == (number % 4 != 2)
        assert own.plan.input_widths == ((7, 20) if own.is_encoded else (7,))
        last = own.plan.unit(own.plan.outputs[0]).steps[-1]
        assert last.activation == ("softmax" if is_classification else "linear")
        assert 1 <= len(ranks_of(own.plan)) <= 3


def test_without_encoded_features_none_are_read():
    own = [draw_trial(i, RECIPE, **SIZES | {"n_encoded": 0}) for i in range(4)]
    assert not any(drawn.is_encoded for drawn in own)


@pytest.mark.parametrize("space", [WideWiring(neurons=9), WideMLP(neurons=9)])
def test_a_space_of_its_own_is_drawn_from(space):
    for number in range(6):
        own = draw_trial(number, replace(RECIPE, space=space), **SIZES)
        hidden = [w for n, w in enumerate(own.plan.widths) if n >= own.plan.n_inputs]
        assert max(hidden[:-1]) <= 9
