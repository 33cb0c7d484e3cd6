"""Residual MLPs: blocks of dense layers, each with a bypass that is concatenated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from cerebros.plan import (
    ACTIVATIONS,
    Dense,
    Draft,
    Dropout,
    NetworkPlan,
    Node,
    Normalize,
    Step,
    unknown_name,
)
from cerebros.spaces._space import Ports

Regularization = Literal["dropout", "normalize"]
"""What follows a layer of a bypass, or a final layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualBlock:
    """Dense layers that become narrower, beside a bypass.

    Attributes:
        depth: number of dense layers on the main path, `j`.
        width: neurons of the first of them, `k`.
        taper: how many neurons each next one has less, `l`; `depth * taper < width`.
        bypass: neurons of the dense layers on the bypass; may be none.

    Raises:
        ValueError: if a number is too small, or the layers would run out of neurons.

    Example:
        >>> ResidualBlock(depth=3, width=20, taper=5).widths
        (20, 15, 10)
    """

    depth: int
    width: int
    taper: int = 0
    bypass: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name, least in (("depth", 1), ("width", 1), ("taper", 0)):
            _check_whole(f"{name} of a block", getattr(self, name), least)
        _check_widths("bypass of a block", self.bypass)
        if self.depth * self.taper >= self.width:
            raise ValueError(
                f"depth * taper must be below width, but {self.depth} * {self.taper} = "
                f"{self.depth * self.taper} is not below {self.width}: the layers "
                "would run out of neurons; take fewer layers, a smaller taper or a "
                "larger width"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Neurons of each layer of the main path."""
        return tuple(self.width - i * self.taper for i in range(self.depth))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualMLP:
    """Settings of a residual MLP, from which its plan follows.

    The input of each block goes both through the block's dense layers, each
    standardized, and along the bypass: dropout (or a normalization), then the bypass's
    own dense layers, each followed by the same. Both are concatenated. After the last
    block come the final dense layers, each with dropout or a normalization, and the
    outputs.

    Attributes:
        blocks: at least one.
        between: neurons of the dense layers in each break between two blocks.
        final: neurons of the dense layers behind the last block.
        bypass_regularization: what follows on a bypass, `"dropout"` or `"normalize"`.
        bypass_dropout: rate of the former.
        final_regularization: what follows each final layer.
        final_dropout: rate, if that is dropout.
        activation: of all layers but the outputs.
        scale_shift: whether normalizations have a learned scale and shift.

    Raises:
        ValueError: if a setting is out of range or a name unknown.

    Example:
        >>> from cerebros.spaces import Output, Ports, ResidualBlock
        >>> mlp = ResidualMLP(
        ...     blocks=(ResidualBlock(depth=2, width=8, taper=2, bypass=(3,)),),
        ...     final=(5,),
        ... )
        >>> plan = mlp.plan(Ports(input_widths=(10,), outputs=(Output(1),)))
        >>> plan.widths  # input, two layers, bypass, final layer, output
        (10, 8, 6, 3, 5, 1)

    Reference:
        He et al., 2016, "Deep Residual Learning for Image Recognition"; concatenated
        instead of added: Huang et al., 2017, "Densely Connected Convolutional
        Networks".
    """

    blocks: tuple[ResidualBlock, ...]
    between: tuple[int, ...] = ()
    final: tuple[int, ...] = ()
    bypass_regularization: Regularization = "dropout"
    bypass_dropout: float = 0.35
    final_regularization: Regularization = "dropout"
    final_dropout: float = 0.2
    activation: str = "relu"
    scale_shift: bool = True

    def __post_init__(self) -> None:
        if not self.blocks or not all(
            isinstance(block, ResidualBlock) for block in self.blocks
        ):
            raise ValueError(
                f"blocks must hold one or more ResidualBlock, but got {self.blocks!r}"
            )
        for name in ("between", "final"):
            _check_widths(name, getattr(self, name))
        for name in ("bypass", "final"):
            regularization = getattr(self, f"{name}_regularization")
            if regularization not in get_args(Regularization):
                raise ValueError(
                    f"{name}_regularization must be 'dropout' or 'normalize', but got "
                    f"{regularization!r}"
                )
            rate = getattr(self, f"{name}_dropout")
            if not 0 <= rate < 1:
                raise ValueError(
                    f"{name}_dropout must hold 0 <= rate < 1, but got {rate!r}"
                )
        if self.activation not in ACTIVATIONS:
            raise ValueError(unknown_name("activation", self.activation, ACTIVATIONS))

    def plan(self, ports: Ports) -> NetworkPlan:
        """The network for given inputs, which are concatenated, and outputs."""
        draft = Draft()
        here: list[Node] = [draft.input(width) for width in ports.input_widths]
        for i, block in enumerate(self.blocks):
            for width in self.between if i else ():
                here = [draft.unit(here, self._dense(width))]
            here = [*self._block(draft, here, block)]
        for width in self.final:
            here = [draft.unit(here, self._dense(width), *self._after_final())]
        return draft.plan(
            draft.unit(here, Dense(output.width, output.activation))
            for output in ports.outputs
        )

    def _block(
        self, draft: Draft, here: Sequence[Node], block: ResidualBlock
    ) -> tuple[Node, Node]:
        """Main path and bypass."""
        main = list(here)
        for width in block.widths:
            main = [draft.unit(main, self._dense(width), self._normalize())]
        steps = self._after_bypass()
        for width in block.bypass:
            steps += [self._dense(width), *self._after_bypass()]
        return main[0], draft.unit(here, *steps)

    def _dense(self, width: int) -> Dense:
        return Dense(width, self.activation)

    def _normalize(self) -> Normalize:
        return Normalize(self.scale_shift)

    def _after_bypass(self) -> list[Step]:
        if self.bypass_regularization == "normalize":
            return [self._normalize()]
        return [Dropout(self.bypass_dropout)]

    def _after_final(self) -> list[Step]:
        if self.final_regularization == "normalize":
            return [self._normalize()]
        return [Dropout(self.final_dropout)]


def _check_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(
            f"{name} must be a whole number of at least {least}, but got {value!r}"
        )


def _check_widths(name: str, widths: Any) -> None:
    if not isinstance(widths, tuple):
        raise ValueError(f"{name} must be a tuple of neurons, but got {widths!r}")
    for width in widths:
        _check_whole(f"each entry of {name}", width, 1)
