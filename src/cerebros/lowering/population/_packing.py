"""From the weights of single networks to the arrays of a chunk, and back.

The numbers of a network stand feature by feature, as its stages read them; where the
products meet them is another matter: every number of an effective kernel has a
*position* among all kernels of the chunk. So copies, gates and odd widths cost what
they take, and the kernels may be laid out as the products like them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.lowering._weights import Array, Weights, weight_shapes
from cerebros.lowering.population._chain import Chain, Read, Stage, Variant
from cerebros.lowering.population._layout import SLAB, Layout
from cerebros.lowering.population._pairs import Pairs
from cerebros.lowering.population._seating import Seating
from cerebros.plan import NetworkPlan

Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_TRAINED = ("kernel", "bias", "scale", "shift")


@dataclass(frozen=True, slots=True)
class Entries:
    """All that a stage reads, feature by feature.

    Attributes:
        columns: `(feature,)` row of the state, or column of the inputs.
        is_input: `(feature,)` which of the two.
        copy: `(feature,)` how many reads of the stage have the same column before.
        lanes: of a fixed stage `(feature,)` the row of the stage that reads it.
        factors: of a fixed stage `(feature,)` what it is multiplied by there.
    """

    columns: Index
    is_input: npt.NDArray[np.bool_]
    copy: Index
    lanes: Index
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
        _entries(stage, [columns_of(read.variant) for read in stage.reads])
        for stage in chain.stages
    ]


def _entries(stage: Stage, columns: Sequence[Index]) -> Entries:
    widths = [read.width for read in stage.reads]
    own = [
        np.arange(place, place + width)
        for place, width in zip(stage.places, widths, strict=False)
    ]
    return Entries(
        columns=np.concatenate(columns),
        is_input=np.repeat([read.variant.source < 0 for read in stage.reads], widths),
        copy=np.repeat(_copies(stage), widths),
        lanes=np.concatenate([np.zeros(0, np.int64), *own]),
        factors=np.repeat(stage.factors, widths if stage.factors else []).astype(
            np.float32
        ),
    )


def _copies(stage: Stage) -> list[int]:
    """For each read how many of the same variant come before it."""
    seen: Counter[Variant] = Counter()
    copies = []
    for read in stage.reads:
        copies.append(seen[read.variant])
        seen[read.variant] += 1
    return copies


def n_read(chain: Chain) -> tuple[int, int]:
    """Features that the stages of a network read: first copies, and further ones."""
    first = further = 0
    for stage in chain.stages:
        for read, copy in zip(stage.reads, _copies(stage), strict=True):
            if copy:
                further += read.width
            else:
                first += read.width
    return first, further


@dataclass(frozen=True, slots=True)
class Places:
    """Where the numbers of a network stand in its chunk, and where products meet them.

    Addresses are those of a buffer in which the arrays of the layout follow each other,
    positions those of all effective kernels of the chunk.

    Attributes:
        trained: `(parameter,)` address of each trained number, in the order of the
            weight format.
        fixed: addresses of numbers that are not trained: scales of 1, factors of sums.
        fixed_values: those numbers.
        features: `(feature,)` place of each read feature among the slabs.
        kernel_at: `(feature, window)` position of each window of its kernel.
        stage_of: `(feature,)` number of the stage that reads it.
        is_scaled: `(feature,)` whether its scale and shift are trained.
        bias_at: `(stage, window)` position of each window of biases.
        is_dense: `(stage,)` whether kernel and bias are trained.
    """

    trained: Index
    fixed: Index
    fixed_values: Array
    features: Index
    kernel_at: Index
    stage_of: Index
    is_scaled: Flags
    bias_at: Index
    is_dense: Flags


def places_of(
    plan: NetworkPlan,
    chain: Chain,
    seating: Seating,
    layout: Layout,
    pairs: Pairs,
    *,
    member: int,
    first_further: int,
) -> Places:
    """Where the numbers of a network stand when it is a member of a chunk.

    Args:
        plan: the network.
        chain: its stages.
        seating: their rows.
        layout: of the chunk.
        pairs: of blocks, of the chunk.
        member: number of the network in the chunk.
        first_further: slab at which further copies of connections begin.
    """
    addresses = _Addresses(layout, member)
    positions = _Positions(layout, pairs, member)
    seats = _FeatureSeats(first_further)
    keys, n = _first_numbers(plan)
    trained = np.full(n, -1, np.int64)
    fixed = [np.zeros(0, np.int64)]
    values: list[Array] = [np.zeros(0, np.float32)]
    features, kernel_at, stage_of, is_scaled, bias_at = [], [], [], [], []
    for number, entries in enumerate(entries_of(chain, seating, layout)):
        stage, is_output = chain.stages[number], number in chain.outputs
        rows, own_features = seating.products[number], seats.of(entries.copy)
        kernel = addresses.of_kernel(own_features)
        if stage.dense is None:
            fixed.append(kernel[np.arange(len(kernel)), entries.lanes])
            values.append(entries.factors)
        else:
            first = keys[f"{stage.dense}/kernel"]
            own = kernel[:, : stage.width].ravel()
            trained[first : first + len(own)] = own
            first = keys[f"{stage.dense}/bias"]
            own = addresses.of_bias(number)[: stage.width]
            trained[first : first + stage.width] = own
        has_scale = np.zeros(len(own_features), bool)
        if layout.has_scales:
            for kind in ("shift", "scale"):
                own = _parameters(stage.reads, kind, keys)
                has_scale = own >= 0
                at = addresses.of_feature(kind, own_features)
                trained[own[has_scale]] = at[has_scale]
            fixed.append(at[~has_scale])
            values.append(np.ones(int((~has_scale).sum()), np.float32))
        features.append(own_features)
        kernel_at.append(positions.of_kernel(entries, rows, is_output=is_output))
        stage_of.append(np.full(len(own_features), number))
        is_scaled.append(has_scale)
        bias_at.append(positions.of_bias(rows, is_output=is_output))
    assert (trained >= 0).all(), "every parameter has an address"
    return Places(
        trained=trained,
        fixed=np.concatenate(fixed),
        fixed_values=np.concatenate(values).astype(np.float32),
        features=np.concatenate(features),
        kernel_at=np.concatenate(kernel_at),
        stage_of=np.concatenate(stage_of),
        is_scaled=np.concatenate(is_scaled),
        bias_at=np.stack(bias_at),
        is_dense=np.array([stage.dense is not None for stage in chain.stages]),
    )


class _FeatureSeats:
    """Hands out places among the slabs: first copies, and behind them further ones."""

    def __init__(self, first_further: int) -> None:
        self._next = [0, first_further * SLAB]

    def of(self, copy: Index) -> Index:
        result = np.empty(len(copy), np.int64)
        for i, own in enumerate((copy == 0, copy > 0)):
            n = int(own.sum())
            result[own] = np.arange(self._next[i], self._next[i] + n)
            self._next[i] += n
        return result


class _Addresses:
    """Addresses of a member's numbers in the buffer of its chunk."""

    def __init__(self, layout: Layout, member: int) -> None:
        self._layout, self._member = layout, member
        self._lanes = np.arange(layout.lanes)
        self._begins, place = {}, 0
        for name, shape in layout.parameter_shapes().items():
            self._begins[name] = place
            place += math.prod(shape)

    def of_feature(self, name: str, features: Index) -> Index:
        return np.asarray(self._begins[name] + self._place(features))

    def of_kernel(self, features: Index) -> Index:
        """`(feature, lane)`."""
        at = self._place(features)[:, None] * self._layout.lanes
        return np.asarray(self._begins["kernel"] + at + self._lanes)

    def of_bias(self, stage: int) -> Index:
        """`(lane,)`."""
        at = (self._member * self._layout.n_stages + stage) * self._layout.lanes
        return np.asarray(self._begins["bias"] + at + self._lanes)

    def _place(self, features: Index) -> Index:
        slab, place = np.divmod(features, SLAB)
        return np.asarray((slab * self._layout.n_members + self._member) * SLAB + place)


