"""The static sizes of a compiled program; equal layouts share one compilation."""

from __future__ import annotations

import math
from dataclasses import dataclass

LANES = 8
"""Numbers to which the fastest axis of an array is rounded up."""

SLAB = 64
"""Features whose numbers are handled at once."""

_NARROW = 4


@dataclass(frozen=True, slots=True)
class Region:
    """Kernels of one kind among all numbers.

    Attributes:
        first: where they begin.
        shape: of one of them.
    """

    first: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Static sizes of the program of a chunk.

    A network that fits has any number of rows up to `n_blocks * block`; loops end at
    the chunk's own number of blocks, so one layout serves small networks and large.

    Attributes:
        n_members: networks of a chunk.
        tile: rows that are computed at once.
        block: rows of a block, a multiple of `tile`.
        n_variants: variants that are stored of each row.
        n_blocks: most blocks of rows.
        n_features: columns of all inputs together.
        standardizes_inputs: whether inputs are read standardized over the batch.
        reads_plain_inputs: whether inputs are read as they are.
        output_widths: rows of each output.
        functions: for each variant the compositions of activations that tiles have.
        n_pairs: pairs of a block and one that it reads.
        lanes: most rows of a stage, rounded up.
        n_slabs: slabs of features that stages read.
        n_stages: most stages of a network.
        has_copies: whether any connection has copies.
        has_scales: whether normalizations have scale and shift.
        has_fixed: whether some kernels or scales are not trained.
        has_repeats: whether some tiles take over the product of the one before.
        has_plain: whether some variants are stored without being standardized.
        has_gaps: for each variant whether some tiles lack it.
        has_dropout: whether something is dropped in training.
    """

    n_members: int
    tile: int
    block: int
    n_variants: int
    n_blocks: int
    n_features: int
    standardizes_inputs: bool
    reads_plain_inputs: bool
    output_widths: tuple[int, ...]
    functions: tuple[tuple[tuple[str, ...], ...], ...]
    n_pairs: int
    lanes: int
    n_slabs: int
    n_stages: int
    has_copies: bool
    has_scales: bool
    has_fixed: bool
    has_repeats: bool
    has_plain: bool
    has_gaps: tuple[bool, ...]
    has_dropout: bool = False

    @property
    def window(self) -> int:
        """Lanes that stand together among the positions, whatever the stage.

        Those of a tile do; where tiles are narrow, each lane stands alone.
        """
        return window_of(self.tile)

    @property
    def n_windows(self) -> int:
        """Windows that all lanes take."""
        return self.lanes // self.window

    @property
    def stored(self) -> int:
        """Rows of the state that a block has."""
        return self.block * self.n_variants

    @property
    def has_inside(self) -> bool:
        """Whether blocks read their own rows: a single tile does not."""
        return self.tile < self.block

    @property
    def tiles_per_block(self) -> int:
        return self.block // self.tile

    @property
    def has_coupled(self) -> bool:
        """Whether some activations read all rows of a stage at once."""
        return any(
            name.endswith("softmax")
            for of_variant in self.functions
            for names in of_variant
            for name in names
        )

    @property
    def n_outputs(self) -> int:
        """Rows of all outputs together."""
        return sum(self.output_widths)

    @property
    def ones_column(self) -> int:
        """The column of inputs that is always one; its kernel is the bias."""
        kinds = self.standardizes_inputs + self.reads_plain_inputs
        return kinds * self.n_features

    @property
    def n_columns(self) -> int:
        """Columns of inputs, rounded up."""
        return rounded_up(self.ones_column + 1, LANES)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Arrays that are trained; the second axis is the member.

        A network's numbers stand feature by feature as its stages read them: for each
        a kernel of so many lanes as the stage has rows, a scale and a shift. Features
        come in slabs, so that loops end with the networks at hand.
        """
        features = (self.n_slabs, self.n_members, SLAB)
        shapes: dict[str, tuple[int, ...]] = {
            "kernel": (*features, self.lanes),
            "bias": (1, self.n_members, self.n_stages, self.lanes),
        }
        if self.has_scales:
            shapes |= {"scale": features, "shift": features}
        return shapes

    def n_parameters(self) -> int:
        """Numbers of all parameter arrays."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def regions(self) -> dict[str, Region]:
        """Where the effective kernels of each kind stand, one after the other.

        Shapes:
            state: for each pair of blocks `(member, stored row, row)`.
            inputs: for each block `(member, column, row)`; the column of ones holds
                the bias.
            out: for each block `(member, stored row, output row)`.
            out_in: `(member, column, output row)`, with the bias.
            Rows of each output are padded to whole windows.
            What a feature is multiplied by stands together, as in the parameters.
        """
        c, rows, d = self.n_members, self.block, self.n_columns
        o, stored = sum(self.padded_output_widths()), self.stored
        result, place = {}, 0
        for name, n, shape in (
            ("state", self.n_pairs, (c, stored, rows)),
            ("inputs", self.n_blocks, (c, d, rows)),
            ("out", self.n_blocks, (c, stored, o)),
            ("out_in", 1, (c, d, o)),
        ):
            result[name] = Region(place, shape)
            place += n * math.prod(shape)
        return result

    def padded_output_widths(self) -> list[int]:
        """Rows of each output among the positions."""
        return [rounded_up(width, self.window) for width in self.output_widths]

    @property
    def nowhere(self) -> int:
        """The position behind all kernels: what no product meets stands there."""
        last = self.regions()["out_in"]
        return last.first + last.size

    @property
    def n_positions(self) -> int:
        """Numbers of all effective kernels, rounded up."""
        return rounded_up(self.nowhere + self.window, LANES)

    def n_bytes(self, batch: int) -> int:
        """Memory of a chunk in training, roughly: parameters, kernels, buffers."""
        rows = self.n_blocks * (4 * self.stored + 2 * self.block) + self.n_outputs
        buffers = rows * self.n_members * batch
        return 4 * (8 * self.n_parameters() + 3 * self.n_positions + buffers)


def rounded_up(n: int, multiple: int) -> int:
    """The next multiple."""
    return -(-n // multiple) * multiple


def n_slabs_of(n_features: int) -> int:
    """Slabs that so many features take."""
    return rounded_up(n_features, SLAB) // SLAB


def n_lanes_of(width: int, tile: int) -> int:
    """Lanes for stages of so many rows."""
    lanes = 4 if width <= 4 else rounded_up(width, LANES)
    return rounded_up(lanes, window_of(tile))


def window_of(tile: int) -> int:
    """Lanes that are handled together where tiles have so many rows."""
    return tile if tile >= _NARROW else 1
