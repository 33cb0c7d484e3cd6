"""Networks of levels as matrices: which they are, packing, and what they answer."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cerebros.errors import LoweringError
from cerebros.lowering import evaluate_reference, initial_weights, weight_shapes
from cerebros.lowering.levels import (
    common_level_layout,
    forward,
    holes_of,
    pack_weights,
    ranks_of,
    unpack_weights,
)
from cerebros.plan import Connection, Dense, Dropout, NetworkPlan, Normalize, Unit
from cerebros.spaces import Output, Ports, WideMLP, WideWiring

N_PLAIN, N_FEATURES, N_ROWS = 8, 24, 6
SPACES = (
    WideWiring(neurons=12, levels=(1, 4), activation="tanh"),
    WideMLP(neurons=9, activation="tanh"),
    WideMLP(neurons=9, is_residual=True, activation="tanh", dropout=0.2),
)


@st.composite
def level_plans(draw):
    widths = draw(st.sampled_from([(5,), (8, 16), (3, 7)]))
    ports = Ports(widths, (Output(draw(st.just(2))),))
    space = draw(st.sampled_from(SPACES))
    return space.sample(ports, np.random.default_rng(draw(st.integers(0, 999)))).plan


def drawn(plan, seed=0):
    rng = np.random.default_rng(seed)
    return {
        key: (rng.normal(size=shape) / 3).astype(np.float32)
        for key, shape in weight_shapes(plan).items()
    }


def features_of(plan, inputs):
    """Inputs as one padded array `(feature, row)`."""
    padded = np.zeros((N_FEATURES, N_ROWS), np.float32)
    padded[: plan.input_widths[0]] = inputs[0].T
    if plan.n_inputs == 2:
        padded[N_PLAIN : N_PLAIN + plan.input_widths[1]] = inputs[1].T
    return padded


def layout_of(*plans):
    return common_level_layout(plans, n_plain=N_PLAIN, n_features=N_FEATURES)


@settings(max_examples=25)
@given(st.lists(level_plans(), min_size=1, max_size=3), st.integers(0, 99))
def test_packed_networks_answer_as_the_reference_does(plans, seed):
    layout, rng = layout_of(*plans), np.random.default_rng(seed)
    weights = [drawn(plan, seed) for plan in plans]
    packed = [
        pack_weights(plan, own, layout)
        for plan, own in zip(plans, weights, strict=True)
    ]
    table = rng.normal(size=(N_ROWS, N_FEATURES)).astype(np.float32)
    matrices = {key: np.stack([own[key] for own in packed]) for key in packed[0]}
    found = forward(matrices, table.T, jax.numpy.tanh)
    assert found.shape == (len(plans), 2, N_ROWS)
    for plan, own, answer in zip(plans, weights, found, strict=True):
        inputs = [table[:, : plan.input_widths[0]]]
        if plan.n_inputs == 2:
            inputs.append(table[:, N_PLAIN : N_PLAIN + plan.input_widths[1]])
        (expected,) = evaluate_reference(plan, own, inputs)
        np.testing.assert_allclose(answer.T, expected, atol=1e-5, rtol=1e-5)


@given(level_plans(), level_plans())
def test_unpacking_undoes_packing(plan, other):
    weights, layout = drawn(plan), layout_of(plan, other)
    matrices = pack_weights(plan, weights, layout)
    again = unpack_weights(plan, matrices, layout)
    assert again.keys() == weights.keys()
    for key, values in weights.items():
        np.testing.assert_array_equal(again[key], values)


@given(level_plans(), level_plans())
def test_there_are_as_many_numbers_as_parameters(plan, other):
    layout = layout_of(plan, other)
    holes = holes_of(plan, layout)
    matrices = pack_weights(plan, drawn(plan), layout)
    n_scales = holes["scale"].sum()
    assert sum(hole.sum() for hole in holes.values()) - n_scales == plan.n_parameters
    assert n_scales == sum(plan.input_widths)
    assert matrices.keys() == holes.keys()
    for key, hole in holes.items():
        assert matrices[key].shape == hole.shape
        assert not matrices[key][~hole].any()


@given(level_plans())
def test_scales_become_part_of_kernels(plan):
    layout, weights = layout_of(plan), drawn(plan)
    matrices = pack_weights(plan, weights, layout)
    matrices["scale"] = matrices["scale"] * np.linspace(0, 2, N_FEATURES, dtype="f4")
    again = unpack_weights(plan, matrices, layout)
    rng = np.random.default_rng(0)
    inputs = [
        rng.normal(size=(N_ROWS, w)).astype(np.float32) for w in plan.input_widths
    ]
    alone = {key: value[None] for key, value in matrices.items()}
    found = forward(alone, features_of(plan, inputs), jax.numpy.tanh)[0]
    (expected,) = evaluate_reference(plan, again, inputs)
    np.testing.assert_allclose(found.T, expected, atol=1e-5, rtol=1e-5)


def dense(level, sources, width=4, activation="relu", steps=None, merge="concatenate"):
    wires = tuple(s if isinstance(s, Connection) else Connection(s) for s in sources)
    return Unit(level, wires, steps or (Dense(width, activation),), merge)


def plan_of(*units, widths=(3,), outputs=None):
    last = len(widths) + len(units) - 1
    return NetworkPlan(widths, units, outputs=(last,) if outputs is None else outputs)


def test_the_layout_is_the_smallest_for_all():
    deep = plan_of(dense(1, [0]), dense(2, [1]), dense(3, [1, 2], 2, "linear"))
    wide = plan_of(dense(1, [0], 4), dense(1, [0], 5), dense(2, [1, 2], 2, "linear"))
    layout = layout_of(deep, wide)
    assert (layout.n_ranks, layout.width, layout.n_outputs) == (2, 9, 2)
    assert (layout.n_plain, layout.n_features) == (N_PLAIN, N_FEATURES)


def test_ranks_are_by_what_units_read():
    plan = plan_of(
        dense(1, [0]),
        dense(1, [0]),
        dense(2, [1]),
        dense(2, [0, 3]),
        dense(3, [2, 4], 1),
    )
    assert ranks_of(plan) == [[1, 2], [3], [4]]


LAST = dense(2, [1], 1, "linear")
NOT_LEVELS = {
    "has no hidden unit": plan_of(dense(1, [0], 1)),
    "its last unit must be its only output": plan_of(
        dense(1, [0]), LAST, outputs=(1, 2)
    ),
    "has 3 inputs": plan_of(dense(1, [0, 1, 2]), dense(2, [3], 1), widths=(2, 2, 2)),
    "steps of unit 1 must be dense, then dropout": plan_of(
        dense(1, [0], steps=(Normalize(), Dense(4))), LAST
    ),
    "steps of output unit 2 must be one dense": plan_of(
        dense(1, [0]), dense(2, [1], steps=(Dense(1), Dropout(0.1)))
    ),
    "unit 1 reads through copies or gates": plan_of(
        dense(1, [Connection(0, copies=2)]), LAST
    ),
    "unit 2 reads through copies or gates": plan_of(
        dense(1, [0]), dense(2, [Connection(1, gate="tanh")], 1)
    ),
    "unit 3 adds what it reads": plan_of(
        dense(1, [0]), dense(1, [0]), dense(2, [1, 2], 1, merge="add")
    ),
    "unit 3 reads the second input below the first rank": plan_of(
        dense(1, [0]), dense(2, [1, 2]), dense(3, [3], 1), widths=(2, 2)
    ),
    "several activations": plan_of(
        dense(1, [0]), dense(2, [1], activation="tanh"), dense(3, [1, 2], 1)
    ),
}


@pytest.mark.parametrize("reason", NOT_LEVELS)
def test_networks_that_are_no_levels_are_refused(reason):
    with pytest.raises(LoweringError, match=reason):
        ranks_of(NOT_LEVELS[reason])


def test_all_that_is_wrong_is_listed():
    plan = plan_of(
        dense(1, [Connection(0, copies=2)]),
        dense(2, [1, 2], activation="tanh"),
        dense(3, [1, 3], steps=(Normalize(), Dense(1))),
        widths=(2, 2),
    )
    with pytest.raises(LoweringError) as error:
        ranks_of(plan)
    assert str(error.value).splitlines()[1:] == [
        "- unit 2 reads through copies or gates",
        "- unit 3 reads the second input below the first rank",
        "- the steps of output unit 4 must be one dense",
        "- its hidden units have several activations: ['relu', 'tanh']",
    ]


def test_plans_that_do_not_fit_together_are_refused():
    one, two = plan_of(dense(1, [0]), LAST), plan_of(dense(1, [0]), dense(2, [1], 2))
    with pytest.raises(LoweringError, match="differ in outputs"):
        layout_of(one, two)
    with pytest.raises(LoweringError, match="input 0 of a plan has 3 features"):
        common_level_layout([one], n_plain=2, n_features=9)
    both = plan_of(dense(1, [0, 1]), dense(2, [2], 1), widths=(3, 7))
    with pytest.raises(LoweringError, match="input 1 of a plan has 7 features"):
        common_level_layout([both], n_plain=8, n_features=14)


def test_glorot_weights_pack_too():
    plan = SPACES[0].sample(Ports((5,), (Output(2),)), np.random.default_rng(0)).plan
    weights, layout = initial_weights(plan, np.random.default_rng(0)), layout_of(plan)
    again = unpack_weights(plan, pack_weights(plan, weights, layout), layout)
    for key, values in weights.items():
        np.testing.assert_array_equal(again[key], values)
