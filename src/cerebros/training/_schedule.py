"""How the learning rate changes in the course of a training."""

from __future__ import annotations

import math
from difflib import get_close_matches
from typing import Any

import numpy as np

SCHEDULES = ("constant", "cosine", "cosine_of_log", "one_cycle")
"""Names of schedules; see `schedule_factor`."""

_WARM_UP, _FIRST, _LAST = 0.3, 1 / 25, 1e-4  # of one_cycle


def schedule_factor(name: str, progress: Any, xp: Any = np) -> Any:
    """What the learning rate is multiplied by.

    It depends on the share of all steps that are done, not on the size of a batch:

    - `constant`: 1;
    - `cosine`: half a cosine from 1 to 0;
    - `cosine_of_log`: four waves from 0 to 1 and back, each twice as long as the one
      before, `(1 - cos(2π log2(1 + 15 progress))) / 2`;
    - `one_cycle`: half a cosine from 1/25 up to 1 within the first 30 %, then half a
      cosine down to 1/10,000.

    Args:
        name: of the schedule.
        progress: share of the steps that are done, 0 ≤ progress < 1; number or array.
        xp: `numpy`, or `jax.numpy` within a program.

    Raises:
        ValueError: if the name is not known.

    Reference:
        Loshchilov and Hutter, 2017, "SGDR"; Holzmüller et al., 2024, "Better by
        Default" (`cosine_of_log`); Smith and Topin, 2019, "Super-Convergence".
    """
    if name == "constant":
        return xp.ones_like(progress * 1.0)
    if name == "cosine":
        return _half_cosine(progress, 1.0, 0.0, xp)
    if name == "cosine_of_log":
        return 0.5 * (1 - xp.cos(2 * math.pi * xp.log2(1 + 15 * progress)))
    if name == "one_cycle":
        up = _half_cosine(progress / _WARM_UP, _FIRST, 1.0, xp)
        down = _half_cosine((progress - _WARM_UP) / (1 - _WARM_UP), 1.0, _LAST, xp)
        return xp.where(progress < _WARM_UP, up, down)
    raise ValueError(unknown_schedule(name))


def unknown_schedule(name: object) -> str:
    """Say that a name is not known, and what was meant."""
    close = get_close_matches(str(name), SCHEDULES, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return f"schedule {name!r} is not known{guess} (known: {', '.join(SCHEDULES)})"


def _half_cosine(progress: Any, first: float, last: float, xp: Any) -> Any:
    return last + (first - last) * 0.5 * (1 + xp.cos(math.pi * progress))
