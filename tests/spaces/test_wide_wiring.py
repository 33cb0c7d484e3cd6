"""Spaces of few wide levels: valid plans, within their settings, from a seed alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.lowering.levels import ranks_of
from cerebros.plan import Dense, Dropout, plan_from_json, plan_to_json
from cerebros.spaces import Output, Ports, WideMLP, WideWiring

PORTS = Ports((5, 9), (Output(3, "softmax"),))
PLAIN = Ports((5,), (Output(1),))
SPACES = (WideWiring(), WideMLP(), WideMLP(is_residual=True))


def sampled(space, seed=0, ports=PORTS):
    return space.sample(ports, np.random.default_rng(seed)).plan


def reads(plan, node):
    return [wire.source for wire in plan.unit(node).connections]


def hidden_levels(plan):
    """Nodes by level, without the output."""
    levels = {}
    for node, unit in plan.nodes():
        levels.setdefault(unit.level, []).append(node)
    levels.pop(max(levels))
    return list(levels.values())


SETTINGS = {
    "levels": st.tuples(st.integers(1, 3), st.integers(3, 5)),
    "neurons": st.integers(1, 40),
    "activation": st.sampled_from(["mish", "relu", "tanh"]),
    "direct": st.booleans(),
    "dropout": st.sampled_from([0.0, 0.25]),
}


@st.composite
def spaces(draw):
    if draw(st.booleans()):
        return draw(
            st.builds(
                WideWiring,
                units=st.tuples(st.integers(1, 2), st.integers(2, 5)),
                skip=st.floats(0, 1),
                inputs=st.floats(0, 1),
                **SETTINGS,
            )
        )
    return draw(st.builds(WideMLP, is_residual=st.booleans(), **SETTINGS))


@given(spaces(), st.sampled_from([PORTS, PLAIN]), st.integers(0, 99))
def test_any_draw_keeps_to_its_settings(space, ports, seed):
    plan = sampled(space, seed, ports)
    assert plan == sampled(space, seed, ports)
    assert plan_from_json(plan_to_json(plan)) == plan
    assert plan.input_widths == ports.input_widths
    assert plan.output_widths == (ports.outputs[0].width,)
    levels = hidden_levels(plan)
    assert space.levels[0] <= len(levels) <= space.levels[1]
    for nodes in levels:
        low, high = getattr(space, "units", (1, 1))
        assert min(low, space.neurons) <= len(nodes) <= high
        assert sum(plan.widths[node] for node in nodes) <= space.neurons
        share = max(1, space.neurons // len(nodes))
        for node in nodes:
            assert max(1, share // 3) <= plan.widths[node] <= share
            dense = Dense(plan.widths[node], space.activation)
            dropout = (Dropout(space.dropout),) if space.dropout else ()
            assert plan.unit(node).steps == (dense, *dropout)
    hidden = [node for nodes in levels for node in nodes]
    inputs = range(plan.n_inputs) if space.direct else []
    assert reads(plan, plan.outputs[0]) == [*inputs, *hidden]
    for node in levels[0]:
        assert reads(plan, node) == list(range(plan.n_inputs))
    assert ranks_of(plan) == levels


@given(st.integers(0, 99), st.floats(0, 1))
def test_units_read_one_or_two_of_the_level_above(seed, skip):
    space = WideWiring(levels=(3, 3), units=(1, 4), skip=skip)
    plan = sampled(space, seed)
    levels = hidden_levels(plan)
    for depth, nodes in enumerate(levels[1:], start=1):
        for node in nodes:
            for above, sources in enumerate(levels[:depth]):
                n_read = len(set(reads(plan, node)) & set(sources))
                assert n_read <= 2
                assert n_read or above < depth - 1


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_probabilities_of_skips_and_inputs(probability):
    space = WideWiring(levels=(3, 3), skip=probability, inputs=probability)
    for seed in range(10):
        plan = sampled(space, seed)
        levels = hidden_levels(plan)
        for node in levels[2]:
            read = set(reads(plan, node))
            assert (0 in read) == bool(probability)
            assert bool(read & set(levels[0])) == bool(probability)
            assert 1 not in read  # encoded features


def test_layers_of_a_plain_network_follow_one_another():
    plan = sampled(WideMLP(levels=(3, 3), direct=False), ports=PLAIN)
    assert [reads(plan, node) for node in (1, 2, 3, 4)] == [[0], [1], [2], [1, 2, 3]]


def test_layers_of_a_residual_network_read_all_before():
    plan = sampled(WideMLP(levels=(3, 3), is_residual=True))
    read = [reads(plan, node) for node in (2, 3, 4)]
    assert read == [[0, 1], [0, 2], [0, 2, 3]]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_seeds_draw_different_plans(space):
    assert len({sampled(space, seed) for seed in range(20)}) > 15


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_an_architecture_is_drawn_before_its_wires(space):
    architecture = space.sample_architecture(PORTS, np.random.default_rng(3))
    sizes = [widths for level in architecture.hidden for widths in level]
    for seed in (3, 4):
        plan = space.sample_wiring(architecture, np.random.default_rng(seed)).plan
        assert list(plan.widths[2:-1]) == sizes
    rng = np.random.default_rng(3)
    parts = space.sample_wiring(space.sample_architecture(PORTS, rng), rng)
    assert parts.plan == sampled(space, 3)
    assert parts.repairs == ()


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"levels": (0, 2)}, "levels must be a closed range"),
        ({"levels": (3, 2)}, "levels must be a closed range"),
        ({"neurons": 0}, "neurons must be at least 1"),
        ({"activation": "mishh"}, "did you mean 'mish'"),
        ({"dropout": 1.0}, "dropout must hold 0 <= rate < 1"),
        ({"dropout": -0.1}, "dropout must hold 0 <= rate < 1"),
    ],
)
@pytest.mark.parametrize("kind", [WideWiring, WideMLP])
def test_impossible_settings_are_refused(kind, settings, match):
    with pytest.raises(ValueError, match=match):
        kind(**settings)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"units": (0, 1)}, "units must be a closed range"),
        ({"skip": 1.1}, "skip is a probability, but got 1.1"),
        ({"inputs": -0.1}, "inputs is a probability, but got -0.1"),
    ],
)
def test_impossible_wirings_are_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        WideWiring(**settings)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_several_outputs_are_refused(space):
    with pytest.raises(ValueError, match="one output"):
        sampled(space, ports=Ports((5,), (Output(1), Output(2))))
