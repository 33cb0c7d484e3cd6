"""A reader for every node that nothing reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cerebros.spaces._space import Repair
from cerebros.spaces._vertical import Sources, VerticalWiring


def adopt_dead_ends(
    sources: Sequence[Sources],
    levels: Sequence[range],
    wiring: VerticalWiring,
    rng: np.random.Generator,
) -> tuple[Repair, ...]:
    """Give each node that no later level reads one random reader within reach.

    Lateral readers do not count: a signal must be able to go down. The level
    directly below is always within reach, so a reader always exists.

    Args:
        sources: what each unit reads, in order of their numbers; extended in place.
        levels: node numbers of every level, inputs first.
        wiring: says which distances are allowed.
        rng: the only source of randomness.

    Returns:
        What was added.
    """
    first_unit = levels[1].start
    read = {
        node
        for level in levels[1:]
        for unit in level
        for node, _ in sources[unit - first_unit]
        if node < level.start
    }
    repairs = []
    for depth, level in enumerate(levels[:-1]):
        for node in level:
            if node in read:
                continue
            below = [
                d for d in range(depth + 1, len(levels)) if wiring.allows(d - depth)
            ]
            readers = levels[below[rng.integers(len(below))]]
            reader = int(rng.integers(readers.start, readers.stop))
            sources[reader - first_unit][node, None] = 1
            repairs.append(Repair(node, reader))
    return tuple(repairs)
