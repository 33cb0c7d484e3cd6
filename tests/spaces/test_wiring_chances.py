"""The draws follow the probabilities that the rules state.

Every seed is fixed, so these tests give the same answer in each run; a correct
sampler fails one of them with probability 1e-6 when a seed is changed.
"""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from cerebros.spaces import (
    ExponentialDecay,
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    Skeleton,
    VerticalWiring,
)

ALPHA = 1e-6
NO_LATERALS = LateralWiring(probability=0)


def assert_frequencies(counts, probabilities):
    """`counts` may come from the probabilities, and holds nothing else."""
    assert set(counts) <= set(probabilities)
    n = sum(counts.values())
    expected = [n * probability for probability in probabilities.values()]
    assert min(expected) > 20, "too few draws for the test to say anything"
    observed = [counts[key] for key in probabilities]
    if len(observed) > 1:  # else the first line said all
        assert chisquare(observed, expected).pvalue > ALPHA


def uniform(values):
    return dict.fromkeys(values, 1 / len(values))


def wired(space, skeleton, n, *, seed):
    rng = np.random.default_rng(seed)
    return [space.sample_wiring(skeleton, rng) for _ in range(n)]


def ports(n_inputs=1, n_outputs=1):
    return Ports((2,) * n_inputs, (Output(1),) * n_outputs)


def test_sizes_are_uniform():
    space = RandomWiring(levels=(2, 6), units=(2, 5), neurons=(3, 9))
    rng = np.random.default_rng(1)
    hidden = [space.sample_architecture(ports(), rng).hidden for _ in range(3_000)]

    n_levels = Counter(len(levels) + 1 for levels in hidden)
    n_units = Counter(len(level) for levels in hidden for level in levels)
    neurons = Counter(n for levels in hidden for level in levels for n in level)
    assert_frequencies(n_levels, uniform(range(2, 7)))
    assert_frequencies(n_units, uniform(range(2, 6)))
    assert_frequencies(neurons, uniform(range(3, 10)))


def test_sizes_do_not_depend_on_each_other():
    space = RandomWiring(levels=(3, 3), units=(1, 2), neurons=(1, 2))
    rng = np.random.default_rng(2)
    hidden = [space.sample_architecture(ports(), rng).hidden for _ in range(3_000)]

    n_units = Counter((len(first), len(second)) for first, second in hidden)
    neurons = Counter((first[0], second[-1]) for first, second in hidden)
    pairs = uniform([(1, 1), (1, 2), (2, 1), (2, 2)])
    assert_frequencies(n_units, pairs)
    assert_frequencies(neurons, pairs)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_sources_are_uniform_and_drawn_with_replacement(level):
    """Two draws from five nodes of each level above."""
    space = RandomWiring(
        vertical=VerticalWiring(
            input_density=0.4, density=0.4, decay=ExponentialDecay(1.0)
        ),
        lateral=NO_LATERALS,
        copies="drawn",
    )
    skeleton = Skeleton(ports(n_inputs=5), hidden=((1,) * 5, (1,) * 5, (1,) * 5))
    reader = 5 * level  # the first unit of its level
    pairs = [[] for _ in range(level)]  # of each source level
    for draw in wired(space, skeleton, 3_000, seed=3):
        added = {(repair.reader, repair.node) for repair in draw.repairs}
        drawn = [[] for _ in range(level)]
        for c in draw.plan.unit(reader).connections:
            if (reader, c.source) not in added:
                drawn[c.source // 5] += [c.source] * c.copies
        for source_level, pair in enumerate(drawn):
            pairs[source_level].append(tuple(pair))

    for source_level, drawn in enumerate(pairs):
        nodes = range(5 * source_level, 5 * source_level + 5)
        same = {(a, a): 1 / 25 for a in nodes}
        unequal = {(a, b): 2 / 25 for a in nodes for b in nodes if a < b}
        assert_frequencies(Counter(drawn), same | unequal)


def test_units_of_a_level_draw_independently():
    """One draw from four inputs each."""
    space = RandomWiring(
        vertical=VerticalWiring(input_density=0.25), lateral=NO_LATERALS
    )
    skeleton = Skeleton(ports(n_inputs=4), hidden=((1, 1),))
    pairs = Counter()
    for draw in wired(space, skeleton, 3_000, seed=4):
        added = {(repair.reader, repair.node) for repair in draw.repairs}
        drawn = [
            (reader, c.source)
            for reader in (4, 5)
            for c in draw.plan.unit(reader).connections
            if (reader, c.source) not in added
        ]
        (_, one), (_, other) = drawn
        pairs[one, other] += 1
    assert_frequencies(pairs, uniform([(a, b) for a in range(4) for b in range(4)]))


def test_laterals_succeed_with_the_decayed_probability():
    """Three tries for each of the 15 pairs of six units, one at a time."""
    wiring = LateralWiring(
        probability=0.6,
        decay=ExponentialDecay(0.8),
        tries=3,
        max_consecutive=1_000,
        gate_after=None,
    )
    space = RandomWiring(lateral=wiring, copies="drawn")
    n = 2_000
    copies = Counter()  # (units in between, copies)
    for draw in wired(space, Skeleton(ports(), hidden=((1,) * 6,)), n, seed=5):
        for reader in range(1, 7):
            for c in draw.plan.unit(reader).connections:
                if c.source > 0:
                    copies[reader - c.source - 1, c.copies] += 1

    for between in range(5):
        n_tries = 3 * n * (5 - between)
        n_successes = sum(m * copies[between, m] for m in (1, 2, 3))
        p = 0.6 * 0.8**between
        assert binomtest(n_successes, n_tries, p).pvalue > ALPHA
        one, two, three = (copies[between, m] for m in (1, 2, 3))
        none = n_tries // 3 - one - two - three
        chances = {0: (1 - p) ** 3, 1: 3 * p * (1 - p) ** 2, 2: 3 * p**2 * (1 - p)}
        counts = Counter({0: none, 1: one, 2: two, 3: three})
        assert_frequencies(counts, chances | {3: p**3})


@pytest.mark.parametrize(
    ("min_skip", "max_skip", "levels_within_reach"),
    [(1, 9, (2, 3, 4)), (3, 3, (2, 4)), (2, 2, (2, 3)), (4, 9, (2,))],
)
def test_a_dead_end_gets_a_uniform_level_then_a_uniform_unit(
    min_skip, max_skip, levels_within_reach
):
    """Level 2 reads one of the two units of level 1, so the other is a dead end."""
    space = RandomWiring(
        vertical=VerticalWiring(
            density=0.01, rounding="floor", min_skip=min_skip, max_skip=max_skip
        ),
        lateral=NO_LATERALS,
    )
    skeleton = Skeleton(ports(n_outputs=3), hidden=((1, 1), (1,), (1, 1, 1, 1)))
    units = {2: [3], 3: [4, 5, 6, 7], 4: [8, 9, 10]}
    dead_ends, readers = Counter(), Counter()
    for draw in wired(space, skeleton, 2_000, seed=6):
        (repair,) = (repair for repair in draw.repairs if repair.node in (1, 2))
        dead_ends[repair.node] += 1
        readers[repair.reader] += 1

    assert_frequencies(dead_ends, uniform([1, 2]))
    p_level = 1 / len(levels_within_reach)
    chances = {
        unit: p_level / len(units[level])
        for level in levels_within_reach
        for unit in units[level]
    }
    assert_frequencies(readers, chances)
