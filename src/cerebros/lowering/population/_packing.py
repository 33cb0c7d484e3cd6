"""From the weights of single networks to the arrays of a chunk, and back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.lowering._weights import Array, Weights, weight_shapes
from cerebros.lowering.population._chain import Chain, Read, Stage, Variant
from cerebros.lowering.population._layout import Layout, offsets, pair
from cerebros.lowering.population._seating import Seating
from cerebros.plan import NetworkPlan

Index = npt.NDArray[np.int64]
_EMPTY: Index = np.zeros(0, np.int64)
_TRAINED = ("kernel", "bias", "scale", "shift")


@dataclass(frozen=True, slots=True)
class Layers:
    """How many kernels each block of a chunk has, one for each copy; and where.

    Attributes:
        state: `(pair,)` kernels of each pair of blocks.
        inputs: `(block,)` kernels of each block that reads inputs.
        out: `(block,)` kernels of the outputs that read a block.
        out_in: kernels of the outputs that read inputs.
    """

    state: npt.NDArray[np.int32]
    inputs: npt.NDArray[np.int32]
    out: npt.NDArray[np.int32]
    out_in: int

    @classmethod
    def single(cls, n_blocks: int) -> Layers:
        """One kernel everywhere: no connection has copies."""
        ones = np.ones(n_blocks, np.int32)
        n_pairs = n_blocks * (n_blocks + 1) // 2
        return cls(np.ones(n_pairs, np.int32), ones, ones, 1)

    def joined(self, other: Layers) -> Layers:
        """Enough kernels for both."""
        return Layers(
            np.maximum(self.state, other.state),
            np.maximum(self.inputs, other.inputs),
            np.maximum(self.out, other.out),
            max(self.out_in, other.out_in),
        )


@dataclass(frozen=True, slots=True)
class StageRead:
    """A read of a stage with all positions that it has.

    Attributes:
        read: what is read.
        columns: for each feature its column: a row of the state, or a column of the
            inputs.
        rows: for each feature the rows of the product that read it, `(feature, n)`.
        kernel: for each entry its place in the kernel of the weight format; None for
            fixed entries.
        factor: value of fixed entries.
        layer: number of the copy.
    """

    read: Read
    columns: Index
    rows: Index
    kernel: Index | None
    factor: float
    layer: int


def stage_reads(chain: Chain, seating: Seating, layout: Layout) -> list[list[StageRead]]:
    """All reads of all stages with their positions."""
    starts = np.cumsum([0, *chain.input_widths])
    plain = layout.standardizes_inputs * layout.n_features

    def columns_of(variant: Variant) -> Index:
        if variant.source >= 0:
            return seating.rows[variant]
        i = -1 - variant.source
        first = starts[i] + (0 if variant.normalized else plain)
        return np.arange(first, first + chain.input_widths[i])

    result = []
    for stage, rows in zip(chain.stages, seating.products, strict=True):
        result.append([*_reads_of(stage, rows, columns_of)])
    return result


def _reads_of(stage: Stage, rows: Index, columns_of: object) -> Iterator[StageRead]:
    seen: Counter[Variant] = Counter()
    place = 0
    for i, read in enumerate(stage.reads):
        layer = seen[read.variant]
        seen[read.variant] += 1
        columns = columns_of(read.variant)  # type: ignore[operator]
        if stage.dense is not None:
            every = np.broadcast_to(rows, (read.width, stage.width))
            first = place * stage.width
            n = read.width * stage.width
            kernel = np.arange(first, first + n).reshape(read.width, stage.width)
            yield StageRead(read, columns, every, kernel, 1.0, layer)
        else:
            own = rows[stage.places[i] : stage.places[i] + read.width, None]
            yield StageRead(read, columns, own, None, stage.factors[i], layer)
        place += read.width


def layers_of(chain: Chain, seating: Seating, layout: Layout) -> Layers:
    """The kernels that a network needs, where connections have copies."""
    layers = Layers.single(layout.n_blocks)
    out_in = 1
    for number, reads in enumerate(stage_reads(chain, seating, layout)):
        is_output = number in chain.outputs
        for item in reads:
            if not item.layer:
                continue
            n = item.layer + 1
            if item.read.variant.source < 0:
                if is_output:
                    out_in = max(out_in, n)
                    continue
                for block in np.unique(item.rows // layout.block):
                    layers.inputs[block] = max(layers.inputs[block], n)
                continue
            for source in np.unique(item.columns // layout.block):
                if is_output:
                    layers.out[source] = max(layers.out[source], n)
                    continue
                for block in np.unique(item.rows // layout.block):
                    i = pair(int(block), int(source))
                    layers.state[i] = max(layers.state[i], n)
    return Layers(layers.state, layers.inputs, layers.out, out_in)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the numbers of one network stand among all numbers of its chunk.

    Attributes:
        trained: `(parameter,)` address of each trained number, in the order of the
            weight format.
        repeated: addresses that hold a trained number once more (scales of a stage
            that takes several tiles).
        repeated_from: for each of these the number of the parameter.
        fixed: addresses of numbers that are not trained.
        fixed_values: those numbers.
    """

    trained: Index
    repeated: Index
    repeated_from: Index
    fixed: Index
    fixed_values: Array


