"""Optimizers of Keras as pure functions of arrays, equal to Keras's steps.

A step is two elementwise functions: first what the optimizer remembers (its slots),
then the parameter from the *new* slots. XLA needs the order to work in place.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.training._keras_object import KerasObject, display_name
from cerebros.training._settings import TrainingSettings

Array = jax.Array
Slots = tuple[Array, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """An optimizer and its settings.

    Attributes:
        name: `"sgd"`, `"adam"`, `"adamw"`, `"nadam"`, `"rmsprop"`, `"adagrad"` or
            `"lion"`.
        learning_rate: where a member has none of its own.
        weight_decay: share of a parameter, times the rate, that it loses each step,
            where a member has none of its own; None for nothing.
        clip_value, clip_norm, global_clip_norm: limits for gradients, or None.
        constants: the other settings, by name.
    """

    name: str
    learning_rate: float
    weight_decay: float | None = None
    clip_value: float | None = None
    clip_norm: float | None = None
    global_clip_norm: float | None = None
    constants: tuple[tuple[str, Any], ...] = ()

    @property
    def n_slots(self) -> int:
        """Arrays that are remembered for each parameter."""
        if self.name == "sgd":
            return 1 if self["momentum"] else 0
        return 1 if self.name in ("rmsprop", "adagrad") else 2

    def __getitem__(self, name: str) -> Any:
        return dict(self.constants)[name]

    def new_slots(self, parameter: Any) -> tuple[Any, ...]:
        """What is remembered of a parameter before the first step."""
        first = 0.0
        if self.name == "adagrad":
            first = self["initial_accumulator_value"]
        shape = np.shape(parameter)
        return tuple(np.full(shape, first, np.float32) for _ in range(self.n_slots))

    def correction(self, step: Array) -> Array:
        """What makes up for moments that begin at zero: a factor of the rate.

        Of Nadam three numbers: factors of the mean, the gradient and the square.

        Args:
            step: counted from 1.
        """
        if self.name == "nadam":
            return self._nesterov_correction(step)
        if not self.name.startswith("adam"):
            return jnp.ones((), jnp.float32)
        n = step.astype(jnp.float32)
        first = 1 - jnp.power(jnp.float32(self["beta_1"]), n)
        second = 1 - jnp.power(jnp.float32(self["beta_2"]), n)
        correction: Array = jnp.sqrt(second) / first
        return correction

    def _nesterov_correction(self, step: Array) -> Array:
        all_decays = _nesterov_decays(self["beta_1"])
        decays = jnp.asarray(all_decays, jnp.float32)
        products = jnp.asarray(np.cumprod(all_decays), jnp.float32)
        own, after = _at(decays, step - 1), _at(decays, step)
        product = _at(products, step - 1)
        second = 1 - jnp.power(jnp.float32(self["beta_2"]), step.astype(jnp.float32))
        factors = after / (1 - product * after), (1 - own) / (1 - product), 1 / second
        return jnp.stack(factors)

    def slots_after(self, gradient: Array, slots: Slots, rate: Array) -> Slots:
        """What is remembered after a step.

        Args:
            gradient: after clipping, of any shape.
            slots: those before the step.
            rate: learning rate, which broadcasts against them.
        """
        if not slots:
            return ()
        if self.name == "sgd":
            return (slots[0] * self["momentum"] - gradient * rate,)
        if self.name == "rmsprop":
            rho = self["rho"]
            return (rho * slots[0] + (1 - rho) * gradient * gradient,)
        if self.name == "adagrad":
            return (slots[0] + gradient * gradient,)
        if self.name == "lion":
            # The direction is kept beside the mean, since a step uses the old mean.
            first, second = self["beta_1"], self["beta_2"]
            return (
                slots[1] * first + gradient * (1 - first),
                slots[1] * second + gradient * (1 - second),
            )
        mean, square = slots
        return (
            mean + (gradient - mean) * (1 - self["beta_1"]),
            square + (gradient * gradient - square) * (1 - self["beta_2"]),
        )

    def moved(
        self,
        parameter: Array,
        gradient: Array,
        slots: Slots,
        *,
        rate: Array,
        correction: Array,
        weight_decay: Array | None,
    ) -> Array:
        """The parameter after a step, from the slots after it.

        Args:
            parameter: of any shape.
            gradient: after clipping.
            slots: of `slots_after`.
            rate: learning rate, which broadcasts against the parameter.
            correction: of the step.
            weight_decay: likewise; 0 leaves the parameter as it is, and so does None.
        """
        if weight_decay is not None:
            parameter = parameter - parameter * weight_decay * rate
        if self.name == "sgd":
            if not slots:
                return parameter - gradient * rate
            if self["nesterov"]:
                slots = (slots[0] * self["momentum"] - gradient * rate,)
            return parameter + slots[0]
        if self.name == "lion":
            return parameter - rate * jnp.sign(slots[0])
        if self.name == "nadam":
            direction = slots[0] * correction[0] + gradient * correction[1]
            size = jnp.sqrt(slots[1] * correction[2]) + self["epsilon"]
            return parameter - rate * direction / size
        step: Array
        if self.name in ("rmsprop", "adagrad"):
            step = rate * gradient / jnp.sqrt(slots[0] + self["epsilon"])
        else:
            mean, square = slots
            step = mean * (rate * correction) / (jnp.sqrt(square) + self["epsilon"])
        return parameter - step


def _nesterov_decays(beta: float) -> npt.NDArray[Any]:
    """Decay of Nadam's mean in each step, until neither it nor its product changes.

    Reference:
        Dozat, 2016, "Incorporating Nesterov Momentum into Adam".
    """
    n_steps = 512 + (math.ceil(math.log(1e-9) / math.log(beta)) if beta > 0 else 0)
    return beta * (1 - 0.5 * 0.96 ** np.arange(1, n_steps))


def _at(values: Array, i: Array) -> Array:
    """The value of a step, which is the last one ever after."""
    return values[jnp.minimum(i, len(values) - 1)]


_USUAL: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.0, "nesterov": False},
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "adamw": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "weight_decay": 0.004},
    "nadam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "rmsprop": {"rho": 0.9, "epsilon": 1e-7},
    "adagrad": {"initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "lion": {"beta_1": 0.9, "beta_2": 0.99},
}
_CLIPS = {
    "clipvalue": "clip_value",
    "clipnorm": "clip_norm",
    "global_clipnorm": "global_clip_norm",
}
_IGNORED = {"name", "learning_rate", "ema_momentum", "ema_overwrite_frequency"}
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "use_ema": (False,),
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None, 1),
    "amsgrad": (False,),
    "centered": (False,),
    "momentum": (0, 0.0),  # of RMSprop
}


def optimizer_of(settings: TrainingSettings) -> Optimizer:
    """The optimizer that settings ask for.

    Raises:
        LoweringError: if it is none of those that are known here, or has a setting
            that is not.
    """
    given = settings.optimizer
    name = display_name(given).replace("_", "")
    if name not in _USUAL:
        raise LoweringError(f"the optimizer {display_name(given)!r} is not known here")
    config: dict[str, Any] = {}
    if isinstance(given, KerasObject):
        if not given.is_of_keras:
            raise LoweringError(f"the optimizer {given.name!r} is the user's own")
        config = json.loads(given.config)
    known = {**_USUAL[name]}
    rate = config.get("learning_rate", settings.learning_rate)
    if not isinstance(rate, (int, float)):
        raise LoweringError("the optimizer's learning rate is a schedule object")
    clips = {ours: config.get(theirs) for theirs, ours in _CLIPS.items()}
    decay = config.get("weight_decay", known.pop("weight_decay", None))
    for key, value in config.items():
        if key in known:
            known[key] = value
        elif key in _NEUTRAL and value in _NEUTRAL[key]:
            continue
        elif key not in {*_IGNORED, *_CLIPS, "weight_decay"}:
            raise LoweringError(
                f"the optimizer {name!r} has {key}={value!r}, which is not known here"
            )
    if name == "nadam" and not 0 <= known["beta_1"] <= 0.9999:
        raise LoweringError(
            f"the optimizer 'nadam' has beta_1={known['beta_1']!r}, but only 0 to "
            "0.9999 is known here"
        )
    if settings.weight_decay is not None:
        decay = settings.weight_decay
    return Optimizer(
        name=name,
        learning_rate=float(rate),
        weight_decay=None if decay is None else float(decay),
        constants=tuple(sorted(known.items())),
        **{key: _limit(value) for key, value in clips.items()},
    )


def _limit(value: float | None) -> float | None:
    """What Keras clips by, which takes numbers that are not positive as none."""
    return float(value) if value is not None and value > 0 else None
