"""A network as plain, immutable, checked data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from cerebros.errors import PlanError
from cerebros.plan._activations import ACTIVATIONS, GATES, unknown_name

Merge: TypeAlias = Literal["concatenate", "add"]


@dataclass(frozen=True, slots=True)
class Normalize:
    """Batch normalization over the rows of a batch, one feature at a time.

    Training uses the mean and variance of the batch and updates running ones
    (how slowly is a matter of training); prediction uses the running ones. Epsilon is
    0.001.

    Attributes:
        scale_shift: multiply by a learned scale and add a learned shift afterwards.

    Reference:
        Ioffe and Szegedy, 2015, "Batch Normalization".
    """

    scale_shift: bool = True


@dataclass(frozen=True, slots=True)
class Dropout:
    """In training, set a random share of the features to zero, and scale up the rest.

    Attributes:
        rate: share that is dropped, 0 ≤ rate < 1.
    """

    rate: float


@dataclass(frozen=True, slots=True)
class Dense:
    """A fully connected layer with a bias.

    Attributes:
        width: number of neurons, at least 1.
        activation: name of the function applied to the result.
    """

    width: int
    activation: str = "linear"


Step: TypeAlias = Normalize | Dropout | Dense


@dataclass(frozen=True, slots=True)
class Connection:
    """One wire into a unit.

    Attributes:
        source: number of the node that is read.
        copies: how many times its output enters the merge; at least 1.
        gate: activation that the signal passes on the way, or None for a plain wire.
    """

    source: int
    copies: int = 1
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A node: merge what it reads, then take its steps in order.

    Attributes:
        level: the row it stands in, from 1; a label, which orders nothing.
        connections: what it reads, in the order of the merge; each source once for
            each gate.
        steps: what happens after the merge; may be empty.
        merge: put side by side (`concatenate`), or sum equal widths (`add`).
    """

    level: int
    connections: tuple[Connection, ...]
    steps: tuple[Step, ...]
    merge: Merge = "concatenate"


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """An immutable, valid description of one network.

    Nodes are numbered in the order in which they are computed: the inputs come
    first, then the units. A unit reads only nodes with a smaller number, so a plan
    has no cycles by construction. Equal plans are equal values and hash alike. A
    plan knows nothing of training or of any backend.

    Attributes:
        input_widths: number of features of each input.
        units: the units, in order of computation.
        outputs: numbers of the nodes that the network returns.
        widths: number of features that each node puts out, inputs included
            (derived).

    Raises:
        PlanError: if a rule is broken; the message lists every problem at once.

    Example:
        >>> plan = NetworkPlan(
        ...     input_widths=(4,),
        ...     units=(Unit(1, (Connection(0),), (Dense(1),)),),
        ...     outputs=(1,),
        ... )
        >>> plan.n_parameters
        5
    """

    input_widths: tuple[int, ...]
    units: tuple[Unit, ...]
    outputs: tuple[int, ...]
    widths: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if problems := _problems(self):
            listed = "\n- ".join(problems)
            raise PlanError(f"This plan is not a network:\n- {listed}")
        object.__setattr__(self, "widths", _widths(self))

    @property
    def n_inputs(self) -> int:
        return len(self.input_widths)

    @property
    def n_nodes(self) -> int:
        return len(self.input_widths) + len(self.units)

    @property
    def n_levels(self) -> int:
        """Levels of units, the outputs' included and the inputs' not."""
        return max(unit.level for unit in self.units)

    @property
    def output_widths(self) -> tuple[int, ...]:
        return tuple(self.widths[node] for node in self.outputs)

    @property
    def n_parameters(self) -> int:
        """Trainable numbers, every copy of a connection counted as drawn."""
        return sum(self.n_parameters_of(node) for node, _ in self.nodes())

    def n_parameters_of(self, node: int) -> int:
        """Trainable numbers of one unit."""
        return sum(_n_step_parameters(step, width) for step, width in self.steps(node))

    def nodes(self) -> Iterator[tuple[int, Unit]]:
        """Every unit with its number, in order of computation."""
        return enumerate(self.units, start=len(self.input_widths))

    def unit(self, node: int) -> Unit:
        return self.units[node - len(self.input_widths)]

    def level(self, node: int) -> int:
        return 0 if node < self.n_inputs else self.unit(node).level

    def merge_width(self, node: int) -> int:
        """Number of features after the merge of a unit, copies included."""
        return _merge_width(self.unit(node), self.widths)

    def steps(self, node: int) -> Iterator[tuple[Step, int]]:
        """Each step of a unit with the number of features that enter it."""
        width = self.merge_width(node)
        for step in self.unit(node).steps:
            yield step, width
            if isinstance(step, Dense):
                width = step.width


