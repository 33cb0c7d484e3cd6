"""A plan as a chain of stages: the normal form that the population program runs.

Every unit, whatever its steps, becomes one or more *stages*: a stage multiplies what it
reads by a kernel, adds a bias and applies an activation. What is stored of a stage are
its *variants*: its values as they are or standardized by the batch, behind a gate or
not. Scale and shift of a normalization belong to the stage that reads. What does not
fit that shape (a sum, a normalization of a normalization, an affine value with several
readers) gets a stage of its own whose kernel is fixed: the identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cerebros.lowering._weights import NamedStep, named_steps
from cerebros.plan import Connection, Dense, Dropout, NetworkPlan, Normalize


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a stage, or an input, is stored and read.

    Attributes:
        source: number of a stage, or `-1 - i` for input `i`.
        functions: activations applied one after the other; of an input none.
        normalized: whether it is standardized over the batch.
    """

    source: int
    functions: tuple[str, ...]
    normalized: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """Consecutive entries of an array of the weight format, from `offset` on."""

    key: str
    offset: int


@dataclass(frozen=True, slots=True)
class Mask:
    """A dropout that the entries of a read pass.

    Attributes:
        name: of the step, which decides the random stream.
        offset: feature of the step that the first entry is.
        rate: share that is dropped.
    """

    name: str
    offset: int
    rate: float


@dataclass(frozen=True, slots=True)
class Read:
    """All features of one variant, as a stage reads them.

    Attributes:
        variant: what is read.
        width: number of features.
        scale: learned factors, or None.
        shift: learned summands, or None.
        mask: dropout behind scale and shift, or None.
    """

    variant: Variant
    width: int
    scale: Parameter | None = None
    shift: Parameter | None = None
    mask: Mask | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is the stored variant itself, not standardized."""
        return not self.variant.normalized and self.scale is None and self.mask is None


@dataclass(frozen=True, slots=True)
class Stage:
    """One product and one activation.

    Attributes:
        width: number of rows.
        activation: name; `"linear"` of a fixed stage.
        reads: what it reads; of a dense stage side by side, in the order of the
            kernel's rows.
        dense: name of the dense step that owns kernel and bias; None for a fixed
            stage, which sums what it reads.
        factors: of a fixed stage, what each read is multiplied by.
        places: of a fixed stage, the row at which each read begins.
    """

    width: int
    activation: str
    reads: tuple[Read, ...]
    dense: str | None = None
    factors: tuple[float, ...] = ()
    places: tuple[int, ...] = ()

    @property
    def has_dropout(self) -> bool:
        """Whether something that it reads is dropped in training."""
        return any(read.mask for read in self.reads)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Where running mean and variance of a variant stand in the weight format."""

    name: str
    offset: int
    width: int
    variant: Variant


@dataclass(frozen=True, slots=True)
class Chain:
    """A network as stages in order of computation.

    Attributes:
        input_widths: number of features of each input.
        stages: in order of computation.
        variants: for each stage which variants of it are stored, none of a stage that
            is an output and nothing else.
        outputs: for each output the number of its stage, whose rows come before the
            activation.
        output_activations: for each output the activation that follows.
        statistics: where the running statistics of variants belong.
    """

    input_widths: tuple[int, ...]
    stages: tuple[Stage, ...]
    variants: tuple[tuple[Variant, ...], ...]
    outputs: tuple[int, ...]
    output_activations: tuple[str, ...]
    statistics: tuple[Statistics, ...]

    @property
    def has_dropout(self) -> bool:
        """Whether something is dropped in training."""
        return any(stage.has_dropout for stage in self.stages)


def chain_of(plan: NetworkPlan) -> Chain:
    """The chain of stages that computes and learns the same as a plan."""
    builder = _Builder(plan)
    for node, _ in plan.nodes():
        builder.add_unit(node)
    return builder.chain()


