"""Networks on which lowerings are compared, and the comparison of the Keras one.

Also a program, so that it can run on any backend and in double precision:
`KERAS_BACKEND=torch python agreement.py 100 float64`.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cerebros.lowering import evaluate_reference, weight_shapes
from cerebros.plan import NetworkPlan
from cerebros.testing import plans

N_ROWS = 5
LARGEST = 1e3  # exponentials of exponentials say nothing about a lowering


@dataclass(frozen=True)
class Example:
    """A network with weights and rows, and what the reference predicts."""

    plan: NetworkPlan
    weights: dict[str, np.ndarray]
    inputs: list[np.ndarray]
    outputs: list[np.ndarray]


def random_weights(plan, rng):
    """Of a network as if trained: also biases, shifts and running statistics differ."""
    return {
        key: _random_array(key.rpartition("/")[2], shape, rng).astype(np.float32)
        for key, shape in weight_shapes(plan).items()
    }


def _random_array(kind, shape, rng):
    if kind == "kernel":
        return rng.normal(size=shape) / np.sqrt(shape[0])
    if kind in ("scale", "variance"):
        return rng.uniform(0.3, 2.0, shape)
    return rng.normal(scale=0.5, size=shape)


def random_inputs(plan, rng, n_rows=N_ROWS):
    return [rng.normal(size=(n_rows, w)).astype(np.float32) for w in plan.input_widths]


def example_of(plan, seed=0):
    rng = np.random.default_rng(seed)
    weights, inputs = random_weights(plan, rng), random_inputs(plan, rng)
    return Example(plan, weights, inputs, evaluate_reference(plan, weights, inputs))


@st.composite
def examples(draw, **limits):
    """Networks whose every node stays within `LARGEST`."""
    plan = draw(plans(**limits))
    all_nodes = replace(plan, outputs=tuple(range(plan.n_inputs, plan.n_nodes)))
    with np.errstate(all="ignore"):
        example = example_of(all_nodes, draw(st.integers(0, 2**32 - 1)))
    largest = max(np.abs(values).max() for values in example.outputs)
    assume(largest < LARGEST)  # also false for what is not a number
    outputs = [example.outputs[node - plan.n_inputs] for node in plan.outputs]
    return replace(example, plan=plan, outputs=outputs)


def predictions(model, inputs):
    """What a Keras model predicts, as a list of arrays."""
    import keras

    returned = model(inputs if len(inputs) > 1 else inputs[0])
    tensors = returned if isinstance(returned, list) else [returned]
    return [keras.ops.convert_to_numpy(tensor) for tensor in tensors]


def assert_agree(arrays, expected, *, rtol):
    """No entry is further off than `rtol` times the largest one of its array."""
    assert [a.shape for a in arrays] == [e.shape for e in expected]
    for array, wanted in zip(arrays, expected, strict=True):
        largest = max(np.abs(wanted).max(), 1e-3)
        np.testing.assert_allclose(array, wanted, rtol=0, atol=rtol * largest)


def assert_keras_is_the_plan(example, dtype):
    """Equal predictions, equal weights back, and as many parameters."""
    from cerebros.lowering import read_weights, to_keras

    model = to_keras(example.plan, example.weights)
    got = predictions(model, [x.astype(dtype) for x in example.inputs])
    if dtype == "float64":
        for array, wanted in zip(got, example.outputs, strict=True):
            assert array.dtype == np.float64
            np.testing.assert_allclose(array, wanted, rtol=1e-9, atol=1e-12)
    assert_agree(got, example.outputs, rtol=1e-5)

    read = read_weights(model, example.plan)
    assert read.keys() == example.weights.keys()
    for key, array in read.items():
        np.testing.assert_array_equal(array, example.weights[key], strict=True)

    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trainable == example.plan.n_parameters


def main(n_examples, dtype):
    import keras

    keras.config.set_floatx(dtype)
    compared = []

    @settings(max_examples=n_examples, derandomize=True, deadline=None, database=None)
    @given(examples())
    def compare(example):
        assert_keras_is_the_plan(example, dtype)
        compared.append(example.plan)

    compare()
    print(keras.backend.backend(), dtype, len(compared), len(set(compared)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