def addresses_of(
    plan: NetworkPlan,
    chain: Chain,
    seating: Seating,
    layout: Layout,
    layers: Layers,
    member: int,
) -> Addresses:
    """Where the numbers of a network stand when it is a member of a chunk."""
    return _Addressing(plan, chain, seating, layout, layers, member).addresses()


def parameter_keys(plan: NetworkPlan) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the arrays that are trained, in the weight format's order."""
    return {
        key: shape
        for key, shape in weight_shapes(plan).items()
        if key.rpartition("/")[2] in _TRAINED
    }


class _Addressing:
    """Collects addresses stage by stage."""

    def __init__(
        self,
        plan: NetworkPlan,
        chain: Chain,
        seating: Seating,
        layout: Layout,
        layers: Layers,
        member: int,
    ) -> None:
        self.chain, self.seating, self.layout = chain, seating, layout
        self.member = member
        self.begins = offsets(layout)
        self.shapes = layout.parameter_shapes()
        self.first_layer = {
            "state": _starts(layers.state),
            "in": _starts(layers.inputs),
            "out": _starts(layers.out),
        }
        self.keys: dict[str, int] = {}
        n = 0
        for key, shape in parameter_keys(plan).items():
            self.keys[key] = n
            n += math.prod(shape)
        self.trained = np.full(n, -1, np.int64)
        self.repeated: list[Index] = []
        self.repeated_from: list[Index] = []
        self.fixed: list[Index] = []
        self.fixed_values: list[Array] = []

    def addresses(self) -> Addresses:
        reads = stage_reads(self.chain, self.seating, self.layout)
        for number, stage in enumerate(self.chain.stages):
            is_output = number in self.chain.outputs
            rows = self.seating.products[number]
            for item in reads[number]:
                self._kernel(stage, item, is_output=is_output)
                if self.layout.has_scales:
                    self._scales(number, item, is_output=is_output)
            self._bias(number, stage, rows, is_output=is_output)
        assert (self.trained >= 0).all(), "every parameter has an address"
        return Addresses(
            self.trained,
            _joined(self.repeated),
            _joined(self.repeated_from),
            _joined(self.fixed),
            np.concatenate([*self.fixed_values, np.zeros(0, np.float32)]),
        )

    def _kernel(self, stage: Stage, item: StageRead, *, is_output: bool) -> None:
        is_input = item.read.variant.source < 0
        at = self._at(
            "kernel", item, item.rows, is_input=is_input, is_output=is_output
        )
        if item.kernel is None:
            self.fixed.append(at.ravel())
            self.fixed_values.append(np.full(at.size, item.factor, np.float32))
        else:
            self.trained[self.keys[f"{stage.dense}/kernel"] + item.kernel] = at

    def _scales(self, number: int, item: StageRead, *, is_output: bool) -> None:
        """Addresses of scale and shift, once for each tile of the stage."""
        is_input = item.read.variant.source < 0
        groups = self._groups(number, item, is_output=is_output)
        parameters = {"scale": item.read.scale, "shift": item.read.shift}
        for kind, parameter in parameters.items():
            at = self._at(kind, item, groups, is_input=is_input, is_output=is_output)
            if parameter is None:
                if kind == "scale":
                    self.fixed.append(at.ravel())
                    self.fixed_values.append(np.ones(at.size, np.float32))
                continue
            first = self.keys[parameter.key] + parameter.offset
            own = first + np.arange(item.read.width)
            self.trained[own] = at[:, 0]
            if at.shape[1] > 1:
                self.repeated.append(at[:, 1:].ravel())
                self.repeated_from.append(np.repeat(own, at.shape[1] - 1))

    def _groups(self, number: int, item: StageRead, *, is_output: bool) -> Index:
        """For each feature the tiles (or the output) that read it, `(feature, n)`."""
        if is_output:
            group = self.chain.outputs.index(number)
            return np.full((item.read.width, 1), group)
        tiles: Index = item.rows // self.layout.tile
        if item.kernel is None:
            return tiles
        return np.broadcast_to(np.unique(tiles[0]), (len(tiles), len(set(tiles[0]))))

    def _bias(
        self, number: int, stage: Stage, rows: Index, *, is_output: bool
    ) -> None:
        layout, member = self.layout, self.member
        column = layout.ones_column
        kind = "out_in" if is_output else "in"
        _, n_members, n_rows, n_columns = self.shapes[f"kernel_{kind}"]
        layer = 0 if is_output else self.first_layer["in"][rows // layout.block]
        own = rows if is_output else rows % layout.block
        at = ((layer * n_members + member) * n_rows + own) * n_columns + column
        if stage.dense is not None:
            first = self.keys[f"{stage.dense}/bias"]
            self.trained[first : first + stage.width] = (
                self.begins[f"kernel_{kind}"] + at
            )
        if not layout.has_scales or stage.dense is None:
            return  # a scale of zero keeps the bias of a fixed stage at zero
        n_groups = self.shapes[f"scale_{kind}"][2]
        if is_output:
            groups = np.array([self.chain.outputs.index(number)])
            layer_of = np.zeros(1, np.int64)
        else:
            tiles = np.unique(rows // layout.tile)
            groups = tiles % layout.tiles_per_block
            layer_of = self.first_layer["in"][tiles // layout.tiles_per_block]
        at = ((layer_of * n_members + member) * n_groups + groups) * n_columns + column
        self.fixed.append(self.begins[f"scale_{kind}"] + at)
        self.fixed_values.append(np.ones(len(at), np.float32))

    def _at(
        self,
        kind: str,
        item: StageRead,
        rows: Index,
        *,
        is_input: bool,
        is_output: bool,
    ) -> Index:
        """Addresses of `(feature, n)` entries: rows of a kernel, or tiles of scales."""
        layout = self.layout
        columns = item.columns[:, None]
        per_block = layout.block if kind == "kernel" else layout.tiles_per_block
        if is_output:
            place = "out_in" if is_input else "out"
            own_rows = rows
        else:
            place = "in" if is_input else "state"
            own_rows = rows % per_block
        if is_input:
            layer = 0 if is_output else self.first_layer["in"][rows // per_block]
            own_columns = columns
        else:
            source, own_columns = columns // layout.block, columns % layout.block
            if is_output:
                layer = self.first_layer["out"][source]
            else:
                block = rows // per_block
                layer = self.first_layer["state"][block * (block + 1) // 2 + source]
        _, n_members, n_rows, n_columns = self.shapes[f"{kind}_{place}"]
        at = ((layer + item.layer) * n_members + self.member) * n_rows + own_rows
        return np.asarray(self.begins[f"{kind}_{place}"] + at * n_columns + own_columns)


def _starts(counts: npt.NDArray[np.int32]) -> Index:
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)


def _joined(parts: Sequence[Index]) -> Index:
    return np.concatenate([_EMPTY, *parts])


def flat_parameters(plan: NetworkPlan, weights: Mapping[str, npt.ArrayLike]) -> Array:
    """The trained numbers of a network, one after the other."""
    arrays = [np.ravel(np.asarray(weights[key])) for key in parameter_keys(plan)]
    return np.concatenate([np.zeros(0), *arrays]).astype(np.float32)


def write_member(
    buffer: Array, addresses: Addresses, parameters: Array
) -> None:
    """Put the numbers of one network among those of its chunk."""
    buffer[addresses.trained] = parameters
    buffer[addresses.repeated] = parameters[addresses.repeated_from]
    buffer[addresses.fixed] = addresses.fixed_values


def split_buffer(buffer: Array, layout: Layout) -> dict[str, Array]:
    """All numbers of a chunk as the arrays of its layout; views, not copies."""
    begins = offsets(layout)
    return {
        name: buffer[begins[name] : begins[name] + math.prod(shape)].reshape(shape)
        for name, shape in layout.parameter_shapes().items()
    }


def read_member(
    plan: NetworkPlan,
    chain: Chain,
    seating: Seating,
    addresses: Addresses,
    buffer: Array,
    statistics: RowStatistics,
) -> Weights:
    """The weights of one network in the common format."""
    values = buffer[addresses.trained]
    weights: Weights = {}
    trained = parameter_keys(plan)
    place = 0
    for key, shape in weight_shapes(plan).items():
        if key in trained:
            n = math.prod(shape)
            weights[key] = values[place : place + n].reshape(shape)
            place += n
        else:
            weights[key] = np.zeros(shape, np.float32)
    for item in chain.statistics:
        mean, variance = statistics.of(item.variant, chain, seating)
        here = slice(item.offset, item.offset + item.width)
        weights[f"{item.name}/mean"][here] = mean
        weights[f"{item.name}/variance"][here] = variance
    return weights


@dataclass(frozen=True, slots=True)
class RowStatistics:
    """Running statistics of the rows of one network, and of the inputs.

    Attributes:
        mean, variance: `(row,)`.
        input_mean, input_variance: `(feature,)`.
    """

    mean: Array
    variance: Array
    input_mean: Array
    input_variance: Array

    def of(
        self, variant: Variant, chain: Chain, seating: Seating
    ) -> tuple[Array, Array]:
        """Mean and variance of the features of a variant."""
        if variant.source >= 0:
            rows = seating.rows[variant]
            return self.mean[rows], self.variance[rows]
        i = -1 - variant.source
        first = sum(chain.input_widths[:i])
        here = slice(first, first + chain.input_widths[i])
        return self.input_mean[here], self.input_variance[here]


def gather_statistics(
    chain: Chain, seating: Seating, weights: Mapping[str, npt.ArrayLike], n_rows: int
) -> RowStatistics:
    """Running statistics of rows from weights in the common format.

    Raises:
        LoweringError: if two readers of a source have different statistics; they see
            the same batches, so this comes from nowhere but editing.
    """
    n_features = sum(chain.input_widths)
    result = RowStatistics(
        np.zeros(n_rows, np.float32),
        np.ones(n_rows, np.float32),
        np.zeros(n_features, np.float32),
        np.ones(n_features, np.float32),
    )
    known: set[Variant] = set()
    for item in chain.statistics:
        here = slice(item.offset, item.offset + item.width)
        own = [np.asarray(weights[f"{item.name}/{k}"])[here] for k in ("mean", "variance")]
        if item.variant in known:
            there = result.of(item.variant, chain, seating)
            if not all(map(_is_close, own, there)):
                raise LoweringError(
                    f"the running statistics of {item.name} differ from those that "
                    "another unit has of the same source; train them together, or use "
                    "the Keras model"
                )
            continue
        known.add(item.variant)
        if item.variant.source >= 0:
            rows = seating.rows[item.variant]
            result.mean[rows], result.variance[rows] = own
        else:
            first = sum(chain.input_widths[: -1 - item.variant.source])
            at = slice(first, first + item.width)
            result.input_mean[at], result.input_variance[at] = own
    return result


def _is_close(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> bool:
    return bool(np.allclose(ours, theirs, rtol=1e-4, atol=1e-5))
