"""How many units are drawn from which level: the formula at chosen points."""

import numpy as np
import pytest

from cerebros.spaces import (
    ExponentialDecay,
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    Skeleton,
    TabulatedDecay,
    VerticalWiring,
)

HALVING = ExponentialDecay(0.5)


DOWN = {"rounding": "floor", "input_rounding": "floor"}
SPARSE = DOWN | {"density": 0.01, "input_density": 0.01}
THREE = {"min_skip": 3, "max_skip": 3}
TABLE = {"decay": TabulatedDecay((1.0, 0.0, 2.0)), "density": 1.0}

FORMULA = {  # settings, (level, source level, units there), draws
    "inputs": ({"input_density": 5.0}, (1, 0, 3), 15),
    "half of five inputs, up": ({"input_density": 0.5}, (1, 0, 5), 3),
    "half of five inputs, down": (DOWN | {"input_density": 0.5}, (1, 0, 5), 2),
    "half of five, up": ({"density": 0.5}, (3, 2, 5), 3),
    "half of five, down": (DOWN | {"density": 0.5}, (3, 2, 5), 2),
    "parents are undecayed": ({"density": 1.0}, (3, 2, 8), 8),
    "grandparents decay once": ({"density": 1.0}, (3, 1, 8), 4),
    "inputs of later levels decay": ({"density": 1.0}, (3, 0, 8), 2),
    "at least one input": (SPARSE, (1, 0, 5), 1),
    "at least one parent": (SPARSE, (2, 1, 5), 1),
    "maybe no grandparent": (SPARSE, (3, 1, 5), 0),
    "a parent is no skip": (THREE, (5, 4, 4), 3),
    "too near to skip": (THREE, (5, 3, 4), 0),
    "a skip": (THREE, (5, 2, 4), 1),
    "too far to skip": (THREE, (5, 1, 4), 0),
    "no skips": ({"max_skip": 1}, (5, 3, 4), 0),
    "0.3 * 10 is not a little more than 3": ({"density": 0.1 * 3}, (2, 1, 10), 3),
    "0.29 * 100 is not less than 29": (DOWN | {"density": 0.29}, (2, 1, 100), 29),
    "a table": (TABLE, (4, 3, 3), 3),
    "a table that says zero": (TABLE, (4, 2, 3), 0),
    "a table that says more than one": (TABLE, (4, 1, 3), 6),
    "past the end of a table": (TABLE, (6, 1, 3), 6),
}


@pytest.mark.parametrize(
    ("settings", "where", "expected"), FORMULA.values(), ids=FORMULA
)
def test_number_of_draws(settings, where, expected):
    wiring = VerticalWiring(**({"density": 0.7, "decay": HALVING} | settings))
    assert wiring.n_draws(*where) == expected


def test_draws_of_a_whole_network():
    """Two inputs, levels of 2, 3 and 1 units, one output; counted by hand."""
    space = RandomWiring(
        vertical=VerticalWiring(
            input_density=1.5, density=2.0, decay=HALVING, min_skip=2, max_skip=3
        ),
        lateral=LateralWiring(probability=0),
        copies="drawn",
    )
    ports = Ports(input_widths=(4, 4), outputs=(Output(1),))
    skeleton = Skeleton(ports, hidden=((1, 1), (1, 1, 1), (1,)))
    draw = space.sample_wiring(skeleton, np.random.default_rng(0))
    assert not draw.repairs  # so that all copies were drawn

    drawn = {}
    for node, unit in draw.plan.nodes():
        n = [0] * unit.level
        for c in unit.connections:
            n[draw.plan.level(c.source)] += c.copies
        drawn[node] = n
    assert drawn == {
        2: [3],
        3: [3],
        4: [2, 4],  # 2.0 × 0.5 × 2 inputs, 2.0 × 2 units
        5: [2, 4],
        6: [2, 4],
        7: [1, 2, 6],  # 2.0 × 0.25 × 2, 2.0 × 0.5 × 2, 2.0 × 3
        8: [0, 1, 3, 2],  # four levels are too far; 0.5 × 2, 1.0 × 3, 2.0 × 1
    }


def test_one_level_reads_the_inputs_only():
    ports = Ports(input_widths=(4, 2), outputs=(Output(1), Output(2)))
    for copies, expected in (("drawn", 6), ("distinct", 2)):
        space = RandomWiring(
            levels=(1, 1), vertical=VerticalWiring(input_density=3.0), copies=copies
        )
        plan = space.sample(ports, np.random.default_rng(1)).plan
        assert plan.n_levels == 1
        assert plan.outputs == (2, 3)
        assert {c.source for u in plan.units for c in u.connections} == {0, 1}
        assert [sum(c.copies for c in u.connections) for u in plan.units] == [
            expected
        ] * 2


def test_decays():
    assert [ExponentialDecay(0.5)(d) for d in range(4)] == [1, 0.5, 0.25, 0.125]
    assert [ExponentialDecay(1.0)(d) for d in range(3)] == [1, 1, 1]
    assert [TabulatedDecay((1.0, 0.5, 0.2))(d) for d in range(5)] == [
        1,
        0.5,
        0.2,
        0.2,
        0.2,
    ]
    tabulated = TabulatedDecay.of(lambda distance: 1 / (1 + distance), range(3))
    assert tabulated == TabulatedDecay((1.0, 0.5, 1 / 3))
    assert hash(tabulated) == hash(TabulatedDecay((1.0, 0.5, 1 / 3)))
