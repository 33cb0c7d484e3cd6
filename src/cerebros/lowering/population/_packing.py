"""From the weights of single networks to the arrays of a chunk, and back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.lowering._weights import Array, Weights, weight_shapes
from cerebros.lowering.population._chain import Chain, Read, Stage, Variant
from cerebros.lowering.population._layout import Layout, offsets
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
class Entries:
    """All that a stage reads, feature by feature.

    Attributes:
        columns: `(feature,)` row of the state, or column of the inputs.
        is_input: `(feature,)` which of the two.
        copy: `(feature,)` how many reads of the stage have the same column before.
        rows: `(feature, n)` rows of the product that read the feature; of a dense
            stage all of them, of a fixed stage one.
        factors: `(feature,)` of a fixed stage what the feature is multiplied by.
    """

    columns: Index
    is_input: npt.NDArray[np.bool_]
    copy: Index
    rows: Index
    factors: Array


def entries_of(chain: Chain, seating: Seating, layout: Layout) -> list[Entries]:
    """What every stage of a network reads."""
    starts = np.cumsum([0, *chain.input_widths])
    plain = layout.standardizes_inputs * layout.n_features
    known: dict[Variant, Index] = dict(seating.rows)

    def columns_of(variant: Variant) -> Index:
        if variant not in known:
            i = -1 - variant.source
            first = starts[i] + (0 if variant.normalized else plain)
            known[variant] = np.arange(first, first + chain.input_widths[i])
        return known[variant]

    return [
        _entries(stage, rows, [columns_of(read.variant) for read in stage.reads])
        for stage, rows in zip(chain.stages, seating.products, strict=True)
    ]


def _entries(stage: Stage, rows: Index, columns: Sequence[Index]) -> Entries:
    seen: Counter[Variant] = Counter()
    copies = []
    for read in stage.reads:
        copies.append(seen[read.variant])
        seen[read.variant] += 1
    widths = [read.width for read in stage.reads]
    if stage.dense is None:
        own = [
            rows[place : place + width]
            for place, width in zip(stage.places, widths, strict=True)
        ]
        read_by = np.concatenate(own)[:, None]
        factors = np.repeat(stage.factors, widths).astype(np.float32)
    else:
        read_by = np.broadcast_to(rows, (sum(widths), len(rows)))
        factors = np.ones(1, np.float32)
    return Entries(
        columns=np.concatenate(columns),
        is_input=np.repeat([read.variant.source < 0 for read in stage.reads], widths),
        copy=np.repeat(copies, widths),
        rows=read_by,
        factors=factors,
    )


def layers_of(chain: Chain, seating: Seating, layout: Layout) -> Layers:
    """The kernels that a network needs, where connections have copies."""
    layers = Layers.single(layout.n_blocks)
    out_in = 1
    for number, entries in enumerate(entries_of(chain, seating, layout)):
        is_output = number in chain.outputs
        for kind, counts, i, n in _copies(entries, layout, is_output=is_output):
            if kind == "out_in":
                out_in = max(out_in, int(n.max(initial=1)))
            else:
                np.maximum.at(getattr(layers, counts), i, n)
    return Layers(layers.state, layers.inputs, layers.out, out_in)


def _copies(
    entries: Entries, layout: Layout, *, is_output: bool
) -> Iterator[tuple[str, str, Index, npt.NDArray[np.int32]]]:
    """Blocks that entries lie in, and how many kernels they need there."""
    for is_input in (True, False):
        own = entries.is_input == is_input
        n = (entries.copy[own] + 1).astype(np.int32)
        source = entries.columns[own] // layout.block
        reader = entries.rows[own] // layout.block
        every = np.broadcast_to(n[:, None], reader.shape)
        if is_output:
            kind = "out_in" if is_input else "out"
            yield kind, "out", source, n
        elif is_input:
            yield "in", "inputs", reader, every
        else:
            yield "state", "state", pair_of(reader, source[:, None]), every


def pair_of(block: Index, source: Index) -> Index:
    """Numbers of pairs of blocks."""
    return block * (block + 1) // 2 + source


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
    keys, n = _first_numbers(plan)
    places = _Places(layout, layers, member)
    trained = np.full(n, -1, np.int64)
    repeated: list[Index] = []
    repeated_from: list[Index] = []
    fixed: list[Index] = []
    fixed_values: list[Array] = []

    def fix(at: Index, values: npt.ArrayLike) -> None:
        fixed.append(at.ravel())
        fixed_values.append(np.broadcast_to(values, at.shape).ravel())

    for number, entries in enumerate(entries_of(chain, seating, layout)):
        stage, is_output = chain.stages[number], number in chain.outputs
        rows = seating.products[number]
        at = places.of("kernel", entries, entries.rows, is_output=is_output)
        if stage.dense is None:
            fix(at, entries.factors[:, None])
        else:
            first = keys[f"{stage.dense}/kernel"]
            trained[first : first + at.size] = at.ravel()
            first = keys[f"{stage.dense}/bias"]
            trained[first : first + stage.width] = places.bias(
                rows, is_output=is_output
            )
        if not layout.has_scales:
            continue
        if is_output:
            output = chain.outputs.index(number)
            groups = np.full((len(entries.columns), 1), output)
        elif stage.dense is None:
            groups = entries.rows // layout.tile
        else:
            tiles = np.unique(rows // layout.tile)
            groups = np.broadcast_to(tiles, (len(entries.columns), len(tiles)))
        for kind in ("scale", "shift"):
            at = places.of(kind, entries, groups, is_output=is_output)
            own = _parameters(stage.reads, kind, keys)
            has = own >= 0
            trained[own[has]] = at[has, 0]
            repeated.append(at[has, 1:].ravel())
            repeated_from.append(np.repeat(own[has], at.shape[1] - 1))
            if kind == "scale" and not has.all():
                fix(at[~has], 1.0)
        if stage.dense is not None:
            # A scale of one lets the bias be trained; of a fixed stage it stays zero.
            fix(places.bias_scale(groups[0], is_output=is_output), 1.0)
    assert (trained >= 0).all(), "every parameter has an address"
    return Addresses(
        trained,
        np.concatenate([_EMPTY, *repeated]),
        np.concatenate([_EMPTY, *repeated_from]),
        np.concatenate([_EMPTY, *fixed]),
        np.concatenate([np.zeros(0), *fixed_values]).astype(np.float32),
    )


def parameter_keys(plan: NetworkPlan) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the arrays that are trained, in the weight format's order."""
    return {
        key: shape
        for key, shape in weight_shapes(plan).items()
        if key.rpartition("/")[2] in _TRAINED
    }


