"""Losses, metrics and optimizers as plain data: a name, or a Keras object."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class KerasObject:
    """A Keras loss, metric or optimizer, of which every trial gets a fresh copy.

    Equal objects have equal classes and configurations.

    Attributes:
        name: of the class or function.
        config: its configuration as JSON; empty for a class or a function.
        source: what was given: an object, a class, or a function.
    """

    name: str
    config: str
    source: Any = field(compare=False, repr=False)

    def fresh(self) -> Any:
        """A new object of the same kind, without any state."""
        if inspect.isclass(self.source):
            return self.source()
        if hasattr(self.source, "get_config"):
            return type(self.source).from_config(self.source.get_config())
        return self.source


Named: TypeAlias = str | KerasObject
"""A name that Keras knows, such as `"mse"`, or an object."""


def named(value: Any) -> Named:
    """Describe a loss, a metric or an optimizer that a user gave.

    Args:
        value: a name; a Keras object, class or function; or what this returned.

    Raises:
        TypeError: if it is nothing of the kind.
    """
    if isinstance(value, (str, KerasObject)):
        return value
    if hasattr(value, "get_config"):
        if inspect.isclass(value):
            return KerasObject(value.__name__, "", value)
        config = json.dumps(value.get_config(), sort_keys=True, default=repr)
        return KerasObject(type(value).__name__, config, value)
    if callable(value):
        return KerasObject(getattr(value, "__name__", repr(value)), "", value)
    raise TypeError(
        f"a loss, metric or optimizer is a name or a Keras object, but got {value!r}"
    )


def fresh(value: Named) -> Any:
    """What `keras.Model.compile` takes for this, new for every trial."""
    return value.fresh() if isinstance(value, KerasObject) else value


def display_name(value: Named) -> str:
    """The name of a loss, metric or optimizer in snake case, as Keras has it."""
    name = value.name if isinstance(value, KerasObject) else value
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
