"""Every activation by name: the reference and Keras compute the same function."""

import keras
import numpy as np
import pytest
from agreement import assert_agree, predictions

from cerebros.lowering import evaluate_reference, to_keras
from cerebros.plan import ACTIVATIONS, GATES, Connection, Dense, NetworkPlan, Unit

X = np.concatenate(
    [
        np.linspace(-9, 9, 73),  # with both borders and the middle of every piece
        [-60.0, -20.0, -1e-3, -1e-6, 1e-6, 1e-3, 20.0, 60.0],
    ]
).astype(np.float32)
ROWS = np.stack([X, X[::-1], np.roll(X, 7)], axis=1)  # three features


def plan_of_each(names, unit):
    """One output for each activation."""
    units = tuple(unit(name) for name in names)
    return NetworkPlan((3,), units, outputs=tuple(range(1, len(units) + 1)))


def dense(activation):
    return Unit(1, (Connection(0),), (Dense(3, activation),))


def gate(activation):
    return Unit(1, (Connection(0, gate=activation),), steps=())


@pytest.fixture(scope="module", params=[dense, gate], ids=["dense", "gate"])
def both(request):
    """Name of each activation → (Keras, reference)."""
    names = sorted(ACTIVATIONS if request.param is dense else GATES)
    plan = plan_of_each(names, request.param)
    weights = {}
    if request.param is dense:
        for node in plan.outputs:
            weights[f"unit_{node}_dense/kernel"] = np.eye(3)
            weights[f"unit_{node}_dense/bias"] = np.zeros(3)
    got = predictions(to_keras(plan, weights), [ROWS])
    expected = evaluate_reference(plan, weights, [ROWS])
    return dict(zip(names, zip(got, expected, strict=True), strict=True))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_keras_and_the_reference_agree(name, both):
    if name not in both:
        assert name not in GATES
        return
    got, expected = both[name]
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)
    assert_agree([got], [expected], rtol=1e-6)


def of(name, x):
    plan = plan_of_each([name], gate)
    ((value,),) = evaluate_reference(
        NetworkPlan((1,), plan.units, plan.outputs), {}, [[[x]]]
    )[0]
    return value


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("celu", -1.0, np.exp(-1) - 1),
        ("elu", -1.0, np.exp(-1) - 1),
        ("exponential", 2.0, np.exp(2)),
        ("gelu", 1.0, 0.841344746068543),  # the normal distribution at 1
        ("gelu", -9.0, -9 * 1.1285884059538407e-19),  # and far out
        ("hard_sigmoid", 1.5, 0.75),
        ("hard_sigmoid", -3.0, 0.0),
        ("hard_silu", 1.5, 1.125),
        ("hard_tanh", -2.0, -1.0),
        ("leaky_relu", -2.0, -0.4),
        ("log_sigmoid", -800.0, -800.0),
        ("mish", 1.0, np.tanh(np.log1p(np.e))),
        ("relu6", 7.0, 6.0),
        ("selu", 1.0, 1.0507009873554805),
        ("sigmoid", -800.0, 0.0),
        ("silu", 1.0, 1 / (1 + np.exp(-1))),
        ("softplus", 800.0, 800.0),
        ("softsign", -3.0, -0.75),
    ],
)
def test_the_reference_at_known_points(name, x, expected):
    assert of(name, x) == pytest.approx(expected, rel=1e-14)


def test_softmax_gives_shares_even_of_large_numbers():
    plan = plan_of_each(["softmax", "log_softmax"], dense)
    weights = {
        f"unit_{node}_dense/{key}": array
        for node in plan.outputs
        for key, array in {"kernel": np.eye(3), "bias": np.zeros(3)}.items()
    }
    shares, logs = evaluate_reference(plan, weights, [[[900.0, 900.0, -900.0]]])
    np.testing.assert_allclose(shares, [[0.5, 0.5, 0.0]], rtol=1e-14)
    np.testing.assert_allclose(logs, [[-np.log(2), -np.log(2), -1800 - np.log(2)]])


def test_keras_knows_every_name():
    for name in ACTIVATIONS:
        assert callable(keras.activations.get(name))