def _first_numbers(plan: NetworkPlan) -> tuple[dict[str, int], int]:
    """For each key the number of its first parameter, and how many there are."""
    keys, n = {}, 0
    for key, shape in parameter_keys(plan).items():
        keys[key] = n
        n += math.prod(shape)
    return keys, n


def _parameters(reads: Sequence[Read], kind: str, keys: Mapping[str, int]) -> Index:
    """For each feature the number of its scale or shift; -1 if it has none."""
    parts = []
    for read in reads:
        own = read.scale if kind == "scale" else read.shift
        if own is None:
            parts.append(np.full(read.width, -1))
        else:
            first = keys[own.key] + own.offset
            parts.append(np.arange(first, first + read.width))
    return np.concatenate(parts)


class _Places:
    """Addresses of entries among all numbers of a chunk."""

    def __init__(self, layout: Layout, layers: Layers, member: int) -> None:
        self._layout, self._member = layout, member
        self._begins, self._shapes = offsets(layout), layout.parameter_shapes()
        self._first = {
            "state": _starts(layers.state),
            "in": _starts(layers.inputs),
            "out": _starts(layers.out),
        }

    def of(self, kind: str, entries: Entries, rows: Index, *, is_output: bool) -> Index:
        """Addresses `(feature, n)` of a kernel, or of scales or shifts.

        Args:
            kind: `"kernel"`, `"scale"` or `"shift"`.
            entries: features of a stage.
            rows: `(feature, n)` rows of the kernel, or tiles or outputs.
            is_output: whether the stage is returned.
        """
        result = np.empty(rows.shape, np.int64)
        block, tiles = self._layout.block, self._layout.tiles_per_block
        per_block = block if kind == "kernel" else tiles
        for is_input in (True, False):
            own = entries.is_input == is_input
            if not own.any():
                continue
            columns = entries.columns[own][:, None]
            copies, read_by = entries.copy[own][:, None], rows[own]
            readers = read_by // per_block
            if is_output:
                place = "out_in" if is_input else "out"
                layer = copies if is_input else self._first["out"][columns // block]
                layer = layer + (0 if is_input else copies)
            else:
                place, read_by = "in" if is_input else "state", read_by % per_block
                i = readers if is_input else pair_of(readers, columns // block)
                layer = self._first[place][i] + copies
            column = columns if is_input else columns % block
            result[own] = self._at(kind, place, layer, read_by, column)
        return result

    def bias(self, rows: Index, *, is_output: bool) -> Index:
        """Addresses of the bias of each row."""
        block, column = self._layout.block, self._layout.ones_column
        if is_output:
            return self._at("kernel", "out_in", 0, rows, column)
        layer = self._first["in"][rows // block]
        return self._at("kernel", "in", layer, rows % block, column)

    def bias_scale(self, groups: Index, *, is_output: bool) -> Index:
        """Addresses of what the bias of each tile or output is multiplied by."""
        tiles, column = self._layout.tiles_per_block, self._layout.ones_column
        if is_output:
            return self._at("scale", "out_in", 0, groups, column)
        layer = self._first["in"][groups // tiles]
        return self._at("scale", "in", layer, groups % tiles, column)

    def _at(self, kind: str, place: str, layer: Any, row: Any, column: Any) -> Index:
        _, n_members, n_rows, n_columns = self._shapes[f"{kind}_{place}"]
        at = ((layer * n_members + self._member) * n_rows + row) * n_columns + column
        return np.asarray(self._begins[f"{kind}_{place}"] + at)


def _starts(counts: npt.NDArray[np.int32]) -> Index:
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)


def flat_parameters(plan: NetworkPlan, weights: Mapping[str, npt.ArrayLike]) -> Array:
    """The trained numbers of a network, one after the other."""
    arrays = [np.ravel(np.asarray(weights[key])) for key in parameter_keys(plan)]
    return np.concatenate([np.zeros(0), *arrays]).astype(np.float32)


def write_member(buffer: Array, addresses: Addresses, parameters: Array) -> None:
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
        own = [
            np.asarray(weights[f"{item.name}/{k}"])[here] for k in ("mean", "variance")
        ]
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
