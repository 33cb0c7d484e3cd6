"""The one weight format: its keys, initial values, and what it refuses."""

import numpy as np
import pytest
from agreement import examples, random_inputs, random_weights
from hypothesis import given
from scipy.stats import kstest

from cerebros.errors import LoweringError
from cerebros.lowering import (
    check_weights,
    evaluate_reference,
    initial_weights,
    weight_shapes,
)
from cerebros.plan import Dense, Draft, Dropout, Normalize
from cerebros.testing import plans


def three_steps_twice():
    net = Draft()
    x = net.input(3)
    a = net.unit(x.times(2), Normalize(), Dropout(0.1), Dense(4, "relu"))
    b = net.unit([a, x], Dense(2), Normalize(scale_shift=False), Dense(5), Normalize())
    return net.plan([b, net.unit(b)])


def test_keys_and_shapes():
    assert weight_shapes(three_steps_twice()) == {
        "unit_1_normalize/scale": (6,),
        "unit_1_normalize/shift": (6,),
        "unit_1_normalize/mean": (6,),
        "unit_1_normalize/variance": (6,),
        "unit_1_dense/kernel": (6, 4),
        "unit_1_dense/bias": (4,),
        "unit_2_dense/kernel": (7, 2),
        "unit_2_dense/bias": (2,),
        "unit_2_normalize/mean": (2,),
        "unit_2_normalize/variance": (2,),
        "unit_2_dense_2/kernel": (2, 5),
        "unit_2_dense_2/bias": (5,),
        "unit_2_normalize_2/scale": (5,),
        "unit_2_normalize_2/shift": (5,),
        "unit_2_normalize_2/mean": (5,),
        "unit_2_normalize_2/variance": (5,),
    }


@given(plans())
def test_trained_arrays_are_the_parameters_of_the_plan(plan):
    sizes = {
        key: int(np.prod(shape))
        for key, shape in weight_shapes(plan).items()
        if key.rpartition("/")[2] not in ("mean", "variance")
    }
    assert sum(sizes.values()) == plan.n_parameters


@given(plans())
def test_initial_weights_fit_the_plan_and_the_seed_decides_them(plan):
    weights = initial_weights(plan, np.random.default_rng(1))
    check_weights(plan, weights)
    again = initial_weights(plan, np.random.default_rng(1))
    for key, array in weights.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, again[key])
        kind = key.rpartition("/")[2]
        if kind != "kernel":
            assert (array == (kind in ("scale", "variance"))).all()


def test_kernels_are_uniform_within_their_limit():
    net = Draft()
    plan = net.plan(net.unit(net.input(40).times(2), Dense(100)))
    kernel = initial_weights(plan, np.random.default_rng(2))["unit_1_dense/kernel"]
    limit = np.sqrt(6 / (80 + 100))
    assert kstest(kernel.ravel(), "uniform", args=(-limit, 2 * limit)).pvalue > 1e-6


def test_all_problems_of_weights_are_listed():
    plan = three_steps_twice()
    weights = random_weights(plan, np.random.default_rng(0))
    del weights["unit_1_dense/bias"]
    weights["unit_9_dense/bias"] = np.zeros(3)
    weights["unit_2_dense/kernel"] = np.zeros((2, 7))
    with pytest.raises(LoweringError) as caught:
        check_weights(plan, weights)
    assert str(caught.value) == (
        "These weights do not belong to the plan:\n"
        "- unit_1_dense/bias is missing\n"
        "- unit_9_dense/bias is unknown\n"
        "- unit_2_dense/kernel has shape (2, 7), but the plan asks for (7, 2)"
    )
    with pytest.raises(LoweringError, match="unit_1_dense/bias is missing"):
        evaluate_reference(plan, weights, random_inputs(plan, np.random.default_rng(0)))


@given(examples())
def test_the_weights_of_a_plan_are_accepted(example):
    check_weights(example.plan, example.weights)
    as_lists = {key: array.tolist() for key, array in example.weights.items()}
    check_weights(example.plan, as_lists)
