"""Random search: trial n depends on the seed and on n."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import a_plan

from cerebros.search import GivenPlans, RandomSearch
from cerebros.spaces import Output, Ports, RandomWiring, VerticalWiring

PORTS = Ports((5, 2), (Output(1), Output(3, "softmax")))
SPACE = RandomWiring(levels=(1, 4), units=(1, 3), neurons=(1, 9))


def search(**changes):
    return RandomSearch(**{"space": SPACE, "ports": PORTS, **changes})


@given(
    st.integers(0, 2**60),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=6, unique=True),
    st.integers(1, 4),
)
def test_a_plan_depends_on_seed_and_number_alone(seed, numbers, n_wirings):
    strategy = search(n_wirings=n_wirings)
    together = strategy.propose([], numbers, seed=seed)
    one_by_one = [strategy.propose([], [n], seed=seed)[0] for n in reversed(numbers)]
    assert together == one_by_one[::-1]


def test_the_generator_of_the_process_is_left_alone():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    search().propose([], range(20), seed=1)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_seed_and_number_each_change_the_plan():
    strategy = search(space=replace(SPACE, levels=(3, 4), neurons=(1, 99)))
    seeds, numbers = range(20), range(20)
    draws = [
        draw for seed in seeds for draw in strategy.propose([], numbers, seed=seed)
    ]
    assert len({draw.plan for draw in draws}) == 400


@pytest.mark.parametrize("n_wirings", [1, 2, 5])
def test_the_wirings_of_an_architecture_share_its_units(n_wirings):
    strategy = search(n_wirings=n_wirings)
    draws = strategy.propose([], range(6 * n_wirings), seed=0)
    sizes = [[(unit.level, unit.steps) for unit in draw.plan.units] for draw in draws]
    groups = [sizes[i : i + n_wirings] for i in range(0, len(sizes), n_wirings)]
    for group in groups:
        assert all(size == group[0] for size in group)
    assert len({str(group[0]) for group in groups}) > 3
    if n_wirings > 1:
        large = max(range(6), key=lambda i: len(groups[i][0]))
        plans = draws[large * n_wirings : (large + 1) * n_wirings]
        assert len({draw.plan for draw in plans}) > 1


def test_plans_fit_the_ports():
    for draw in search().propose([], range(50), seed=0):
        assert draw.plan.input_widths == PORTS.input_widths
        assert [draw.plan.widths[node] for node in draw.plan.outputs] == [1, 3]


def test_repairs_are_handed_out():
    # So few connections that dead ends are certain.
    vertical = VerticalWiring(density=0.01)
    sparse = RandomWiring(levels=(4, 4), units=(4, 4), vertical=vertical)
    draws = search(space=sparse).propose([], range(5), seed=0)
    assert all(draw.repairs for draw in draws)


@pytest.mark.parametrize("n_wirings", [0, -1])
def test_there_is_at_least_one_wiring(n_wirings):
    with pytest.raises(
        ValueError, match=f"n_wirings must be >= 1, but got {n_wirings}"
    ):
        search(n_wirings=n_wirings)


def test_given_plans_are_trained_in_turns():
    one, two = a_plan(width=1), a_plan(width=2)
    draws = GivenPlans((one, two)).propose([], [0, 1, 2, 7], seed=3)
    assert [draw.plan for draw in draws] == [one, two, one, two]
    assert all(draw.repairs == () for draw in draws)


def test_given_plans_hold_at_least_one():
    with pytest.raises(ValueError, match="at least one plan"):
        GivenPlans(())
