"""Bad settings are refused when they are made: where, which rule, which value."""

import math

import numpy as np
import pytest

from cerebros import spaces
from cerebros.plan import GATES
from cerebros.spaces import (
    Draw,
    ExponentialDecay,
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    Repair,
    Skeleton,
    TabulatedDecay,
    VerticalWiring,
)

PORTS = Ports(input_widths=(3,), outputs=(Output(1),))

RANGE = "must be a closed range (low, high) of whole numbers with 1 <= low <= high"
PORTED = "a network needs at least one input and one output, each of width >= 1"
FILLED = "every level needs a unit, and every unit a neuron"

REFUSED = {
    "no levels": (
        lambda: RandomWiring(levels=(0, 2)),
        f"levels {RANGE}, but got (0, 2)",
    ),
    "units end before they begin": (
        lambda: RandomWiring(units=(4, 3)),
        f"units {RANGE}, but got (4, 3)",
    ),
    "half a neuron": (
        lambda: RandomWiring(neurons=(1.5, 2)),
        f"neurons {RANGE}, but got (1.5, 2)",
    ),
    "a number is no range": (
        lambda: RandomWiring(levels=3),
        f"levels {RANGE}, but got 3",
    ),
    "misspelt activation": (
        lambda: RandomWiring(activation="reluu"),
        "activation 'reluu' is not known; did you mean 'relu'? (known: celu, elu, ",
    ),
    "misspelt copies": (
        lambda: RandomWiring(copies="twice"),
        "copies must be 'drawn' or 'distinct', but got 'twice'",
    ),
    "everything dropped": (
        lambda: RandomWiring(dropout=1.0),
        "dropout must hold 0 <= rate < 1, but got 1.0",
    ),
    "no draw from inputs": (
        lambda: VerticalWiring(input_density=0),
        "input_density must be positive and finite, but got 0",
    ),
    "endless draws": (
        lambda: VerticalWiring(density=math.inf),
        "density must be positive and finite, but got inf",
    ),
    "misspelt input rounding": (
        lambda: VerticalWiring(input_rounding="up"),
        "input_rounding must be one of ('ceil', 'floor'), but got 'up'",
    ),
    "misspelt rounding": (
        lambda: VerticalWiring(rounding="round"),
        "rounding must be one of ('ceil', 'floor'), but got 'round'",
    ),
    "skips end before they begin": (
        lambda: VerticalWiring(min_skip=3, max_skip=2),
        "skips must hold 1 <= min_skip <= max_skip, but got min_skip=3, max_skip=2",
    ),
    "skips of nothing": (
        lambda: VerticalWiring(min_skip=0),
        "skips must hold 1 <= min_skip <= max_skip, but got min_skip=0, max_skip=7",
    ),
    "more than certain": (
        lambda: LateralWiring(probability=1.1),
        "probability must hold 0 <= p <= 1, but got 1.1",
    ),
    "no probability": (
        lambda: LateralWiring(probability=math.nan),
        "probability must hold 0 <= p <= 1, but got nan",
    ),
    "no tries": (
        lambda: LateralWiring(tries=0),
        "tries must be a whole number >= 1, but got 0",
    ),
    "half a try": (
        lambda: LateralWiring(tries=1.5),
        "tries must be a whole number >= 1, but got 1.5",
    ),
    "none in a row": (
        lambda: LateralWiring(max_consecutive=0),
        "max_consecutive must be a whole number >= 1, but got 0",
    ),
    "gates before the first": (
        lambda: LateralWiring(gate_after=-1),
        "gate_after must be a whole number >= 0 or None, but got -1",
    ),
    "misspelt gate": (
        lambda: LateralWiring(gate="sigmoidal"),
        "gate 'sigmoidal' is not known; did you mean 'sigmoid'? (known: celu, elu, ",
    ),
    "a gate needs one number": (
        lambda: LateralWiring(gate="softmax"),
        f"gate 'softmax' is not known (known: {', '.join(sorted(GATES))})",
    ),
    "misspelt direction": (
        lambda: LateralWiring(direction="down"),
        "direction must be 'right' or 'left', but got 'down'",
    ),
    "growth": (
        lambda: ExponentialDecay(1.2),
        "base must hold 0 < base <= 1, but got 1.2; 1 means that nothing decays",
    ),
    "sudden decay": (
        lambda: ExponentialDecay(0),
        "base must hold 0 < base <= 1, but got 0; 1 means that nothing decays",
    ),
    "empty table": (
        lambda: TabulatedDecay(()),
        "factors must hold at least one number, but is empty",
    ),
    "table that ends in nothing": (
        lambda: TabulatedDecay((1.0, -0.5, math.nan)),
        "factors must be finite and not negative, but got [-0.5, nan]",
    ),
    "misspelt output": (
        lambda: Output(1, "softmaxx"),
        "activation 'softmaxx' is not known; did you mean 'softmax'? (known: celu, ",
    ),
    "no input": (
        lambda: Ports((), (Output(1),)),
        f"{PORTED}, but got inputs () and outputs (Output(",
    ),
    "no output": (
        lambda: Ports((3,), ()),
        f"{PORTED}, but got inputs (3,) and outputs ()",
    ),
    "empty input": (
        lambda: Ports((3, 0), (Output(1),)),
        f"{PORTED}, but got inputs (3, 0) and outputs (Output(",
    ),
    "empty level": (
        lambda: Skeleton(PORTS, hidden=((2, 3), ())),
        f"{FILLED}, but level 2 has the widths ()",
    ),
    "empty unit": (
        lambda: Skeleton(PORTS, hidden=((2, 0),)),
        f"{FILLED}, but level 1 has the widths (2, 0)",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_settings_are_values():
    """Equal, hashable, and shown in full."""
    for make in (RandomWiring, VerticalWiring, LateralWiring):
        assert make() == make()
        assert hash(make()) == hash(make())
        assert eval(repr(make()), vars(spaces)) == make()


def test_a_repair_says_what_was_done():
    repair = Repair(node=2, reader=5)
    assert str(repair) == "unit 5 was made to read node 2, a dead end"


def test_the_skeleton_is_plain_and_counts_its_levels():
    skeleton = Skeleton(PORTS, hidden=((2, 3), (4,)))
    assert skeleton.n_levels == 3
    assert skeleton.level_sizes() == [1, 2, 1, 1]
    assert Skeleton(PORTS, hidden=()).n_levels == 1
    draw = RandomWiring().sample_wiring(skeleton, np.random.default_rng(0))
    assert isinstance(draw, Draw)
    assert draw.plan.widths == (3, 2, 3, 4, 1)
