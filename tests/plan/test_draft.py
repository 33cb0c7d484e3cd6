"""Writing networks by hand."""

import pytest

from cerebros.errors import PlanError
from cerebros.plan import Connection, Dense, Draft, NetworkPlan, Normalize, Unit


def test_a_draft_writes_the_plan_that_one_would_write_without_it():
    net = Draft()
    x, y = net.input(4), net.input(2)
    a = net.unit([x, y.times(2)], Normalize(), Dense(3, "elu"))
    b = net.unit([a.gated("tanh").times(3), x], Dense(1))
    assert net.plan([b, a]) == NetworkPlan(
        input_widths=(4, 2),
        units=(
            Unit(1, (Connection(0), Connection(1, 2)), (Normalize(), Dense(3, "elu"))),
            Unit(2, (Connection(2, 3, "tanh"), Connection(0)), (Dense(1),)),
        ),
        outputs=(3, 2),
    )


def levels(plan):
    return [unit.level for unit in plan.units]


def test_a_level_is_one_below_the_lowest_that_is_read():
    net = Draft()
    x = net.input(4)
    a = net.unit(x, Dense(2))
    b = net.unit(a, Dense(2))
    c = net.unit([x, b], Dense(2))
    d = net.unit([x, a], Dense(2))
    assert levels(net.plan(net.unit([c, d], Dense(1)))) == [1, 2, 3, 2, 4]


def test_a_given_level_makes_a_lateral_connection_and_counts_for_what_follows():
    net = Draft()
    a = net.unit(net.input(4), Dense(2))
    b = net.unit(a, Dense(2), level=1)
    c = net.unit(b, Dense(2), level=6)
    d = net.unit(c, Dense(1))
    assert levels(net.plan(d)) == [1, 1, 6, 7]


def test_inputs_may_be_declared_after_units():
    net = Draft()
    x = net.input(4)
    a = net.unit(x, Dense(3))
    y = net.input(2)
    b = net.unit([a, y], Dense(1))
    z = net.input(7)
    c = net.unit([z, b, x], Dense(2))
    plan = net.plan([b, c])
    assert plan.input_widths == (4, 2, 7)
    assert plan.units == (
        Unit(1, (Connection(0),), (Dense(3),)),
        Unit(2, (Connection(3), Connection(1)), (Dense(1),)),
        Unit(3, (Connection(2), Connection(4), Connection(0)), (Dense(2),)),
    )
    assert plan.outputs == (4, 5)


def test_times_and_gated_leave_the_node_as_it_was():
    net = Draft()
    x = net.input(4)
    x.times(3)
    x.gated("relu")
    plan = net.plan(net.unit([x, x.gated()], Dense(1)))
    assert plan.units[0].connections == (Connection(0), Connection(0, 1, "sigmoid"))


def test_one_draft_gives_many_plans():
    net = Draft()
    a = net.unit(net.input(4), Dense(3))
    first = net.plan(a)
    b = net.unit(a, Dense(1))
    assert net.plan(b).n_levels == 2
    assert net.plan([a, b]).output_widths == (3, 1)
    assert first.n_levels == 1
    assert net.plan(b) == net.plan(b)


def test_reads_and_outputs_may_be_any_iterable():
    net = Draft()
    inputs = [net.input(width) for width in (1, 2, 3)]
    total = net.unit((x for x in inputs), Dense(1))
    assert net.plan(node for node in [total]).input_widths == (1, 2, 3)


def test_merges_are_passed_on():
    net = Draft()
    x, y = net.input(4), net.input(4)
    assert net.plan(net.unit([x, y], merge="add")).output_widths == (4,)


def test_a_unit_reads_only_its_own_draft():
    net, other = Draft(), Draft()
    net.input(4)
    with pytest.raises(PlanError, match="a unit reads a node of another draft"):
        net.unit(other.input(4), Dense(1))


def test_a_plan_returns_only_its_own_draft():
    net, other = Draft(), Draft()
    net.unit(net.input(4), Dense(1))
    foreign = other.unit(other.input(4), Dense(1))
    with pytest.raises(PlanError, match="the plan returns a node of another draft"):
        net.plan(foreign)


def test_a_draft_lets_the_plan_find_what_is_wrong():
    net = Draft()
    x, y = net.input(4), net.input(3)
    net.unit([], Dense(1))
    a = net.unit([x, y, x], Dense(0), merge="add")
    with pytest.raises(PlanError) as caught:
        net.plan(a)
    message = str(caught.value)
    assert "unit 2 (level 1) reads nothing" in message
    assert "unit 3 (level 1) reads node 0 (gate None) in two connections" in message
    assert "dense width 0" in message
    assert "unequal widths (node 0: 4, node 1: 3)" in message
    assert "nothing reads node 2" in message


def test_an_input_is_no_output():
    net = Draft()
    x = net.input(4)
    net.unit(x, Dense(1))
    with pytest.raises(PlanError, match="output 0 is not a unit"):
        net.plan(x)


def test_an_empty_draft_is_no_network():
    with pytest.raises(PlanError, match="no input"):
        Draft().plan([])
