"""Losses, metrics and optimizers as plain data: a name, or a Keras object."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class KerasObject:
    """A Keras loss, metric or optimizer, of which every trial gets a fresh copy.

    Equal objects have equal classes and configurations. The number that Keras puts
    behind a name that it has given before (`auc_3`) is no part of that: it tells how
    many objects the process had made.

    Attributes:
        name: of the class or function.
        config: its configuration as JSON; of a user's function a digest of its code,
            of Keras's functions nothing.
        source: what was given: an object, or a function.
    """

    name: str
    config: str
    source: Any = field(compare=False, repr=False)

    @property
    def is_of_keras(self) -> bool:
        """Whether it comes from Keras itself."""
        kind = self.source if callable(self.source) else type(self.source)
        module = getattr(kind, "__module__", None) or type(self.source).__module__
        return str(module).partition(".")[0] == "keras"

    def fresh(self) -> Any:
        """A new object of the same kind, without any state.

        A loss has no state and is handed out itself, and so is a metric that Keras
        cannot make again from its configuration, as one around a user's function.
        """
        if not hasattr(self.source, "get_config") or _is_loss(self.source):
            return self.source
        config = self.source.get_config()
        if (name := self.given_name) is not None:
            config["name"] = name
        with suppress(TypeError, ValueError, NotImplementedError):
            return type(self.source).from_config(config)
        return self.source

    @property
    def given_name(self) -> str | None:
        """The name in the configuration, by which histories call a metric."""
        name = json.loads(self.config).get("name") if self.config else None
        return name if isinstance(name, str) else None

    def renamed(self, name: str) -> KerasObject:
        config = json.loads(self.config) | {"name": name}
        return replace(self, config=json.dumps(config, sort_keys=True))


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
    if inspect.isclass(value) and hasattr(value, "get_config"):
        value = value()
    if hasattr(value, "get_config"):
        name = type(value).__name__
        config = _without_counter(value.get_config(), name)
        if _is_loss(value):
            config = _plain_attributes(value) | config
        text = json.dumps(config, sort_keys=True, default=repr)
        return KerasObject(name, text, value)
    if callable(value):
        name = getattr(value, "__name__", repr(value))
        return KerasObject(name, _fingerprint(value), value)
    raise TypeError(
        f"a loss, metric or optimizer is a name or a Keras object, but got {value!r}"
    )


def _fingerprint(function: Any) -> str:
    """What tells functions of the same name apart; empty for those of Keras."""
    code = getattr(function, "__code__", None)
    if code is None or str(function.__module__).partition(".")[0] == "keras":
        return ""
    body = (code.co_code, code.co_names, [c for c in code.co_consts if _is_plain(c)])
    digest = hashlib.sha256(repr(body).encode()).hexdigest()[:16]
    return json.dumps({"code": digest})


def _is_plain(constant: Any) -> bool:
    return constant is None or isinstance(constant, (int, float, str, bytes))


def told_apart(metrics: Sequence[Named]) -> tuple[Named, ...]:
    """Metrics of which those of the same name are numbered: `auc`, `auc_1`."""
    seen = Counter(metric for metric in metrics if isinstance(metric, str))
    result: list[Named] = []
    for metric in metrics:
        if isinstance(metric, KerasObject) and (name := metric.given_name):
            if seen[name]:
                metric = metric.renamed(f"{name}_{seen[name]}")
            seen[name] += 1
        result.append(metric)
    return tuple(result)


def fresh(value: Named) -> Any:
    """What `keras.Model.compile` takes for this, new for every trial."""
    return value.fresh() if isinstance(value, KerasObject) else value


def display_name(value: Named) -> str:
    """The name of a loss, metric or optimizer in snake case, as Keras has it."""
    return _snake_case(value.name if isinstance(value, KerasObject) else value)


def _snake_case(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _is_loss(value: Any) -> bool:
    return not hasattr(value, "update_state") and not hasattr(value, "apply_gradients")


def _plain_attributes(loss: Any) -> dict[str, Any]:
    """What a loss was made with; Keras leaves some of it out of the configuration."""
    attributes = {**vars(loss), **getattr(loss, "_fn_kwargs", {})}
    plain = (bool, int, float, str, type(None))
    return {
        key: value
        for key, value in attributes.items()
        if isinstance(value, plain) and not key.startswith("_")
    }


def _without_counter(config: Mapping[str, Any], class_name: str) -> dict[str, Any]:
    """A configuration in which no name tells how many objects there were before."""
    result = {key: _without_nested_counter(value) for key, value in config.items()}
    name, own = config.get("name"), _snake_case(class_name)
    if isinstance(name, str) and re.fullmatch(rf"{own}_\d+", name):
        result["name"] = own
    return result


def _without_nested_counter(value: Any) -> Any:
    match value:
        case {"class_name": str(name), "config": dict(config)}:
            return {**value, "config": _without_counter(config, name)}
    return value
