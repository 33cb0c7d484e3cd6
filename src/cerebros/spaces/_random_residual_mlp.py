"""The space of residual MLPs whose sizes are drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from cerebros.plan import ACTIVATIONS, unknown_name
from cerebros.spaces._ranges import Range, check_range, draw_from
from cerebros.spaces._residual_mlp import (
    Regularization,
    ResidualBlock,
    ResidualMLP,
)
from cerebros.spaces._space import Draw, Ports


@dataclass(frozen=True, slots=True)
class ResidualArchitecture:
    """A residual MLP for given inputs and outputs; nothing of it is left to chance."""

    ports: Ports
    settings: ResidualMLP


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomResidualMLP:
    """Residual MLPs with sizes drawn uniformly from closed ranges.

    The taper of a block is drawn from those that leave every layer a neuron, so all
    draws are valid. Wirings of one architecture do not differ.

    Attributes:
        blocks: how many blocks.
        depth: dense layers of each block.
        width: neurons of a block's first layer.
        taper: neurons that each next layer has less, as far as `depth * taper < width`.
        bypass_layers: dense layers of each bypass.
        bypass_width: neurons of each of them.
        between_layers: dense layers in each break between blocks.
        between_width: neurons of each of them.
        final_layers: dense layers behind the last block.
        final_width: neurons of each of them.
        bypass_regularization: those to choose from on bypasses.
        bypass_dropout: rates, from and to.
        final_regularization: those to choose from behind final layers.
        final_dropout: rates, from and to.
        activations: those to choose from, one for a network.
        scale_shift: whether normalizations have a learned scale and shift.

    Raises:
        ValueError: if a range is empty or begins too low, or a name is unknown.

    Example:
        >>> from cerebros.spaces import Output
        >>> space = RandomResidualMLP(blocks=(1, 1), depth=(2, 2), width=(4, 4))
        >>> ports = Ports(input_widths=(10,), outputs=(Output(1),))
        >>> space.sample(ports, np.random.default_rng(0)).plan.n_inputs
        1
    """

    blocks: Range = (1, 3)
    depth: Range = (1, 5)
    width: Range = (8, 96)
    taper: Range = (0, 8)
    bypass_layers: Range = (0, 1)
    bypass_width: Range = (4, 32)
    between_layers: Range = (0, 1)
    between_width: Range = (8, 64)
    final_layers: Range = (0, 2)
    final_width: Range = (8, 64)
    bypass_regularization: tuple[Regularization, ...] = ("dropout", "normalize")
    bypass_dropout: tuple[float, float] = (0.1, 0.5)
    final_regularization: tuple[Regularization, ...] = ("dropout", "normalize")
    final_dropout: tuple[float, float] = (0.0, 0.4)
    activations: tuple[str, ...] = ("relu", "elu")
    scale_shift: bool = True

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            check_range(name, getattr(self, name), least=least)
        for name in ("bypass", "final"):
            low, high = getattr(self, f"{name}_dropout")
            if not 0 <= low <= high < 1:
                raise ValueError(
                    f"{name}_dropout must hold 0 <= from <= to < 1, but got "
                    f"{(low, high)!r}"
                )
            _check_choices(
                f"{name}_regularization",
                getattr(self, f"{name}_regularization"),
                get_args(Regularization),
            )
        _check_choices("activations", self.activations, ACTIVATIONS)

    def sample(self, ports: Ports, rng: np.random.Generator) -> Draw:
        """Draw sizes; the wires follow."""
        return self.sample_wiring(self.sample_architecture(ports, rng), rng)

    def sample_architecture(
        self, ports: Ports, rng: np.random.Generator
    ) -> ResidualArchitecture:
        """Draw everything."""
        n_blocks = draw_from(self.blocks, rng)
        settings = ResidualMLP(
            blocks=tuple(self._block(rng) for _ in range(n_blocks)),
            between=_widths(self.between_layers, self.between_width, rng),
            final=_widths(self.final_layers, self.final_width, rng),
            bypass_regularization=_choice(self.bypass_regularization, rng),
            bypass_dropout=_rate(self.bypass_dropout, rng),
            final_regularization=_choice(self.final_regularization, rng),
            final_dropout=_rate(self.final_dropout, rng),
            activation=_choice(self.activations, rng),
            scale_shift=self.scale_shift,
        )
        return ResidualArchitecture(ports, settings)

    def sample_wiring(
        self, architecture: ResidualArchitecture, rng: np.random.Generator
    ) -> Draw:
        """The network of an architecture; the generator is not used."""
        return Draw(architecture.settings.plan(architecture.ports))

    def _block(self, rng: np.random.Generator) -> ResidualBlock:
        depth, width = draw_from(self.depth, rng), draw_from(self.width, rng)
        low, high = self.taper
        most = min(high, (width - 1) // depth)
        return ResidualBlock(
            depth=depth,
            width=width,
            taper=draw_from((min(low, most), most), rng),
            bypass=_widths(self.bypass_layers, self.bypass_width, rng),
        )


_LEAST = {
    "blocks": 1,
    "depth": 1,
    "width": 1,
    "taper": 0,
    "bypass_layers": 0,
    "bypass_width": 1,
    "between_layers": 0,
    "between_width": 1,
    "final_layers": 0,
    "final_width": 1,
}


def _widths(n: Range, width: Range, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(draw_from(width, rng) for _ in range(draw_from(n, rng)))


def _rate(limits: tuple[float, float], rng: np.random.Generator) -> float:
    """A rate in hundredths, so that plans are easy to read."""
    return round(float(rng.uniform(*limits)), 2)


def _choice(choices: tuple[Any, ...], rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _check_choices(name: str, chosen: Any, known: Any) -> None:
    if not isinstance(chosen, tuple) or not chosen:
        raise ValueError(f"{name} must be a tuple of names, but got {chosen!r}")
    for one in chosen:
        if one not in known:
            raise ValueError(unknown_name(name, one, known))
