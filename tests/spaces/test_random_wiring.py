"""What holds for every network that a random wiring draws, whatever its settings."""

import random
from collections import Counter
from dataclasses import replace
from graphlib import TopologicalSorter

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from cerebros.plan import ACTIVATIONS, GATES, Connection, Dense, Dropout, Normalize
from cerebros.spaces import (
    ExponentialDecay,
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    Repair,
    TabulatedDecay,
    VerticalWiring,
)


def ranges(most):
    """Closed ranges within 1 and `most`; often of one value."""
    bounds = st.tuples(st.integers(1, most), st.integers(1, most))
    return bounds.map(lambda pair: (min(pair), max(pair)))


@st.composite
def vertical_wirings(draw):
    min_skip = draw(st.integers(1, 8))
    return VerticalWiring(
        input_density=draw(DENSITIES),
        density=draw(DENSITIES),
        decay=draw(DECAYS),
        input_rounding=draw(ROUNDINGS),
        rounding=draw(ROUNDINGS),
        min_skip=min_skip,
        max_skip=draw(st.integers(min_skip, 9)),
    )


DENSITIES = st.one_of(st.just(0.01), st.floats(0.01, 3), st.sampled_from([0.5, 1.0]))
ROUNDINGS = st.sampled_from(["ceil", "floor"])
FACTORS = st.lists(st.floats(0, 1), min_size=1, max_size=6).map(tuple)
DECAYS = st.one_of(
    st.builds(ExponentialDecay, st.floats(0.01, 1)), st.builds(TabulatedDecay, FACTORS)
)
LATERALS = st.builds(
    LateralWiring,
    probability=st.one_of(st.floats(0, 1), st.sampled_from([0, 0.5, 1])),
    decay=DECAYS,
    tries=st.sampled_from([1, 2, 20]),
    max_consecutive=st.integers(1, 24),
    gate_after=st.one_of(st.none(), st.integers(0, 5)),
    gate=st.sampled_from(sorted(GATES)),
    direction=st.sampled_from(["right", "left"]),
    between_outputs=st.booleans(),
)
SPACES = st.builds(
    RandomWiring,
    levels=ranges(7),
    units=ranges(5),
    neurons=ranges(9),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    vertical=vertical_wirings(),
    lateral=LATERALS,
    copies=st.sampled_from(["drawn", "distinct"]),
    scale_shift=st.booleans(),
    dropout=st.sampled_from([0.0, 0.3]),
)
OUTPUTS = st.builds(Output, st.integers(1, 5), st.sampled_from(sorted(ACTIVATIONS)))
PORTS = st.builds(
    Ports,
    st.lists(st.integers(1, 50), min_size=1, max_size=6).map(tuple),
    st.lists(OUTPUTS, min_size=1, max_size=4).map(tuple),
)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(space, ports, seed):
    return space.sample(ports, np.random.default_rng(seed))


def levels_of(plan):
    """The nodes of each level; the inputs are level 0."""
    nodes = [[] for _ in range(plan.n_levels + 1)]
    for node in range(plan.n_nodes):
        nodes[plan.level(node)].append(node)
    return nodes


def downward(plan):
    """Every connection from level to level as (reader, connection, distance)."""
    for node, unit in plan.nodes():
        for c in unit.connections:
            if plan.level(c.source) != unit.level:
                yield node, c, unit.level - plan.level(c.source)


def sideways(plan):
    """Every lateral connection as (reader, connection)."""
    for node, unit in plan.nodes():
        for c in unit.connections:
            if plan.level(c.source) == unit.level:
                yield node, c


def is_within_reach(distance, vertical):
    return distance == 1 or vertical.min_skip <= distance <= vertical.max_skip


@given(SPACES, PORTS, SEEDS)
def test_sizes_and_steps_are_those_asked_for(space, ports, seed):
    plan = drawn(space, ports, seed).plan
    inputs, *hidden, last = levels_of(plan)

    assert plan.input_widths == ports.input_widths
    assert inputs == list(range(len(ports.input_widths)))
    assert space.levels[0] <= len(hidden) + 1 <= space.levels[1]
    assert all(space.units[0] <= len(level) <= space.units[1] for level in hidden)

    shown = [
        Dense(width=output.width, activation=output.activation)
        for output in ports.outputs
    ]
    assert sorted(plan.outputs) == last
    assert [plan.unit(node).steps[-1] for node in plan.outputs] == shown

    for node, unit in plan.nodes():
        normalize, *dropout, dense = unit.steps
        assert unit.merge == "concatenate"
        assert normalize == Normalize(space.scale_shift)
        assert dropout == ([Dropout(0.3)] if space.dropout else [])
        if node not in plan.outputs:
            assert space.neurons[0] <= dense.width <= space.neurons[1]
            assert dense.activation == space.activation


@given(SPACES, PORTS, SEEDS)
def test_every_unit_reads_something_of_the_level_above(space, ports, seed):
    plan = drawn(space, ports, seed).plan
    readers = {node for node, _, distance in downward(plan) if distance == 1}
    assert readers == {node for node, _ in plan.nodes()}


@given(SPACES, PORTS, SEEDS)
def test_every_node_is_read_from_below_within_reach(space, ports, seed):
    plan = drawn(space, ports, seed).plan
    read = {
        c.source
        for _, c, distance in downward(plan)
        if is_within_reach(distance, space.vertical)
    }
    assert read == set(range(plan.n_nodes)) - set(plan.outputs)


