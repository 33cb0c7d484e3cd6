"""A network as plain, immutable, checked data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from cerebros.errors import PlanError
from cerebros.plan._activations import ACTIVATIONS, GATES, unknown_name

Merge: TypeAlias = Literal["concatenate", "add"]


@dataclass(frozen=True, slots=True)
class Normalize:
    """Batch normalization over the rows of a batch, one feature at a time.

    Training uses the mean and variance of the batch and updates running ones
    (momentum 0.99); prediction uses the running ones. Epsilon is 0.001.

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
        problems = [*_malformed(self)]
        if not problems:
            widths, problems = _compute_widths(self)
            problems += [*_broken_outputs(self), *_unread_nodes(self)]
            object.__setattr__(self, "widths", widths)
        if problems:
            listed = "\n- ".join(problems)
            raise PlanError(f"This plan is not a network:\n- {listed}")

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
        return sum(
            _n_step_parameters(step, before)
            for node, _ in self.nodes()
            for step, before in self.steps(node)
        )

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


def _merge_width(unit: Unit, widths: tuple[int, ...] | list[int]) -> int:
    if unit.merge == "add":
        return widths[unit.connections[0].source]
    return sum(widths[c.source] * c.copies for c in unit.connections)


def _is_count(value: object, *, least: int) -> bool:
    return type(value) is int and value >= least


def _malformed(plan: NetworkPlan) -> Iterator[str]:
    """Wrong values that stand by themselves, and reads that point nowhere."""
    for name in ("input_widths", "units", "outputs"):
        value: object = getattr(plan, name)
        if not isinstance(value, tuple):
            yield f"{name} is a {type(value).__name__}, but must be a tuple"
            return
    if not plan.input_widths:
        yield "there is no input; a network needs at least one"
    if not plan.units:
        yield "there is no unit; a network needs at least one"
    for i, width in enumerate(plan.input_widths):
        if not _is_count(width, least=1):
            yield f"input {i} has width {width!r}, but a width is a whole number ≥ 1"
    for node, unit in plan.nodes():
        if not isinstance(unit, Unit):
            yield f"node {node} is {unit!r}, but must be a Unit"
            continue
        yield from _malformed_connections(node, unit)
        for step in unit.steps:
            if problem := _malformed_step(step):
                yield f"{_where(node, unit)} has {problem}"


def _where(node: int, unit: Unit) -> str:
    return f"unit {node} (level {unit.level})"


def _malformed_connections(node: int, unit: Unit) -> Iterator[str]:
    where = _where(node, unit)
    if not _is_count(unit.level, least=1):
        yield f"{where} must stand in a level ≥ 1; level 0 holds the inputs"
    if unit.merge not in get_args(Merge):
        yield f"{where} merges by {unit.merge!r}, but known are {get_args(Merge)}"
    if not unit.connections:
        yield f"{where} reads nothing; connect it or remove it"
    seen = set()
    for c in unit.connections:
        if type(c.source) is not int or not 0 <= c.source < node:
            yield (
                f"{where} reads node {c.source!r}, but a unit reads only nodes "
                "numbered below its own"
            )
        if not _is_count(c.copies, least=1):
            yield f"{where} reads node {c.source} with {c.copies!r} copies; must be ≥ 1"
        if c.gate is not None and c.gate not in GATES:
            yield f"{where}: {unknown_name('gate', c.gate, GATES)}"
        if (c.source, c.gate) in seen:
            yield (
                f"{where} reads node {c.source} (gate {c.gate}) in two connections; "
                "make it one connection with more copies"
            )
        seen.add((c.source, c.gate))


def _malformed_step(step: object) -> str | None:
    if isinstance(step, Dense):
        if not _is_count(step.width, least=1):
            return f"a dense step of width {step.width!r}; must be a whole number ≥ 1"
        if step.activation not in ACTIVATIONS:
            return unknown_name("activation", step.activation, ACTIVATIONS)
        return None
    if isinstance(step, Dropout):
        rate = step.rate
        if type(rate) not in (int, float) or not 0 <= rate < 1:
            return f"dropout rate {rate!r}, but it must hold that 0 ≤ rate < 1"
        return None
    if isinstance(step, Normalize):
        if type(step.scale_shift) is not bool:
            return f"scale_shift {step.scale_shift!r}, which must be True or False"
        return None
    return f"step {step!r}, but a step is a Normalize, Dropout or Dense"


def _compute_widths(plan: NetworkPlan) -> tuple[tuple[int, ...], list[str]]:
    widths = list(plan.input_widths)
    problems = []
    for node, unit in plan.nodes():
        if unit.merge == "add":
            summed = {c.source: widths[c.source] for c in unit.connections}
            if len(set(summed.values())) > 1:
                listed = ", ".join(f"node {n}: {w}" for n, w in summed.items())
                problems.append(
                    f"{_where(node, unit)} adds nodes of unequal widths ({listed}); "
                    "concatenate them, or make the widths equal"
                )
        dense = [step.width for step in unit.steps if isinstance(step, Dense)]
        widths.append(dense[-1] if dense else _merge_width(unit, widths))
    return tuple(widths), problems


def _broken_outputs(plan: NetworkPlan) -> Iterator[str]:
    if not plan.outputs:
        yield "there is no output; name the nodes that the network returns"
    for node in plan.outputs:
        if type(node) is not int or not plan.n_inputs <= node < plan.n_nodes:
            yield (
                f"output {node!r} is not a unit; the units are numbered "
                f"{plan.n_inputs} to {plan.n_nodes - 1}"
            )
    if len(set(plan.outputs)) < len(plan.outputs):
        yield f"outputs {plan.outputs} name a node twice"


def _unread_nodes(plan: NetworkPlan) -> list[str]:
    read = {c.source for unit in plan.units for c in unit.connections}
    read.update(plan.outputs)
    return [
        f"nothing reads node {node}; connect it, remove it, or make it an output"
        for node in range(plan.n_nodes)
        if node not in read
    ]
