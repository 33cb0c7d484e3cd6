"""Steps of an ONNX graph as plain data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

TABLES = "ai.onnx.ml"
"""The domain of what reads labels."""

RUNTIME = "com.microsoft"
"""The domain of what onnxruntime alone has: splitting text as Python does. StringSplit
of ONNX knows blanks, but no tabs and ends of lines."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation."""

    kind: str
    inputs: tuple[str, ...]
    output: str
    domain: str
    attributes: dict[str, Any]


@dataclass
class Graph:
    """Operations in order, each with one output, and the constants that they read.

    Attributes:
        taken: names that nothing inside may have.
        steps: so far.
        constants: by name; equal ones are one.
    """

    taken: Collection[str]
    steps: list[Step] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    _known: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        *inputs: str | Array,
        output: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Add an operation; returns the name of its output.

        Args:
            kind: of operation.
            inputs: names, or arrays that become constants.
            output: its name; None for any.
            domain: of the operation.
            attributes: of the operation.
        """
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        made = output or self._free(f"{kind.lower()}_{len(self.steps)}")
        self.steps.append(Step(kind, tuple(names), made, domain, attributes))
        return made

    def constant(self, value: Array) -> str:
        """The name of a constant."""
        key = (value.dtype.str, value.shape, _bytes(value))
        if key not in self._known:
            name = self._free(f"constant_{len(self.constants)}")
            self._known[key] = name
            self.constants[name] = value
        return self._known[key]

    def reshaped(self, x: str, *shape: int) -> str:
        return self.add("Reshape", x, np.array(shape, np.int64))

    def rows(self, x: str, chosen: list[int], n: int) -> str:
        """Some of the n rows of an array, in a given order; itself for all of them."""
        if chosen == list(range(n)):
            return x
        return self.add("Gather", x, np.array(chosen, np.int64), axis=0)

    def joined(self, parts: list[str]) -> str:
        """Arrays below each other."""
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)

    def total(self, parts: list[str]) -> str:
        """The sum of arrays."""
        total, *others = parts
        for other in others:
            total = self.add("Add", total, other)
        return total

    def cast(self, x: str, dtype: type[np.generic]) -> str:
        return self.add("Cast", x, to=TYPES[np.dtype(dtype).name])

    def _free(self, name: str) -> str:
        while name in self.taken:
            name = f"{name}_"
        return name


TYPES = {"float32": 1, "int64": 7, "str": 8, "object": 8, "bool": 9, "float64": 11}
"""Numbers of ONNX for types of elements."""


def doubles(values: Any) -> Array:
    """Double-precision constant `(value, 1)`, one for each row of an array."""
    return np.array(values, np.float64).reshape(-1, 1)


def _bytes(value: Array) -> bytes:
    if value.dtype.kind in "OU":
        return "\0".join(map(str, value.ravel())).encode()
    return value.tobytes()