@given(SPACES, PORTS, SEEDS)
def test_only_nodes_within_reach_are_read_and_never_through_a_gate(space, ports, seed):
    for _, c, distance in downward(drawn(space, ports, seed).plan):
        assert is_within_reach(distance, space.vertical)
        assert c.gate is None


@given(SPACES, PORTS, SEEDS)
def test_there_is_no_cycle(space, ports, seed):
    plan = drawn(space, ports, seed).plan
    sources = {
        node: [c.source for c in unit.connections] for node, unit in plan.nodes()
    }
    order = list(TopologicalSorter(sources).static_order())  # raises at a cycle
    assert len(order) == plan.n_nodes


@given(SPACES, PORTS, SEEDS)
def test_vertical_draws_are_counted_by_the_formula(space, ports, seed):
    draw = drawn(replace(space, copies="drawn"), ports, seed)
    plan, vertical = draw.plan, space.vertical
    copies = Counter()
    for node, c, distance in downward(plan):
        copies[node, distance] += c.copies
    for repair in draw.repairs:
        copies[repair.reader, plan.level(repair.reader) - plan.level(repair.node)] -= 1

    sizes = [len(level) for level in levels_of(plan)]
    for node, unit in plan.nodes():
        for distance in range(1, unit.level + 1):
            n_above = sizes[unit.level - distance]
            if not is_within_reach(distance, vertical):
                asked, rounding = 0, "floor"
            elif unit.level == 1:
                asked, rounding = (
                    vertical.input_density * n_above,
                    vertical.input_rounding,
                )
            else:
                decayed = vertical.density * vertical.decay(distance - 1)
                asked, rounding = decayed * n_above, vertical.rounding
            assert_rounded(copies[node, distance], asked, rounding, distance)


def assert_rounded(count, asked, rounding, distance):
    """`count` is the whole number next to `asked`; rounding errors do not matter."""
    if distance == 1 and asked < 1:
        assert count == 1
    elif rounding == "ceil":
        assert asked - 1e-9 <= count < asked + 1 - 1e-10
    else:
        assert asked - 1 + 1e-10 < count <= asked + 1e-9


@given(SPACES, PORTS, SEEDS)
def test_repairs_name_exactly_what_was_added(space, ports, seed):
    draw = drawn(replace(space, copies="drawn"), ports, seed)
    event(f"{min(len(draw.repairs), 5)} repairs")
    readers = {}
    for node, c, _ in downward(draw.plan):
        readers.setdefault(c.source, []).append(Repair(c.source, node))
    for repair in draw.repairs:
        assert readers[repair.node] == [repair]  # no other level below had read it
        unit = draw.plan.unit(repair.reader)
        assert Connection(repair.node, copies=1) in unit.connections
    nodes = [repair.node for repair in draw.repairs]
    assert nodes == sorted(set(nodes))
    # That nothing else was added is counted by the test of the formula.


@given(SPACES, PORTS, SEEDS)
def test_laterals_stay_in_their_level_and_its_order(space, ports, seed):
    plan = drawn(replace(space, copies="drawn"), ports, seed).plan
    pairs = Counter()
    for node, c in sideways(plan):
        assert c.source < node
        assert c.gate in (None, space.lateral.gate)
        assert node not in plan.outputs or space.lateral.between_outputs
        pairs[c.source, node] += c.copies
    assert all(copies <= space.lateral.tries for copies in pairs.values())


@given(SPACES, PORTS, SEEDS)
def test_one_lateral_in_so_many_is_gated(space, ports, seed):
    plan = drawn(replace(space, copies="drawn"), ports, seed).plan
    laterals, gated = Counter(), Counter()
    for node, c in sideways(plan):
        laterals[plan.level(node)] += c.copies
        gated[plan.level(node)] += c.copies if c.gate else 0
    gate_after = space.lateral.gate_after
    for level, n in laterals.items():
        assert gated[level] == (0 if gate_after is None else n // (gate_after + 1))


@given(SPACES, PORTS, SEEDS)
def test_distinct_copies_are_the_same_draw_read_once(space, ports, seed):
    draw = drawn(replace(space, copies="drawn"), ports, seed)
    distinct = drawn(replace(space, copies="distinct"), ports, seed)
    once = tuple(
        replace(u, connections=tuple(replace(c, copies=1) for c in u.connections))
        for u in draw.plan.units
    )
    assert distinct.plan == replace(draw.plan, units=once)
    assert distinct.repairs == draw.repairs


@given(SPACES, PORTS, SEEDS)
def test_the_seed_decides_and_global_random_state_is_left_alone(space, ports, seed):
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    rng = np.random.default_rng(seed)
    draw = space.sample_wiring(space.sample_architecture(ports, rng), rng)
    again = drawn(space, ports, seed)
    assert again == draw
    assert hash(again) == hash(draw)
    now = random.getstate(), np.random.get_state()  # noqa: NPY002
    np.testing.assert_equal(now, state)


@given(SPACES, PORTS, st.tuples(SEEDS, SEEDS))
def test_several_wirings_of_one_architecture_share_its_sizes(space, ports, seeds):
    architecture = space.sample_architecture(ports, np.random.default_rng(0))
    one, other = (
        space.sample_wiring(architecture, np.random.default_rng(seed)).plan
        for seed in seeds
    )
    assert one.widths == other.widths
    assert [u.level for u in one.units] == [u.level for u in other.units]
    mirrored = space.lateral.direction == "left"
    expected = [
        w for level in architecture.hidden for w in (level[::-1] if mirrored else level)
    ]
    assert list(one.widths[one.n_inputs : one.n_nodes - len(ports.outputs)]) == expected
