"""All combinations of some settings of residual MLPs, the impossible screened out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from cerebros.spaces._residual_mlp import ResidualBlock, ResidualMLP

_OF_BLOCK = ("depth", "width", "taper", "bypass")
_OF_NETWORK = (
    "n_blocks",
    "between",
    "final",
    "bypass_regularization",
    "bypass_dropout",
    "final_regularization",
    "final_dropout",
    "activation",
    "scale_shift",
)


@dataclass(frozen=True, slots=True)
class ScreenedOut:
    """A combination that gives no network.

    Attributes:
        settings: the combination, by name.
        reason: why not.
    """

    settings: Mapping[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class ResidualGrid:
    """Residual MLPs of a grid, in the order of its combinations.

    Attributes:
        kept: those that are possible.
        screened_out: the others.
    """

    kept: tuple[ResidualMLP, ...]
    screened_out: tuple[ScreenedOut, ...]

    def __str__(self) -> str:
        n_all = len(self.kept) + len(self.screened_out)
        text = f"kept {len(self.kept)} of {n_all} combinations"
        if not self.screened_out:
            return text
        # What comes after the first comma names the numbers at hand.
        rules = Counter(out.reason.partition(", but")[0] for out in self.screened_out)
        reasons = "; ".join(f"{n} since {rule}" for rule, n in rules.most_common())
        return f"{text}; screened out {reasons}"


def residual_grid(**alternatives: Sequence[Any]) -> ResidualGrid:
    """All combinations of alternatives, screened before anything is trained.

    Args:
        **alternatives: for any setting of `ResidualMLP` but its blocks, and for
            `n_blocks` and the settings of `ResidualBlock`, which all blocks of a
            network share: the values to combine. `depth` and `width` are needed.

    Raises:
        TypeError: if a setting is unknown or has no list of values, or depth or width
            is missing.

    Example:
        >>> grid = residual_grid(depth=[2, 5], width=[10, 40], taper=[3])
        >>> print(grid)
        kept 3 of 4 combinations; screened out 1 since depth * taper must be below width
        >>> grid.kept[0].blocks[0].widths
        (10, 7)
    """
    known = (*_OF_BLOCK, *_OF_NETWORK)
    for name, values in alternatives.items():
        if name not in known:
            raise TypeError(
                f"{name!r} is no setting of a residual MLP; known are "
                f"{', '.join(known)}"
            )
        if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
            raise TypeError(
                f"{name} must be a list of values to combine, but got {values!r}"
            )
    if missing := {"depth", "width"} - set(alternatives):
        raise TypeError(f"values are missing for {', '.join(sorted(missing))}")
    kept, screened_out = [], []
    for values in product(*alternatives.values()):
        settings = dict(zip(alternatives, values, strict=True))
        try:
            kept.append(_residual_mlp(settings))
        except ValueError as error:
            screened_out.append(ScreenedOut(settings, str(error)))
    return ResidualGrid(tuple(kept), tuple(screened_out))


def _residual_mlp(settings: Mapping[str, Any]) -> ResidualMLP:
    block = ResidualBlock(
        **{name: settings[name] for name in _OF_BLOCK if name in settings}
    )
    rest = {name: settings[name] for name in _OF_NETWORK if name in settings}
    n_blocks = rest.pop("n_blocks", 1)
    if isinstance(n_blocks, bool) or not isinstance(n_blocks, int) or n_blocks < 1:
        raise ValueError(
            f"n_blocks must be a whole number of at least 1, but got {n_blocks!r}"
        )
    return ResidualMLP(blocks=(block,) * n_blocks, **rest)
