"""Random valid plans, as a Hypothesis strategy."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from cerebros.plan import (
    ACTIVATIONS,
    GATES,
    Connection,
    Dense,
    Dropout,
    Merge,
    NetworkPlan,
    Normalize,
    Step,
    Unit,
)


@st.composite
def plans(
    draw: st.DrawFn,
    *,
    max_inputs: int = 3,
    max_outputs: int = 3,
    max_units: int = 8,
    max_width: int = 6,
    max_copies: int = 4,
    max_steps: int = 4,
    merges: Sequence[Merge] = ("concatenate", "add"),
    activations: Sequence[str] = tuple(sorted(ACTIVATIONS)),
    gates: Sequence[str] = tuple(sorted(GATES)),
    rates: st.SearchStrategy[float] | None = None,
) -> NetworkPlan:
    """Random valid plans, small enough to be trained in a test.

    Covers whatever a plan may hold: several inputs and outputs, outputs that are read
    as well, lateral connections, one source read plainly and through a gate, sums,
    units without a dense step or without any step, levels that leave a gap. Shrinks
    towards one unit that reads one input.

    Args:
        draw: given by Hypothesis; not an argument of the strategy.
        max_inputs: most inputs.
        max_outputs: most outputs.
        max_units: most units.
        max_width: most features of an input and neurons of a dense step.
        max_copies: most copies of a connection.
        max_steps: most steps of a unit.
        merges: merges to draw from; `concatenate` must be one of them.
        activations: activations of dense steps to draw from.
        gates: activations of gates to draw from; none if empty.
        rates: rates of dropout; by default any that is allowed. `st.just(0.0)` makes
            training deterministic.

    Returns:
        A strategy whose examples are plans.

    Example:
        >>> from hypothesis import find
        >>> plan = find(plans(), lambda plan: plan.units[0].merge == "add")
        >>> plan.n_inputs, len(plan.units)
        (1, 1)
    """
    if "concatenate" not in merges:
        raise ValueError(f"merges must hold 'concatenate', but is {merges!r}")
    widths = draw(st.lists(st.integers(1, max_width), min_size=1, max_size=max_inputs))
    n_inputs, n_units = len(widths), draw(st.integers(1, max_units))
    n_outputs = draw(st.integers(1, min(n_units, max_outputs)))
    n_nodes = n_inputs + n_units
    steps = _steps(max_width, max_steps, activations, rates)
    units: list[Unit] = []
    unread = set(range(n_inputs))

    for node in range(n_inputs, n_nodes):
        must_read: set[int] = set()
        if node == n_nodes - 1:  # whatever is still unread is read here or returned
            spared = [n for n in sorted(unread, reverse=True) if n >= n_inputs]
            must_read = unread - set(spared[: n_outputs - 1])
        merge, sources = draw(_sources(widths, must_read, merges))
        connections = draw(_connections(sources, max_copies, gates))
        width = _merge_width(merge, connections, widths)
        taken = draw(steps)
        dense = [step.width for step in taken if isinstance(step, Dense)]
        if not dense and width > 2 * max_width:  # else widths multiply unit by unit
            dense = [draw(st.integers(1, max_width))]
            taken = (*taken, Dense(dense[0], draw(st.sampled_from(activations))))
        levels = [units[s - n_inputs].level for s in sources if s >= n_inputs]
        level = draw(_levels(max(levels, default=0)))
        units.append(Unit(level, connections, taken, merge))
        widths.append(dense[-1] if dense else width)
        unread = (unread | {node}) - set(sources)

    extra = draw(st.sets(st.integers(n_inputs, n_nodes - 1), max_size=n_outputs))
    room = n_outputs - len(unread)
    returned = sorted(unread) + sorted(extra - unread)[: max(room, 0)]
    outputs = tuple(draw(st.permutations(returned)))
    return NetworkPlan(tuple(widths[:n_inputs]), tuple(units), outputs)


def _steps(
    max_width: int,
    max_steps: int,
    activations: Sequence[str],
    rates: st.SearchStrategy[float] | None,
) -> st.SearchStrategy[tuple[Step, ...]]:
    if rates is None:
        rates = st.floats(0, 1, exclude_max=True)
    dense = st.builds(Dense, st.integers(1, max_width), st.sampled_from(activations))
    step = st.one_of(
        dense, st.builds(Normalize, st.booleans()), st.builds(Dropout, rates)
    )
    return st.lists(step, max_size=max_steps).map(tuple)


@st.composite
def _sources(
    draw: st.DrawFn, widths: list[int], must_read: set[int], merges: Sequence[Merge]
) -> tuple[Merge, list[int]]:
    """How a unit merges, and what: at least `must_read`, and one node."""
    merge = draw(st.sampled_from(merges))
    nodes = list(range(len(widths)))
    if merge == "add":
        width = widths[min(must_read) if must_read else draw(st.sampled_from(nodes))]
        nodes = [node for node in nodes if widths[node] == width]
        if not must_read <= set(nodes):
            merge, nodes = "concatenate", list(range(len(widths)))
    chosen = draw(st.sets(st.sampled_from(nodes), max_size=3)) | must_read
    if not chosen:
        chosen = {draw(st.sampled_from(nodes))}
    return merge, draw(st.permutations(sorted(chosen)))


@st.composite
def _connections(
    draw: st.DrawFn, sources: list[int], max_copies: int, gates: Sequence[str]
) -> tuple[Connection, ...]:
    ways = [st.none(), st.sampled_from(gates)] if gates else [st.none()]
    return tuple(
        Connection(source, draw(st.integers(1, max_copies)), gate)
        for source in sources
        for gate in draw(st.lists(st.one_of(ways), min_size=1, max_size=2, unique=True))
    )


def _levels(highest_read: int) -> st.SearchStrategy[int]:
    """The next level, or the same (a lateral connection), or one below a gap."""
    return st.sampled_from([highest_read + 1, max(highest_read, 1), highest_read + 2])


def _merge_width(
    merge: Merge, connections: tuple[Connection, ...], widths: list[int]
) -> int:
    if merge == "add":
        return widths[connections[0].source]
    return sum(widths[c.source] * c.copies for c in connections)