def _n_step_parameters(step: Step, width: int) -> int:
    if isinstance(step, Dense):
        return (width + 1) * step.width
    return 2 * width if isinstance(step, Normalize) and step.scale_shift else 0


def _widths(plan: NetworkPlan) -> tuple[int, ...]:
    """Number of features of each node; 0 where a mistake leaves it open."""
    widths = [width if _is_count(width) else 0 for width in plan.input_widths]
    for unit in plan.units:
        dense = [step.width for step in unit.steps if isinstance(step, Dense)]
        width = dense[-1] if dense else _merge_width(unit, widths)
        widths.append(width if _is_count(width) else 0)
    return tuple(widths)


def _merge_width(unit: Unit, widths: Sequence[int]) -> int:
    read = [_width_read(c, widths) for c in unit.connections]
    if unit.merge == "add":
        return read[0] if len(set(read)) == 1 else 0
    copies = [c.copies if _is_count(c.copies) else 0 for c in unit.connections]
    parts = [width * n for width, n in zip(read, copies, strict=True)]
    return sum(parts) if all(parts) else 0


def _width_read(connection: Connection, widths: Sequence[int]) -> int:
    return widths[connection.source] if _is_node(connection.source, widths) else 0


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _is_node(value: object, nodes: Sequence[object]) -> bool:
    return type(value) is int and 0 <= value < len(nodes)


def _is_known(name: object, known: frozenset[str]) -> bool:
    return isinstance(name, str) and name in known


def _problems(plan: NetworkPlan) -> list[str]:
    if wrong_types := [*_wrong_types(plan)]:
        return wrong_types  # and nothing more can be said
    return [
        *_wrong_values(plan),
        *_unequal_sums(plan),
        *_wrong_outputs(plan),
        *_unread_nodes(plan),
    ]


def _wrong_types(plan: NetworkPlan) -> Iterator[str]:
    for name in ("input_widths", "units", "outputs"):
        value = getattr(plan, name)
        if not isinstance(value, tuple):
            yield f"{name} is a {type(value).__name__}, but must be a tuple"
    for i, unit in enumerate(plan.units if isinstance(plan.units, tuple) else ()):
        if not isinstance(unit, Unit):
            yield f"units[{i}] is {unit!r}, but must be a Unit"
            continue
        for name in ("connections", "steps"):
            value = getattr(unit, name)
            if not isinstance(value, tuple):
                yield f"units[{i}].{name} is {value!r}, but must be a tuple"
            elif name == "connections":
                yield from (
                    f"units[{i}].connections holds {item!r}, but must hold Connections"
                    for item in value
                    if not isinstance(item, Connection)
                )


def _wrong_values(plan: NetworkPlan) -> Iterator[str]:
    """What stands by itself: widths, names, and reads that point nowhere."""
    if not plan.input_widths:
        yield "there is no input; a network needs at least one"
    if not plan.units:
        yield "there is no unit; a network needs at least one"
    for i, width in enumerate(plan.input_widths):
        if not _is_count(width):
            yield f"input {i} has width {width!r}, but a width is an int ≥ 1"
    for node, unit in plan.nodes():
        where = _where(node, unit)
        if not _is_count(unit.level):
            yield f"{where} must stand in a level ≥ 1; level 0 holds the inputs"
        if unit.merge not in get_args(Merge):
            yield f"{where} merges by {unit.merge!r}, but known are {get_args(Merge)}"
        if not unit.connections:
            yield f"{where} reads nothing; connect it or remove it"
        yield from (f"{where} {p}" for p in _wrong_connections(node, unit))
        yield from (f"{where}: {p}" for step in unit.steps for p in _wrong_step(step))


