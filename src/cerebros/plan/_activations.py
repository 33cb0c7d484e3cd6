"""The activations that a plan may name; every lowering knows all of them."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

GATES = frozenset(
    {
        "celu",
        "elu",
        "exponential",
        "gelu",
        "hard_sigmoid",
        "hard_silu",
        "hard_tanh",
        "leaky_relu",
        "linear",
        "log_sigmoid",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "softplus",
        "softsign",
        "tanh",
    }
)
"""Activations of one number at a time; a gate applies one of them to what it passes."""

ACTIVATIONS = GATES | {"log_softmax", "softmax"}
"""What a dense step may name. Parameters are those that Keras uses by default."""


def unknown_name(kind: str, name: object, known: Collection[str]) -> str:
    """Say that a name is not known, guess what was meant, and list what is known."""
    close = get_close_matches(str(name), known, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return f"{kind} {name!r} is not known{guess} (known: {', '.join(sorted(known))})"
