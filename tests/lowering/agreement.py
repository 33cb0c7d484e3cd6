"""Networks on which lowerings are compared, and the comparison of the Keras one.

Also a program, so that any backend can be asked: `KERAS_BACKEND=torch python
agreement.py 100` compares 100 random networks.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cerebros.lowering import evaluate_reference, weight_shapes
from cerebros.plan import Dense, Draft, Dropout, NetworkPlan, Normalize
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
def examples(draw, of=None):
    """Networks whose every node stays within `LARGEST`, of any plans or those given."""
    plan = draw(plans() if of is None else of)
    all_nodes = replace(plan, outputs=tuple(range(plan.n_inputs, plan.n_nodes)))
    with np.errstate(all="ignore"):
        example = example_of(all_nodes, draw(st.integers(0, 2**32 - 1)))
    largest = max(np.abs(values).max() for values in example.outputs)
    assume(largest < LARGEST)  # also false for what is not a number
    outputs = [example.outputs[node - plan.n_inputs] for node in plan.outputs]
    return replace(example, plan=plan, outputs=outputs)


def everything():
    """Several inputs and outputs, sums, copies, gates, a unit that passes on."""
    net = Draft()
    table, text = net.input(3), net.input(2)
    a = net.unit(table.times(2), Normalize(), Dense(2, "elu"))
    b = net.unit(
        [a.times(3), a.gated("tanh").times(2), text],
        *(Normalize(scale_shift=False), Dropout(0.4)),
        *(Dense(2, "relu"), Dense(2), Normalize()),
        level=1,
    )
    c = net.unit([a, b.times(2), text.gated("sigmoid")], Dropout(0.5), merge="add")
    d = net.unit(c.gated("softplus"))
    e = net.unit([d, table], Dense(1))
    f = net.unit([c, b], Normalize(), Dense(3, "softmax"))
    return net.plan([e, f, d])


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


def assert_keras_is_the_plan(example):
    """Equal predictions, equal weights back, and as many parameters."""
    from cerebros.lowering import read_weights, to_keras

    model = to_keras(example.plan, example.weights)
    assert_agree(predictions(model, example.inputs), example.outputs, rtol=1e-5)

    read = read_weights(model, example.plan)
    assert read.keys() == example.weights.keys()
    for key, array in read.items():
        np.testing.assert_array_equal(array, example.weights[key], strict=True)

    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trainable == example.plan.n_parameters


def main(n_examples):
    import keras

    compared = []

    @settings(
        max_examples=n_examples,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(examples())
    def compare(example):
        assert_keras_is_the_plan(example)
        compared.append(example.plan)

    compare()
    print(keras.backend.backend(), len(compared))


if __name__ == "__main__":
    main(int(sys.argv[1]))
