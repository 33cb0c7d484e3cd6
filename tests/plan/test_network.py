"""The rules of a plan: what is refused and in which words, and what a plan tells."""

import copy
import dataclasses
import pickle
import re
from types import SimpleNamespace

import pytest
from hypothesis import given

from cerebros.errors import CerebrosError, PlanError
from cerebros.plan import (
    ACTIVATIONS,
    GATES,
    Connection,
    Dense,
    Dropout,
    NetworkPlan,
    Normalize,
    Unit,
)
from cerebros.testing import plans

ONE_NEURON = (Dense(1),)


def unit(*reads, steps=ONE_NEURON, level=1, merge="concatenate"):
    connections = tuple(Connection(r) if isinstance(r, int) else r for r in reads)
    return Unit(level, connections, steps, merge)


def plan(*units, inputs=(4,), outputs=None):
    if outputs is None:
        outputs = (len(inputs) + len(units) - 1,)
    return NetworkPlan(inputs, units, outputs)


BROKEN = {
    "no input": (lambda: plan(unit(), inputs=()), ["no input", "at least one"]),
    "no unit": (lambda: plan(outputs=()), ["no unit", "at least one"]),
    "input width 0": (
        lambda: plan(unit(0), inputs=(0,)),
        ["input 0 has width 0", "int ≥ 1"],
    ),
    "input width is a float": (
        lambda: plan(unit(0, 1), inputs=(3, 4.0)),
        ["input 1 has width 4.0", "int ≥ 1"],
    ),
    "input width is a bool": (
        lambda: plan(unit(0), inputs=(True,)),
        ["input 0 has width True", "int ≥ 1"],
    ),
    "inputs are a list": (
        lambda: NetworkPlan([4], (unit(0),), (1,)),
        ["input_widths is a list", "must be a tuple"],
    ),
    "units are a list": (
        lambda: NetworkPlan((4,), [unit(0)], (1,)),
        ["units is a list", "must be a tuple"],
    ),
    "outputs are a number": (
        lambda: NetworkPlan((4,), (unit(0),), 1),
        ["outputs is a int", "must be a tuple"],
    ),
    "a unit is something else": (
        lambda: plan(unit(0), "dense"),
        ["units[1] is 'dense'", "must be a Unit"],
    ),
    "connections are a list": (
        lambda: plan(Unit(1, [Connection(0)], (Dense(1),))),
        ["units[0].connections is [Connection(", "must be a tuple"],
    ),
    "a connection is a number": (
        lambda: plan(Unit(1, (0,), (Dense(1),))),
        ["units[0].connections holds 0", "must hold Connections"],
    ),
    "steps are a list": (
        lambda: plan(unit(0, steps=[Dense(1)])),
        ["units[0].steps is [Dense(", "must be a tuple"],
    ),
    "level 0": (
        lambda: plan(unit(0, level=0)),
        ["unit 1 (level 0)", "level ≥ 1", "level 0 holds the inputs"],
    ),
    "level is a bool": (
        lambda: plan(unit(0, level=True)),
        ["unit 1 (level True)", "level ≥ 1"],
    ),
    "unknown merge": (
        lambda: plan(unit(0, merge="sum")),
        ["unit 1 (level 1) merges by 'sum'", "'concatenate'", "'add'"],
    ),
    "reads nothing": (
        lambda: plan(unit(0), unit(level=2), outputs=(1, 2)),
        ["unit 2 (level 2) reads nothing", "connect it or remove it"],
    ),
    "reads itself": (
        lambda: plan(unit(0, 1)),
        ["unit 1 (level 1) reads node 1", "numbered below its own"],
    ),
    "reads a later unit": (
        lambda: plan(unit(0, 2), unit(1, level=2)),
        ["unit 1 (level 1) reads node 2", "numbered below its own"],
    ),
    "reads a negative node": (
        lambda: plan(unit(0, -1)),
        ["unit 1 (level 1) reads node -1", "numbered below its own"],
    ),
    "reads a node by a float": (
        lambda: plan(unit(0, Connection(0.0))),
        ["unit 1 (level 1) reads node 0.0", "numbered below its own"],
    ),
    "source does not hash": (
        lambda: plan(unit(0, Connection([0]))),
        ["unit 1 (level 1) reads node [0]", "numbered below its own"],
    ),
    "copies 0": (
        lambda: plan(unit(Connection(0, copies=0))),
        ["unit 1 (level 1) reads node 0 with copies 0", "int ≥ 1"],
    ),
    "copies are a bool": (
        lambda: plan(unit(Connection(0, copies=True))),
        ["unit 1 (level 1) reads node 0 with copies True", "int ≥ 1"],
    ),
    "unknown gate": (
        lambda: plan(unit(Connection(0, gate="sigmoyd"))),
        ["unit 1 (level 1) reads node 0", "gate 'sigmoyd'", "did you mean 'sigmoid'?"],
    ),
    "a gate over all features": (
        lambda: plan(unit(Connection(0, gate="softmax"))),
        ["reads node 0 through a gate", "'softmax' is not known", "hard_tanh, "],
    ),
    "gate does not hash": (
        lambda: plan(unit(Connection(0, gate=["relu"]))),
        ["reads node 0 through a gate", "gate ['relu'] is not known"],
    ),
    "one source in two connections": (
        lambda: plan(unit(0, Connection(0, copies=2))),
        ["reads node 0 (gate None) in two connections", "with more copies"],
    ),
    "one gated source in two connections": (
        lambda: plan(unit(Connection(0, gate="tanh"), Connection(0, 2, "tanh"))),
        ["reads node 0 (gate tanh) in two connections", "with more copies"],
    ),
    "dense width 0": (
        lambda: plan(unit(0, steps=(Dense(0),))),
        ["unit 1 (level 1): dense width 0", "int ≥ 1"],
    ),
    "dense width is text": (
        lambda: plan(unit(0, steps=(Dense("8"),))),
        ["unit 1 (level 1): dense width '8'", "int ≥ 1"],
    ),
    "unknown activation": (
        lambda: plan(unit(0, steps=(Dense(1, "reluu"),))),
        ["unit 1 (level 1): activation 'reluu' is not known", "did you mean 'relu'?"],
    ),
    "activation does not hash": (
        lambda: plan(unit(0, steps=(Dense(1, {"name": "relu"}),))),
        ["unit 1 (level 1): activation {'name': 'relu'} is not known"],
    ),
    "activation None": (
        lambda: plan(unit(0, steps=(Dense(1, None),))),
        ["unit 1 (level 1): activation None is not known", "linear"],
    ),
    "dropout rate 1": (
        lambda: plan(unit(0, steps=(Dropout(1.0), Dense(1)))),
        ["unit 1 (level 1): dropout rate 1.0", "0 ≤ rate < 1"],
    ),
    "dropout rate below 0": (
        lambda: plan(unit(0, steps=(Dropout(-0.1), Dense(1)))),
        ["dropout rate -0.1", "0 ≤ rate < 1"],
    ),
    "dropout rate is not a number": (
        lambda: plan(unit(0, steps=(Dropout(float("nan")), Dense(1)))),
        ["dropout rate nan", "0 ≤ rate < 1"],
    ),
    "dropout rate is a bool": (
        lambda: plan(unit(0, steps=(Dropout(False), Dense(1)))),
        ["dropout rate False", "a rate is a float"],
    ),
    "scale_shift is a number": (
        lambda: plan(unit(0, steps=(Normalize(1),))),
        ["unit 1 (level 1): scale_shift 1", "True or False"],
    ),
    "a step is text": (
        lambda: plan(unit(0, steps=("relu",))),
        ["unit 1 (level 1): step 'relu'", "Normalize, Dropout or Dense"],
    ),
    "a sum of unequal widths": (
        lambda: plan(unit(0, 1, merge="add"), inputs=(4, 5)),
        [
            "unit 2 (level 1) adds nodes of unequal widths (node 0: 4, node 1: 5)",
            "concatenate them, or make the widths equal",
        ],
    ),
    "a sum of unequal widths of units": (
        lambda: plan(
            unit(0, steps=(Dense(3), Normalize())),
            unit(0, 1, steps=()),
            unit(1, 2, level=2, merge="add"),
        ),
        ["unit 3 (level 2) adds nodes of unequal widths (node 1: 3, node 2: 7)"],
    ),
    "no output": (
        lambda: plan(unit(0), outputs=()),
        ["there is no output", "name the nodes"],
    ),
    "output is an input": (
        lambda: plan(unit(0), outputs=(0, 1)),
        ["output 0 is not a unit", "numbered 1 to 1"],
    ),
    "output is beyond the last unit": (
        lambda: plan(unit(0), outputs=(1, 2)),
        ["output 2 is not a unit", "numbered 1 to 1"],
    ),
    "output does not hash": (
        lambda: plan(unit(0), outputs=(1, [1])),
        ["output [1] is not a unit"],
    ),
    "output is a bool": (
        lambda: plan(unit(0), outputs=(True,)),
        ["output True is not a unit", "nothing reads node 1"],
    ),
    "output named twice": (
        lambda: plan(unit(0), outputs=(1, 1)),
        ["outputs (1, 1) name a node twice"],
    ),
    "unread unit": (
        lambda: plan(unit(0), unit(0, level=2)),
        ["nothing reads node 1", "connect it or remove it, or make it an output"],
    ),
    "unread input": (
        lambda: plan(unit(1), inputs=(4, 4)),
        ["nothing reads node 0; connect it or remove it"],
    ),
}


