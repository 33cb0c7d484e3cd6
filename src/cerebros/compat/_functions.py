"""The original's decays and gate, as functions and as settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cerebros.plan import ACTIVATIONS, GATES, unknown_name
from cerebros.spaces import Decay, ExponentialDecay, TabulatedDecay


def zero_7_exp_decay(x: Any) -> Any:
    """`0.7 ** x`, of a number or an array; 1 at 0."""
    return 0.7**x


def zero_95_exp_decay(x: Any) -> Any:
    """`0.95 ** x`, of a number or an array; 1 at 0."""
    return 0.95**x


def simple_sigmoid(x: Any) -> Any:
    """`1 / (1 + exp(-x))`, of a number or an array."""
    return 1 / (1 + np.exp(-x))


_DECAYS: dict[Callable[[Any], Any], Decay] = {
    zero_7_exp_decay: ExponentialDecay(0.7),
    zero_95_exp_decay: ExponentialDecay(0.95),
}

_OTHER_NAMES = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "exp": "exponential",
    "simple_sigmoid": "sigmoid",
    "re_lu": "relu",
    "leaky_re_lu": "leaky_relu",
}


def decay_of(argument: str, value: Any, *, n_distances: int) -> Decay:
    """The decay that an argument of the original means.

    Args:
        argument: its name, for messages.
        value: a decay of ours, one of the original's functions, its name, or any
            function of a distance, which is tabulated.
        n_distances: how many distances can occur.

    Raises:
        ValueError: if it is nothing of the kind.
    """
    if isinstance(value, (ExponentialDecay, TabulatedDecay)):
        return value
    by_name = {function.__name__: decay for function, decay in _DECAYS.items()}
    if isinstance(value, str) and value in by_name:
        return by_name[value]
    if value in _DECAYS:
        return _DECAYS[value]
    if callable(value):
        return TabulatedDecay.of(value, range(n_distances))
    raise ValueError(
        f"{argument} is {value!r}, but must be a function of a distance, or one of "
        f"{sorted(by_name)}"
    )


def activation_of(argument: str, value: Any) -> str:
    """The name of an activation given as a name, a Keras function or layer, or None.

    Raises:
        ValueError: if it is not known.
    """
    name = _name(value)
    if name not in ACTIVATIONS:
        raise ValueError(f"{argument}: {unknown_name('activation', name, ACTIVATIONS)}")
    return name


def gate_of(argument: str, value: Any) -> str:
    """The name of a gate given as a name or a function.

    Raises:
        ValueError: if it is not known.
    """
    name = _name(value)
    if name not in GATES:
        raise ValueError(f"{argument}: {unknown_name('gate', name, GATES)}")
    return name


def _name(value: Any) -> str:
    if value is None:
        return "linear"
    found = value if isinstance(value, str) else getattr(value, "__name__", None)
    if found is None:  # a layer, such as keras.layers.LeakyReLU()
        found = type(value).__name__
    found = str(found)
    if found != found.lower():
        words = "".join(f"_{c.lower()}" if c.isupper() else c for c in found)
        found = words.lstrip("_").replace("re_l_u", "re_lu").replace("e_l_u", "elu")
    return _OTHER_NAMES.get(found, found)
