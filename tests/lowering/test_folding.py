"""Folding copies: every source is read once, and the predictions stay."""

from dataclasses import replace

import numpy as np
import pytest
from agreement import assert_agree, example_of, examples, random_weights
from hypothesis import given, settings

from cerebros.errors import LoweringError
from cerebros.lowering import check_weights, evaluate_reference, fold_copies
from cerebros.plan import Dense, Draft, Dropout, Normalize
from cerebros.spaces import Output, Ports, RandomWiring, VerticalWiring


def folded_predictions(example):
    plan, weights = fold_copies(example.plan, example.weights)
    return evaluate_reference(plan, weights, example.inputs)


@settings(derandomize=True)
@given(examples())
def test_random_networks_predict_the_same(example):
    # Folded arrays are kept in single precision, so that the last digits differ.
    assert_agree(folded_predictions(example), example.outputs, rtol=5e-6)


@settings(derandomize=True)
@given(examples())
def test_only_copies_go(example):
    plan, weights = fold_copies(example.plan, example.weights)
    check_weights(plan, weights)
    assert {array.dtype for array in weights.values()} <= {np.dtype(np.float32)}
    for before, after in zip(example.plan.units, plan.units, strict=True):
        folds = before.merge == "concatenate" and any(
            isinstance(step, Dense) for step in before.steps
        )
        once = tuple(replace(c, copies=1) for c in before.connections)
        assert after == (replace(before, connections=once) if folds else before)


def test_the_networks_of_a_random_wiring_lose_all_copies():
    space = RandomWiring(
        copies="drawn", vertical=VerticalWiring(input_density=5.0, density=3.0)
    )
    ports = Ports(input_widths=(6,), outputs=(Output(2, "softmax"),))
    for seed in range(20):
        drawn = space.sample(ports, np.random.default_rng(seed)).plan
        plan, _ = fold_copies(drawn, random_weights(drawn, np.random.default_rng(0)))
        assert {c.copies for unit in plan.units for c in unit.connections} == {1}
        assert plan.n_parameters < drawn.n_parameters


def folding(*steps, reads=lambda x, a: [x.times(3), a.gated("tanh").times(2), a]):
    net = Draft()
    x = net.input(4)
    a = net.unit(x, Dense(2, "elu"))
    return net.plan(net.unit(reads(x, a), *steps))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([Dense(3)], id="dense"),
        pytest.param([Normalize(), Dense(3)], id="normalize"),
        pytest.param([Normalize(scale_shift=False), Dense(3)], id="plain normalize"),
        pytest.param([Normalize(), Normalize(), Dense(3)], id="normalize twice"),
        pytest.param(
            [Normalize(), Dropout(0.3), Normalize(scale_shift=False), Dense(3)],
            id="dropout between",
        ),
        pytest.param(
            [Normalize(), Dense(3, "relu"), Normalize(), Dense(2, "elu"), Normalize()],
            id="more after the dense step",
        ),
    ],
)
def test_steps_before_the_dense_one(steps):
    example = example_of(folding(*steps))
    assert_agree(folded_predictions(example), example.outputs, rtol=1e-6)


def test_a_source_read_plainly_and_through_a_gate_stays_two_connections():
    plan = folding(Normalize(), Dense(3))
    folded, weights = fold_copies(plan, example_of(plan).weights)
    reads = [(c.source, c.gate) for c in folded.units[-1].connections]
    assert reads == [(0, None), (1, "tanh"), (1, None)]
    assert weights["unit_2_dense/kernel"].shape == (4 + 2 + 2, 3)


def test_kernels_of_copies_are_summed():
    net = Draft()
    plan = net.plan(net.unit(net.input(1).times(3), Dense(1)))
    weights = {"unit_1_dense/kernel": [[1], [20], [300]], "unit_1_dense/bias": [4]}
    folded, summed = fold_copies(plan, weights)
    assert folded.units[0].connections[0].copies == 1
    assert summed["unit_1_dense/kernel"].tolist() == [[321]]
    assert summed["unit_1_dense/bias"].tolist() == [4]


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(folding(Normalize(), Dropout(0.1)), id="no dense step"),
        pytest.param(
            folding(
                Dense(3, "softmax"), reads=lambda x, a: [x, a.times(1), a.gated("relu")]
            ),
            id="no copies",
        ),
    ],
)
def test_a_network_without_anything_to_fold_stays_as_it_is(plan):
    weights = example_of(plan).weights
    folded, same = fold_copies(plan, weights)
    assert folded == plan
    for key, array in same.items():
        np.testing.assert_array_equal(array, weights[key])


def test_sums_keep_their_copies():
    net = Draft()
    x = net.input(2)
    plan = net.plan(net.unit([x.times(3), x.gated("relu")], Dense(1), merge="add"))
    example = example_of(plan)
    assert fold_copies(plan, example.weights)[0] == plan


def test_weights_of_another_plan_are_refused():
    with pytest.raises(LoweringError, match="do not belong to the plan"):
        fold_copies(folding(Dense(3)), {})
