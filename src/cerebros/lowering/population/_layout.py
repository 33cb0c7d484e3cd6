"""The static sizes of a compiled program; equal layouts share one compilation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

LANES = 8
"""Numbers to which the fastest axis of an array is rounded up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Static sizes of the program of a chunk.

    A network that fits has any number of rows up to `n_blocks * block`; loops end at
    the chunk's own number of blocks, so one layout serves small networks and large.

    Attributes:
        n_members: networks of a chunk.
        tile: rows that are computed at once.
        block: rows of a block, a multiple of `tile`.
        n_blocks: most blocks of rows.
        n_features: columns of all inputs together.
        standardizes_inputs: whether inputs are read standardized over the batch.
        reads_plain_inputs: whether inputs are read as they are.
        output_widths: rows of each output.
        functions: compositions of activations that tiles have.
        n_layers: kernels of state blocks, copies of connections included.
        n_layers_in: the same of blocks that read inputs.
        n_layers_out: the same of outputs that read blocks.
        n_layers_out_in: the same of outputs that read inputs.
        has_copies: whether any connection has copies.
        has_scales: whether normalizations have scale and shift.
        has_fixed: whether some kernels or scales are not trained.
        has_repeats: whether some tiles take over the product of the one before.
        has_plain: whether some tiles are stored without being standardized.
        has_ties: whether several tiles share their scales.
        has_dropout: whether something is dropped in training.
    """

    n_members: int
    tile: int
    block: int
    n_blocks: int
    n_features: int
    standardizes_inputs: bool
    reads_plain_inputs: bool
    output_widths: tuple[int, ...]
    functions: tuple[tuple[str, ...], ...]
    n_layers: int
    n_layers_in: int
    n_layers_out: int
    n_layers_out_in: int
    has_copies: bool
    has_scales: bool
    has_fixed: bool
    has_repeats: bool
    has_plain: bool
    has_ties: bool
    has_dropout: bool = False

    @property
    def n_pairs(self) -> int:
        """Pairs of a block and one that it reads, itself included."""
        return self.n_blocks * (self.n_blocks + 1) // 2

    @property
    def tiles_per_block(self) -> int:
        return self.block // self.tile

    @property
    def has_coupled(self) -> bool:
        """Whether some activations read all rows of a stage at once."""
        return any(
            name.endswith("softmax") for names in self.functions for name in names
        )

    @property
    def has_masks(self) -> bool:
        """Whether the program must be told which numbers are trained."""
        return self.has_fixed or not self.has_scales

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
        """Arrays that are trained; the second axis is the member."""
        c, o, u = self.n_members, self.n_outputs, len(self.output_widths)
        b, t, d = self.block, self.tiles_per_block, self.n_columns
        layers = {
            "state": (self.n_layers, b, t, b),
            "in": (self.n_layers_in, b, t, d),
            "out": (self.n_layers_out, o, u, b),
            "out_in": (self.n_layers_out_in, o, u, d),
        }
        shapes: dict[str, tuple[int, ...]]
        shapes = {f"kernel_{k}": (n, c, r, w) for k, (n, r, _, w) in layers.items()}
        if self.has_scales:
            for kind in ("scale", "shift"):
                for k, (n, _, groups, w) in layers.items():
                    shapes[f"{kind}_{k}"] = (n, c, groups, w)
        return shapes

    def n_parameters(self) -> int:
        """Numbers of all parameter arrays."""
        return sum(math.prod(shape) for shape in self.parameter_shapes().values())

    def n_bytes(self, batch: int) -> int:
        """Memory of a chunk in training, roughly: parameters, buffers of a batch."""
        rows = self.n_blocks * self.block + self.n_outputs
        buffers = 6 * rows * self.n_members * batch
        kernels = 3 * self.n_members * (self.n_pairs * self.block**2)
        return 4 * (8 * self.n_parameters() + buffers + kernels)


def rounded_up(n: int, multiple: int) -> int:
    """The next multiple."""
    return -(-n // multiple) * multiple


def pair(block: int, source: int) -> int:
    """Number of the pair of a block and one that it reads."""
    return block * (block + 1) // 2 + source


def offsets(layout: Layout) -> Mapping[str, int]:
    """Where each parameter array begins when all stand one after the other."""
    result, place = {}, 0
    for name, shape in layout.parameter_shapes().items():
        result[name] = place
        place += math.prod(shape)
    return result