@pytest.mark.parametrize(("build", "fragments"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_refused_and_named(build, fragments):
    with pytest.raises(PlanError) as caught:
        build()
    message = str(caught.value)
    assert message.startswith("This plan is not a network:\n- ")
    for fragment in fragments:
        assert fragment in message


def problems_of(build):
    with pytest.raises(PlanError) as caught:
        build()
    return str(caught.value).split("\n- ")[1:]


@pytest.mark.parametrize(
    "name",
    [
        "level 0",
        "unknown merge",
        "reads itself",
        "copies 0",
        "unknown gate",
        "one source in two connections",
        "dense width 0",
        "unknown activation",
        "dropout rate 1",
        "a step is text",
        "a sum of unequal widths",
        "output named twice",
        "unread unit",
        "unread input",
    ],
)
def test_one_mistake_is_one_problem(name):
    build, _ = BROKEN[name]
    assert len(problems_of(build)) == 1


def test_all_problems_are_listed_at_once():
    problems = problems_of(
        lambda: plan(
            unit(Connection(0, 0, "sigmoyd"), 5, level=0),
            unit(0, 1, steps=(Dropout(2), Dense(0, "reluu"), 7), level=2, merge="add"),
            unit(0, 1, merge="add", steps=()),
            unit(merge="sum"),
            inputs=(4, -1, 3),
            outputs=(0, 5, 5),
        )
    )
    assert [re.split(r",| \(known", problem)[0] for problem in problems] == [
        "input 1 has width -1",
        "unit 3 (level 0) must stand in a level ≥ 1; level 0 holds the inputs",
        "unit 3 (level 0) reads node 0 with copies 0",
        "unit 3 (level 0) reads node 0 through a gate",
        "unit 3 (level 0) reads node 5",
        "unit 4 (level 2): dropout rate 2",
        "unit 4 (level 2): dense width 0",
        "unit 4 (level 2): activation 'reluu' is not known; did you mean 'relu'?",
        "unit 4 (level 2): step 7",
        "unit 6 (level 1) merges by 'sum'",
        "unit 6 (level 1) reads nothing; connect it or remove it",
        "output 0 is not a unit; the units are numbered 3 to 6",
        "outputs (0",
        "nothing reads node 2; connect it or remove it",
        "nothing reads node 3; connect it or remove it",
        "nothing reads node 4; connect it or remove it",
        "nothing reads node 6; connect it or remove it",
    ]


def test_unequal_sums_are_listed_beside_other_problems():
    problems = problems_of(
        lambda: plan(
            unit(0, steps=(Dense(3, "reluu"),)),
            unit(0, 1, level=2, merge="add"),
            unit(0, 1, 2, level=2, merge="add"),
        )
    )
    assert len(problems) == 3
    assert "did you mean 'relu'?" in problems[0]
    assert "unit 2 (level 2) adds" in problems[1]
    assert "(node 0: 4, node 1: 3)" in problems[1]
    assert "(node 0: 4, node 1: 3, node 2: 1)" in problems[2]


def test_a_mistake_does_not_make_a_sum_wrong():
    """A width that cannot be told is not reported as unequal."""
    problems = problems_of(
        lambda: plan(
            unit(Connection(0, copies=0), steps=()), unit(0, 1, level=2, merge="add")
        )
    )
    assert len(problems) == 1
    assert "copies 0" in problems[0]


def test_the_error_is_a_value_error_of_this_project():
    assert issubclass(PlanError, CerebrosError)
    assert issubclass(PlanError, ValueError)


def test_gates_are_activations_of_one_number():
    assert GATES < ACTIVATIONS
    over_all_features = ACTIVATIONS - GATES
    assert over_all_features == {"softmax", "log_softmax"}


@pytest.mark.parametrize("gate", sorted(GATES))
def test_every_gate_is_accepted(gate):
    assert plan(unit(Connection(0, gate=gate))).n_parameters == 5


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_is_accepted(activation):
    assert plan(unit(0, steps=(Dense(2, activation),))).output_widths == (2,)


def test_one_source_may_be_read_plainly_and_through_gates():
    made = plan(
        unit(0, Connection(0, gate="sigmoid"), Connection(0, 2, gate="tanh"), steps=())
    )
    assert made.output_widths == (16,)


def test_levels_order_nothing():
    made = plan(unit(0, level=5), unit(1, level=2), unit(0, 2, level=9))
    assert (made.n_levels, made.level(0), made.level(1)) == (9, 0, 5)


def test_an_output_may_be_read_too():
    made = plan(unit(0, steps=(Dense(2),)), unit(1, level=2), outputs=(2, 1))
    assert made.output_widths == (1, 2)


@pytest.fixture
def made():
    """Every kind of step and connection once."""
    return plan(
        unit(0, Connection(1, copies=3), steps=(Normalize(), Dense(5, "elu"))),
        unit(2, Connection(2, 2, "sigmoid"), steps=(), level=1),
        unit(
            2,
            Connection(2, 4, "tanh"),
            steps=(Dropout(0.5), Dense(3), Normalize(scale_shift=False)),
            level=2,
            merge="add",
        ),
        unit(3, 4, steps=(Dense(1, "sigmoid"),), level=3),
        inputs=(4, 2),
    )


def test_widths_and_counts(made):
    assert made.widths == (4, 2, 5, 15, 3, 1)
    assert (made.n_inputs, made.n_nodes, made.n_levels) == (2, 6, 3)
    assert made.output_widths == (1,)
    assert [node for node, _ in made.nodes()] == [2, 3, 4, 5]
    assert made.unit(4).merge == "add"
    assert [made.merge_width(node) for node in (2, 3, 4, 5)] == [10, 15, 5, 18]


def test_steps_come_with_the_width_that_enters_them(made):
    assert list(made.steps(2)) == [(Normalize(), 10), (Dense(5, "elu"), 10)]
    assert list(made.steps(3)) == []
    assert list(made.steps(4)) == [
        (Dropout(0.5), 5),
        (Dense(3), 5),
        (Normalize(scale_shift=False), 3),
    ]


def test_parameters_count_kernels_biases_scales_and_shifts(made):
    first = 2 * 10 + (10 * 5 + 5)  # normalization, then the dense step
    third = 5 * 3 + 3  # normalization without scale and shift has none
    last = 18 + 1
    assert made.n_parameters == first + third + last


@given(plans())
def test_widths_follow_from_the_steps(plan):
    for node, unit in plan.nodes():
        width = plan.merge_width(node)
        for step, entering in plan.steps(node):
            assert entering == width
            width = step.width if isinstance(step, Dense) else width
        assert plan.widths[node] == width
        read = [plan.widths[c.source] * c.copies for c in unit.connections]
        if unit.merge == "concatenate":
            assert plan.merge_width(node) == sum(read)


@given(plans())
def test_equal_plans_are_equal_values_and_hash_alike(plan):
    again = NetworkPlan(plan.input_widths, copy.deepcopy(plan.units), plan.outputs)
    assert again == plan
    assert again is not plan
    assert hash(again) == hash(plan)
    assert {plan: "found"}[again] == "found"
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert dataclasses.replace(plan).widths == plan.widths


@pytest.mark.parametrize(
    "other",
    [
        plan(unit(0), inputs=(5,)),
        plan(unit(0, level=2)),
        plan(unit(0, merge="add")),
        plan(unit(Connection(0, copies=2))),
        plan(unit(Connection(0, gate="linear"))),
        plan(unit(0, steps=(Dense(2),))),
        plan(unit(0, steps=(Dense(1, "relu"),))),
        plan(unit(0, steps=(Normalize(), Dense(1)))),
        plan(unit(0, steps=(Dropout(0.1), Dense(1)))),
    ],
)
def test_any_difference_makes_plans_unequal(other):
    assert other != plan(unit(0))
    assert len({other, plan(unit(0))}) == 2


def test_the_order_of_connections_units_and_outputs_counts():
    one = plan(unit(0, 1), unit(1, 0), inputs=(2, 2), outputs=(2, 3))
    assert one != plan(unit(1, 0), unit(0, 1), inputs=(2, 2), outputs=(2, 3))
    assert one != plan(unit(0, 1), unit(1, 0), inputs=(2, 2), outputs=(3, 2))


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (plan(unit(0)), "outputs"),
        (plan(unit(0)), "widths"),
        (unit(0), "level"),
        (Connection(0), "copies"),
        (Dense(1), "width"),
        (Dropout(0.1), "rate"),
        (Normalize(), "scale_shift"),
    ],
)
def test_nothing_can_be_changed(part, field):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(part, field, 2)
    assert not hasattr(part, "__dict__")


def test_replacing_a_part_checks_again():
    good = plan(unit(0))
    with pytest.raises(PlanError, match="nothing reads node 1"):
        dataclasses.replace(good, units=(unit(0), unit(0)), outputs=(2,))


def test_a_stranger_with_the_right_attributes_is_no_unit():
    stranger = SimpleNamespace(level=1, connections=(), steps=(), merge="add")
    with pytest.raises(PlanError, match="must be a Unit"):
        plan(stranger)