def _where(node: int, unit: Unit) -> str:
    return f"unit {node} (level {unit.level})"


def _wrong_connections(node: int, unit: Unit) -> Iterator[str]:
    earlier = range(node)
    seen: set[tuple[int, str | None]] = set()
    for c in unit.connections:
        is_node = _is_node(c.source, earlier)
        is_gate = c.gate is None or _is_known(c.gate, GATES)
        if not is_node:
            yield (
                f"reads node {c.source!r}, but a unit reads only nodes numbered below "
                "its own"
            )
        if not _is_count(c.copies):
            yield (
                f"reads node {c.source!r} with copies {c.copies!r}, but copies are an "
                "int ≥ 1"
            )
        if not is_gate:
            problem = unknown_name("gate", c.gate, GATES)
            yield f"reads node {c.source!r} through a gate, but {problem}"
        if not (is_node and is_gate):
            continue
        if (c.source, c.gate) in seen:
            yield (
                f"reads node {c.source} (gate {c.gate}) in two connections; make it "
                "one connection with more copies"
            )
        seen.add((c.source, c.gate))


def _wrong_step(step: object) -> Iterator[str]:
    if isinstance(step, Dense):
        if not _is_count(step.width):
            yield f"dense width {step.width!r}, but a width is an int ≥ 1"
        if not _is_known(step.activation, ACTIVATIONS):
            yield unknown_name("activation", step.activation, ACTIVATIONS)
    elif isinstance(step, Dropout):
        if type(step.rate) not in (int, float) or not 0 <= step.rate < 1:
            yield f"dropout rate {step.rate!r}, but a rate is a float, 0 ≤ rate < 1"
    elif isinstance(step, Normalize):
        if type(step.scale_shift) is not bool:
            yield f"scale_shift {step.scale_shift!r}, but it is True or False"
    else:
        yield f"step {step!r}, but a step is a Normalize, Dropout or Dense"


def _unequal_sums(plan: NetworkPlan) -> Iterator[str]:
    adding = [(node, unit) for node, unit in plan.nodes() if unit.merge == "add"]
    widths = _widths(plan) if adding else ()
    for node, unit in adding:
        read = {c.source: w for c in unit.connections if (w := _width_read(c, widths))}
        if len(set(read.values())) > 1:
            listed = ", ".join(f"node {source}: {w}" for source, w in read.items())
            yield (
                f"{_where(node, unit)} adds nodes of unequal widths ({listed}); "
                "concatenate them, or make the widths equal"
            )


def _wrong_outputs(plan: NetworkPlan) -> Iterator[str]:
    if not plan.outputs:
        yield "there is no output; name the nodes that the network returns"
    for node in plan.outputs:
        if type(node) is not int or not plan.n_inputs <= node < plan.n_nodes:
            yield (
                f"output {node!r} is not a unit; the units are numbered "
                f"{plan.n_inputs} to {plan.n_nodes - 1}"
            )
    if any(node in plan.outputs[:i] for i, node in enumerate(plan.outputs)):
        yield f"outputs {plan.outputs} name a node twice"


def _unread_nodes(plan: NetworkPlan) -> Iterator[str]:
    read = [c.source for unit in plan.units for c in unit.connections]
    known = {node for node in (*read, *plan.outputs) if type(node) is int}
    for node in range(plan.n_nodes):
        if node not in known:
            way_out = "" if node < plan.n_inputs else ", or make it an output"
            yield f"nothing reads node {node}; connect it or remove it{way_out}"