class _Positions:
    """Positions of a member's kernels and biases among all of its chunk."""

    def __init__(self, layout: Layout, pairs: Pairs, member: int) -> None:
        self._layout, self._pairs, self._member = layout, pairs, member
        self._regions = layout.regions()

    def of_kernel(self, entries: Entries, rows: Index, *, is_output: bool) -> Index:
        """`(feature, window)` of the kernels of a stage that has these rows."""
        layout, rows = self._layout, rows[:: self._layout.window]
        block, stored = layout.block, layout.stored
        result = self._nowhere(len(entries.columns))
        for is_input in (True, False):
            own = np.flatnonzero(entries.is_input == is_input)
            columns = entries.columns[own][:, None]
            readers, sources = rows // block, columns // stored
            own_rows = rows if is_output else rows % block
            if is_output:
                name, i = ("out_in", 0) if is_input else ("out", sources)
            elif is_input:
                name, i = "inputs", readers
            else:
                name, i = "state", self._pairs.numbers(readers, sources)
            columns = columns if is_input else columns % stored
            result[own, : len(rows)] = self._at(name, i, own_rows, columns)
        return result

    def of_bias(self, rows: Index, *, is_output: bool) -> Index:
        """`(window,)` of the biases of the rows of a stage."""
        layout, rows = self._layout, rows[:: self._layout.window]
        block, column = layout.block, layout.ones_column
        result = self._nowhere(1)[0]
        if is_output:
            own = self._at("out_in", 0, rows, column)
        else:
            own = self._at("inputs", rows // block, rows % block, column)
        result[: len(rows)] = own
        return result

    def _nowhere(self, n: int) -> Index:
        return np.full((n, self._layout.n_windows), self._layout.nowhere, np.int64)

    def _at(self, name: str, i: Any, row: Any, column: Any) -> Index:
        region = self._regions[name]
        n_members, n_columns, n_rows = region.shape
        at = ((i * n_members + self._member) * n_columns + column) * n_rows + row
        return np.asarray(region.first + at)


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


def flat_parameters(plan: NetworkPlan, weights: Mapping[str, npt.ArrayLike]) -> Array:
    """The trained numbers of a network, one after the other."""
    arrays = [np.ravel(np.asarray(weights[key])) for key in parameter_keys(plan)]
    return np.concatenate([np.zeros(0), *arrays]).astype(np.float32)


def write_member(buffer: Array, places: Places, parameters: Array) -> None:
    """Put the numbers of one network among those of its chunk."""
    buffer[places.trained] = parameters
    buffer[places.fixed] = places.fixed_values


def split_buffer(buffer: Array, layout: Layout) -> dict[str, Array]:
    """All numbers of a chunk as the arrays of its layout; views, not copies."""
    arrays, place = {}, 0
    for name, shape in layout.parameter_shapes().items():
        n = math.prod(shape)
        arrays[name] = buffer[place : place + n].reshape(shape)
        place += n
    return arrays


def read_member(
    plan: NetworkPlan,
    chain: Chain,
    seating: Seating,
    places: Places,
    buffer: Array,
    statistics: RowStatistics,
) -> Weights:
    """The weights of one network in the common format."""
    values = buffer[places.trained]
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
