"""A plan in words."""

from textwrap import dedent

import pytest
from hypothesis import given

from cerebros.plan import (
    Connection,
    Dense,
    Draft,
    Dropout,
    Normalize,
    describe_connection,
    describe_plan,
    describe_step,
    summarize_plan,
)
from cerebros.testing import plans


@pytest.fixture
def plan():
    net = Draft()
    table, text = net.input(12), net.input(1)
    a = net.unit(table.times(3), Normalize(), Dense(8, "elu"))
    b = net.unit([text, a.gated("sigmoid")], Dense(8, "elu"), level=1)
    c = net.unit([a, b.times(2)], Dropout(0.125), Dense(1000, "relu"), merge="add")
    through = net.unit(a, level=1)
    price = net.unit([c, through], Normalize(scale_shift=False), Dense(1))
    return net.plan([price, b])


def test_the_tree(plan):
    expected = """\
        12 + 1 → 3 levels, 5 units, 10,457 parameters → 1 + 8
        level 0
          input 0: 12 features
          input 1: 1 feature
        level 1
          unit 2: normalize → dense 8 elu
            reads 0 ×3 (36 features)
          unit 3: dense 8 elu, output
            reads 1, 2 through sigmoid (9 features)
          unit 5: passes on
            reads 2 (8 features)
        level 2
          unit 4: dropout 0.125 → dense 1000 relu
            adds 2, 3 ×2 (8 features)
        level 3
          unit 6: normalize (no scale and shift) → dense 1 linear, output
            reads 4, 5 (1,008 features)"""
    assert describe_plan(plan) == dedent(expected)


def test_the_line(plan):
    assert summarize_plan(plan) == (
        "12 + 1 → 3 levels, 5 units, 10,457 parameters → 1 + 8"
    )


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        (Connection(3), "3"),
        (Connection(3, 2), "3 ×2"),
        (Connection(3, 1, "tanh"), "3 through tanh"),
        (Connection(3, 2, "tanh"), "3 ×2 through tanh"),
    ],
)
def test_connections(connection, words):
    assert describe_connection(connection) == words


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Normalize(), "normalize"),
        (Normalize(scale_shift=False), "normalize (no scale and shift)"),
        (Dropout(0.5), "dropout 0.5"),
        (Dense(8), "dense 8 linear"),
    ],
)
def test_steps(step, words):
    assert describe_step(step) == words


@given(plans())
def test_the_tree_names_every_node_once(plan):
    lines = describe_plan(plan).splitlines()
    assert lines[0] == summarize_plan(plan)
    named = [line.split(":")[0].strip() for line in lines if ":" in line]
    inputs = [f"input {node}" for node in range(plan.n_inputs)]
    units = [f"unit {node}" for node, _ in plan.nodes()]
    assert sorted(named) == sorted(inputs + units)
