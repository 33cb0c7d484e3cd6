"""Lateral wiring against a slow second version, written from the rules in words."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.spaces import (
    ExponentialDecay,
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    Skeleton,
)


def laterals_by_the_book(size, wiring, rng):
    """(reader, source, is it gated) → times drawn; units by their place in the level.

    "Going through the level's units in order, a unit considers each unit before it,
    nearest first (x = 0, 1, … units in between), `tries` times each; a try succeeds
    with probability p · decay(x). Successes in a row within the level are counted; at
    `max_consecutive` the next try fails and the count restarts; a failed try restarts
    it too. After `gate_after` ungated lateral connections in a row the next one is
    gated. Direction right (as above) or left (mirror image)."
    """
    places = list(range(size))
    if wiring.direction == "left":
        places.reverse()
    laterals = Counter()
    successes = ungated = 0
    for place, reader in enumerate(places):
        nearest_first = places[:place][::-1]
        for x, source in enumerate(nearest_first):
            for _ in range(wiring.tries):
                succeeds = rng.random() < wiring.probability * wiring.decay(x)
                if successes == wiring.max_consecutive:
                    succeeds = False
                if not succeeds:
                    successes = 0
                    continue
                successes += 1
                is_gated = (
                    wiring.gate_after is not None and ungated >= wiring.gate_after
                )
                ungated = 0 if is_gated else ungated + 1
                laterals[reader, source, is_gated] += 1
    return laterals


def drawn_laterals(plan, node_at):
    """The same of a plan; `node_at` gives the number of the unit at each place."""
    place_of = {node: place for place, node in enumerate(node_at)}
    laterals = Counter()
    for reader in node_at:
        for c in plan.unit(reader).connections:
            if c.source in place_of:
                key = place_of[reader], place_of[c.source], c.gate is not None
                laterals[key] += c.copies
    return laterals


WIRINGS = st.builds(
    LateralWiring,
    probability=st.one_of(st.floats(0, 1), st.sampled_from([0, 1])),
    decay=st.builds(ExponentialDecay, st.floats(0.1, 1)),
    tries=st.integers(1, 20),
    max_consecutive=st.one_of(st.integers(1, 5), st.integers(1, 100)),
    gate_after=st.one_of(st.none(), st.integers(0, 5)),
    direction=st.sampled_from(["right", "left"]),
)


@given(WIRINGS, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_hidden_level_is_wired_by_the_book(wiring, size, seed):
    # With a single input nothing is to be chosen above, so that the first random
    # numbers are those of the laterals.
    ports = Ports(input_widths=(3,), outputs=(Output(1),))
    skeleton = Skeleton(ports, hidden=(tuple(range(1, size + 1)),))
    space = RandomWiring(lateral=wiring, copies="drawn")
    plan = space.sample_wiring(skeleton, np.random.default_rng(seed)).plan

    node_at = sorted(range(1, size + 1), key=lambda node: plan.widths[node])
    book = laterals_by_the_book(size, wiring, np.random.default_rng(seed))
    assert drawn_laterals(plan, node_at) == book


@given(WIRINGS, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_outputs_are_wired_by_the_book_when_asked_for(wiring, size, seed):
    ports = Ports((3,), tuple(Output(1) for _ in range(size)))
    for between_outputs in (True, False):
        lateral = replace(wiring, between_outputs=between_outputs)
        space = RandomWiring(levels=(1, 1), lateral=lateral, copies="drawn")
        plan = space.sample(ports, np.random.default_rng(seed)).plan
        rng = np.random.default_rng(seed)
        space.sample_architecture(ports, rng)
        book = (
            laterals_by_the_book(size, lateral, rng) if between_outputs else Counter()
        )
        assert drawn_laterals(plan, plan.outputs) == book


CERTAIN = {"probability": 1, "decay": ExponentialDecay(1.0)}


NEVER = {"gate_after": None}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(NEVER, "1←0 2←1 2←0 3←2 3←1 3←0", id="all pairs"),
        pytest.param({"gate_after": 0}, "1⇐0 2⇐1 2⇐0 3⇐2 3⇐1 3⇐0", id="all gated"),
        pytest.param(
            {"gate_after": 2}, "1←0 2←1 2⇐0 3←2 3←1 3⇐0", id="each third gated"
        ),
        pytest.param(
            NEVER | {"max_consecutive": 1}, "1←0 2←0 3←1", id="never two in a row"
        ),
        pytest.param(
            NEVER | {"max_consecutive": 2}, "1←0 2←1 3←2 3←1", id="never three in a row"
        ),
        pytest.param(
            {"max_consecutive": 2, "gate_after": 2},
            "1←0 2←1 3⇐2 3←1",
            id="a failed try does not restart the count of ungated ones",
        ),
        pytest.param(
            NEVER | {"max_consecutive": 1, "direction": "left"},
            "2←3 1←3 0←2",
            id="mirror image",
        ),
    ],
)
def test_four_units_that_always_connect(settings, expected):
    """Pairs are tried in the order 1←0, 2←1, 2←0, 3←2, 3←1, 3←0; ⇐ is gated."""
    wiring = LateralWiring(**CERTAIN, **settings)
    ports = Ports(input_widths=(3,), outputs=(Output(1),))
    space = RandomWiring(units=(4, 4), levels=(2, 2), lateral=wiring, copies="drawn")
    plan = space.sample(ports, np.random.default_rng(0)).plan
    node_at = [1, 2, 3, 4] if wiring.direction == "right" else [4, 3, 2, 1]
    laterals = drawn_laterals(plan, node_at)
    assert set(laterals.values()) == {1}
    shown = {f"{a}{'⇐' if gated else '←'}{b}" for a, b, gated in laterals}
    assert shown == set(expected.split())


def test_gated_and_plain_draws_of_one_pair_are_two_connections():
    wiring = LateralWiring(**CERTAIN, tries=5, gate_after=1, gate="tanh")
    space = RandomWiring(units=(2, 2), levels=(2, 2), lateral=wiring, copies="drawn")
    ports = Ports(input_widths=(3,), outputs=(Output(1),))
    plan = space.sample(ports, np.random.default_rng(0)).plan
    laterals = [(c.source, c.copies, c.gate) for c in plan.unit(2).connections[1:]]
    assert laterals == [(1, 3, None), (1, 2, "tanh")]


@pytest.mark.parametrize("copies", ["drawn", "distinct"])
def test_outputs_keep_their_order_when_laterals_go_left(copies):
    lateral = LateralWiring(**CERTAIN, direction="left", between_outputs=True)
    space = RandomWiring(levels=(1, 1), lateral=lateral, copies=copies)
    ports = Ports((3,), (Output(1), Output(2, "softmax"), Output(4)))
    plan = space.sample(ports, np.random.default_rng(0)).plan
    assert plan.output_widths == (1, 2, 4)
    left, middle, right = plan.outputs
    read = [[c.source for c in plan.unit(node).connections] for node in plan.outputs]
    assert read == [[0, right, middle], [0, right], [0]]
    assert left > middle > right
