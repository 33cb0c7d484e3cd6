"""The reference against arithmetic done by hand; other lowerings are compared to it."""

import re
import subprocess
import sys

import numpy as np
import pytest
from agreement import assert_agree, example_of, examples, random_weights
from hypothesis import given, settings

from cerebros import lowering
from cerebros.errors import LoweringError
from cerebros.lowering import evaluate_reference
from cerebros.plan import Dense, Draft, Dropout, Normalize


def test_dense():
    net = Draft()
    plan = net.plan(net.unit(net.input(2), Dense(2, "relu")))
    weights = {"unit_1_dense/kernel": [[1, 2], [3, 4]], "unit_1_dense/bias": [0.5, -50]}
    (output,) = evaluate_reference(plan, weights, [[[10, 1], [0, -1]]])
    assert output.dtype == np.float64
    np.testing.assert_array_equal(output, [[13.5, 0], [0, 0]])


@pytest.mark.parametrize("scale_shift", [True, False])
def test_normalize(scale_shift):
    net = Draft()
    plan = net.plan(net.unit(net.input(2), Normalize(scale_shift)))
    weights = {"mean": [1.0, 2.0], "variance": [4 - 1e-3, 0.25 - 1e-3]}
    if scale_shift:
        weights |= {"scale": [3.0, -1.0], "shift": [0.0, 5.0]}
    weights = {f"unit_1_normalize/{key}": array for key, array in weights.items()}
    (output,) = evaluate_reference(plan, weights, [[[5.0, 3.0]]])
    expected = [[6.0, 3.0]] if scale_shift else [[2.0, 2.0]]
    np.testing.assert_allclose(output, expected, rtol=1e-14)


def test_merges_follow_the_order_of_connections_with_copies_side_by_side():
    net = Draft()
    a, b = net.input(2), net.input(2)
    side_by_side = net.unit([b, a.times(2), b.gated("relu").times(2)])
    summed = net.unit([b, a.times(2), b.gated("relu").times(2)], merge="add")
    plan = net.plan([side_by_side, summed])
    outputs = evaluate_reference(plan, {}, [[[1, 2]], [[10, -20]]])
    np.testing.assert_array_equal(outputs[0], [[10, -20, 1, 2, 1, 2, 10, 0, 10, 0]])
    np.testing.assert_array_equal(outputs[1], [[10 + 2 + 20, -20 + 4]])


def test_dropout_does_nothing_and_steps_follow_each_other():
    net = Draft()
    x = net.input(1)
    plan = net.plan(net.unit(x, Dense(1), Dropout(0.9), Dense(1, "tanh"), Dense(1)))
    weights = {
        f"unit_1_{name}/{key}": np.full((1, 1) if key == "kernel" else 1, value)
        for name in ("dense", "dense_2", "dense_3")
        for key, value in {"kernel": 2.0, "bias": 1.0}.items()
    }
    (output,) = evaluate_reference(plan, weights, [[[0.25]]])
    np.testing.assert_allclose(output, [[2 * np.tanh(2 * (2 * 0.25 + 1) + 1) + 1]])


def test_outputs_come_in_the_order_of_the_plan():
    net = Draft()
    x = net.input(1)
    first, second = net.unit(x), net.unit(x, Dense(2))
    plan = net.plan([second, first])
    weights = random_weights(plan, np.random.default_rng(0))
    outputs = evaluate_reference(plan, weights, [[[7]]])
    assert [output.shape for output in outputs] == [(1, 2), (1, 1)]
    assert outputs[1] == 7


@settings(derandomize=True)
@given(examples())
def test_rows_do_not_see_each_other(example):
    """Prediction uses running statistics, not those of the rows at hand."""
    for row in (0, -1):
        alone = [x[[row]] for x in example.inputs]
        outputs = evaluate_reference(example.plan, example.weights, alone)
        expected = [array[[row]] for array in example.outputs]
        assert_agree(outputs, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("shapes", "shown"),
    [
        pytest.param([(5, 3)], "[(5, 3)]", id="one is missing"),
        pytest.param(
            [(5, 3), (5, 2), (5, 1)], "[(5, 3), (5, 2), (5, 1)]", id="too many"
        ),
        pytest.param([(5, 2), (5, 3)], "[(5, 2), (5, 3)]", id="in another order"),
        pytest.param([(5, 3), (4, 2)], "[(5, 3), (4, 2)]", id="unequally many rows"),
        pytest.param([(3,), (2,)], "[(3,), (2,)]", id="a row without an axis of rows"),
        pytest.param([], "[]", id="none"),
    ],
)
def test_inputs_of_other_shapes_are_refused(shapes, shown):
    net = Draft()
    plan = net.plan(net.unit([net.input(3), net.input(2)]))
    inputs = [np.zeros(shape) for shape in shapes]
    message = f"the inputs have shapes {shown}, but the plan reads equally many rows of"
    with pytest.raises(LoweringError, match=re.escape(message)):
        evaluate_reference(plan, {}, inputs)


def test_inputs_are_not_changed():
    net = Draft()
    plan = net.plan(net.unit(net.input(2).times(2), merge="add"))
    rows = np.ones((3, 2))
    evaluate_reference(plan, {}, [rows])
    np.testing.assert_array_equal(rows, np.ones((3, 2)))
    assert example_of(plan).outputs[0].shape == (5, 2)


def test_keras_is_loaded_when_it_is_first_used():
    program = (
        "import sys, cerebros.lowering as lowering;"
        "print({'keras', 'jax'} & set(sys.modules));"
        "lowering.to_keras;"
        "print('keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["set()", "True"]


def test_a_misspelt_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'to_kears'"):
        _ = lowering.to_kears
