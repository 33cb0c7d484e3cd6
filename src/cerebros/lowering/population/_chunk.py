"""Networks that are trained together by one call of a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cerebros.lowering._weights import Array, Weights
from cerebros.lowering.population._chain import Chain
from cerebros.lowering.population._layout import Layout
from cerebros.lowering.population._packing import (
    Places,
    RowStatistics,
    flat_parameters,
    gather_statistics,
    places_of,
    read_member,
    split_buffer,
    write_member,
)
from cerebros.lowering.population._pairs import Pairs
from cerebros.lowering.population._seating import Seating
from cerebros.lowering.population._tables import Tables, make_tables, table_extents
from cerebros.plan import NetworkPlan


@dataclass(frozen=True, slots=True)
class Member:
    """A network as the program sees it."""

    plan: NetworkPlan
    chain: Chain
    seating: Seating


@dataclass(frozen=True, slots=True)
class PackedWeights:
    """Weights of a chunk.

    Attributes:
        parameters: arrays as in `Layout.parameter_shapes`.
        mean, variance: running statistics of the state, `(block, member, row)`.
        input_mean, input_variance: the same of inputs, `(feature,)`.
    """

    parameters: dict[str, Array]
    mean: Array
    variance: Array
    input_mean: Array
    input_variance: Array


@dataclass(frozen=True, eq=False)
class Chunk:
    """Networks of one layout, in the order of their members.

    Attributes:
        members: at most as many as the layout has.
        layout: static sizes.
        pairs: blocks that read each other.
        first_further: slab at which further copies of connections begin.
    """

    members: tuple[Member, ...]
    layout: Layout
    pairs: Pairs
    first_further: int

    @cached_property
    def places(self) -> tuple[Places, ...]:
        """Where the numbers of each member stand; found when first asked for."""
        return tuple(
            places_of(
                member.plan,
                member.chain,
                member.seating,
                self.layout,
                self.pairs,
                member=i,
                first_further=self.first_further,
            )
            for i, member in enumerate(self.members)
        )

    def tables(self, seeds: Sequence[int] = ()) -> Tables:
        """What the program must know of the networks.

        Args:
            seeds: of dropout, one for each member; needed only where there is any.
        """
        chains = [member.chain for member in self.members]
        seatings = [member.seating for member in self.members]
        return make_tables(
            chains,
            seatings,
            self.places,
            self.layout,
            self.pairs,
            seeds,
            first_further=self.first_further,
        )

    def extents(self, members: Sequence[int]) -> Tables:
        """How far the loops must go for some of the members: part of the tables.

        Where others are left out, what these compute is no longer meant.
        """
        return table_extents(
            [self.members[i].seating for i in members],
            [self.places[i] for i in members],
            self.layout,
        )

    def pack(self, weights: Sequence[Mapping[str, npt.ArrayLike]]) -> PackedWeights:
        """Arrays of the chunk from the weights of each member.

        Raises:
            LoweringError: if running statistics of one source contradict each other.
        """
        layout = self.layout
        buffer = np.zeros(layout.n_parameters(), np.float32)
        n_rows = layout.n_blocks * layout.stored
        shape = (layout.n_blocks, layout.n_members, layout.stored)
        mean, variance = np.zeros(shape, np.float32), np.ones(shape, np.float32)
        found = None
        for i, (member, own) in enumerate(zip(self.members, weights, strict=True)):
            write_member(buffer, self.places[i], flat_parameters(member.plan, own))
            found = gather_statistics(member.chain, member.seating, own, n_rows)
            mean[:, i] = found.mean.reshape(layout.n_blocks, layout.stored)
            variance[:, i] = found.variance.reshape(layout.n_blocks, layout.stored)
        assert found is not None, "a chunk has a member"
        return PackedWeights(
            split_buffer(buffer, layout),
            mean,
            variance,
            found.input_mean,
            found.input_variance,
        )

    def unpack(self, packed: PackedWeights, members: Sequence[int]) -> list[Weights]:
        """Weights of some members, in the common format."""
        buffer = np.concatenate(
            [
                np.ravel(np.asarray(packed.parameters[name]))
                for name in self.layout.parameter_shapes()
            ]
        )
        return [
            read_member(
                self.members[i].plan,
                self.members[i].chain,
                self.members[i].seating,
                self.places[i],
                buffer,
                RowStatistics(
                    np.asarray(packed.mean)[:, i].ravel(),
                    np.asarray(packed.variance)[:, i].ravel(),
                    np.asarray(packed.input_mean),
                    np.asarray(packed.input_variance),
                ),
            )
            for i in members
        ]