@dataclass(slots=True)
class _Builder:
    plan: NetworkPlan
    stages: list[Stage] = field(default_factory=list)
    statistics: list[Statistics] = field(default_factory=list)
    values: list[list[Read]] = field(default_factory=list)  # of every node
    n_readers: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for i, width in enumerate(self.plan.input_widths):
            self.values.append([Read(Variant(-1 - i, ()), width)])
        for unit in self.plan.units:
            for c in unit.connections:
                self.n_readers[c.source] += c.copies
        for node in self.plan.outputs:
            self.n_readers[node] += 1

    def add_unit(self, node: int) -> None:
        reads = self._merge(node)
        for named in named_steps(self.plan, node):
            reads = self._take(named, reads)
        if self.n_readers[node] > 1 or node in self.plan.outputs:
            reads = [read if read.is_plain else self._stored(read) for read in reads]
        self.values.append(reads)

    def _merge(self, node: int) -> list[Read]:
        unit = self.plan.unit(node)
        arriving = [(self._passed(c), c.copies) for c in unit.connections]
        if unit.merge == "concatenate":
            return [r for reads, copies in arriving for r in reads * copies]
        width = self.plan.widths[unit.connections[0].source]
        return [self._fixed(width, [(reads, float(n)) for reads, n in arriving])]

    def _passed(self, connection: Connection) -> list[Read]:
        """What a connection brings, behind its gate."""
        reads = self.values[connection.source]
        if connection.gate is None:
            return reads
        return [self._gated(read, connection.gate) for read in reads]

    def _gated(self, read: Read, gate: str) -> Read:
        plain = read if read.is_plain and read.variant.source >= 0 else None
        plain = plain or self._stored(read)
        variant = plain.variant
        functions = (
            variant.functions if gate == "linear" else (*variant.functions, gate)
        )
        return Read(Variant(variant.source, functions), read.width)

    def _take(self, named: NamedStep, reads: list[Read]) -> list[Read]:
        match named.step:
            case Dense(width, activation):
                self.stages.append(
                    Stage(width, activation, tuple(reads), dense=named.name)
                )
                functions = () if activation == "linear" else (activation,)
                return [Read(Variant(len(self.stages) - 1, functions), width)]
            case Normalize(scale_shift):
                return [*self._normalized(named.name, scale_shift, reads)]
            case Dropout(rate):
                return [*self._dropped(named.name, float(rate), reads)]
        raise AssertionError(named.step)

    def _normalized(
        self, name: str, scale_shift: bool, reads: list[Read]
    ) -> Iterator[Read]:
        offset = 0
        for read in reads:
            plain = read if read.is_plain else self._stored(read)
            variant = Variant(plain.variant.source, plain.variant.functions, True)
            self.statistics.append(Statistics(name, offset, read.width, variant))
            scale = Parameter(f"{name}/scale", offset) if scale_shift else None
            shift = Parameter(f"{name}/shift", offset) if scale_shift else None
            yield Read(variant, read.width, scale, shift)
            offset += read.width

    def _dropped(self, name: str, rate: float, reads: list[Read]) -> Iterator[Read]:
        offset = 0
        for read in reads:
            if rate:
                if read.mask is not None:
                    read = self._stored(read)
                mask = Mask(name, offset, rate)
                yield Read(read.variant, read.width, read.scale, read.shift, mask)
            else:
                yield read
            offset += read.width

    def _stored(self, read: Read) -> Read:
        """The value of a read as a stage of its own, which others can read."""
        return self._fixed(read.width, [([read], 1.0)])

    def _fixed(self, width: int, parts: Sequence[tuple[Sequence[Read], float]]) -> Read:
        """A sum of groups of reads; those of a group stand side by side."""
        reads, factors, places = [], [], []
        for group, factor in parts:
            place = 0
            for read in group:
                reads.append(read)
                factors.append(factor)
                places.append(place)
                place += read.width
        self.stages.append(
            Stage(
                width,
                "linear",
                tuple(reads),
                factors=tuple(factors),
                places=tuple(places),
            )
        )
        return Read(Variant(len(self.stages) - 1, ()), width)

    def chain(self) -> Chain:
        outputs, activations = self._outputs()
        used: dict[int, dict[Variant, None]] = {i: {} for i in range(len(self.stages))}
        for stage in self.stages:
            for read in stage.reads:
                if read.variant.source >= 0:
                    used[read.variant.source][read.variant] = None
        return Chain(
            input_widths=self.plan.input_widths,
            stages=tuple(self.stages),
            variants=tuple(tuple(used[i]) for i in used),
            outputs=outputs,
            output_activations=activations,
            statistics=tuple(self.statistics),
        )

    def _outputs(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """For each output a stage that nothing reads, and what follows it."""
        values = [self.values[node] for node in self.plan.outputs]
        sources = Counter(
            r.variant.source for stage in self.stages for r in stage.reads
        )
        sources.update(read.variant.source for reads in values for read in reads)
        numbers, activations = [], []
        for node, reads in zip(self.plan.outputs, values, strict=True):
            number, activation = self._output_stage(reads), "linear"
            if number is None:
                stored = self._fixed(self.plan.widths[node], [(reads, 1.0)])
                number = stored.variant.source
            else:
                activation = self.stages[number].activation
                if sources[number] > 1:
                    before = Read(Variant(number, ()), self.stages[number].width)
                    number = self._stored(before).variant.source
            numbers.append(number)
            activations.append(activation)
        return tuple(numbers), tuple(activations)

    def _output_stage(self, reads: Sequence[Read]) -> int | None:
        """The stage whose value is returned, if it is one and as it is."""
        if len(reads) > 1 or not reads[0].is_plain:
            return None
        variant = reads[0].variant
        if variant.source < 0:
            return None
        activation = self.stages[variant.source].activation
        own = () if activation == "linear" else (activation,)
        return variant.source if variant.functions == own else None
