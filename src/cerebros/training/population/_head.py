"""What stands behind the last product: activations of outputs, loss, metrics."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from cerebros.errors import LoweringError
from cerebros.lowering import OutputScale
from cerebros.lowering.population import FUNCTIONS
from cerebros.training._keras_object import KerasObject, Named, display_name
from cerebros.training._task import TrainingContext
from cerebros.training.population._losses import OPTIONS, ROW_LOSSES, SHORT_NAMES
from cerebros.training.population._metrics import (
    METRIC_OPTIONS,
    METRIC_SHORT_NAMES,
    METRICS,
)

Array = jax.Array
MetricState = tuple[Array, ...]
Options = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A loss or metric with its options.

    Attributes:
        kind: Keras's name.
        column: what the history calls it.
        options: name and value of each option.
    """

    kind: str
    column: str
    options: Options = ()


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """One output of the networks.

    Attributes:
        width: rows.
        activation: what is applied to them.
        scale: from standardized numbers to the units of the target, or None.
        loss: of this output.
        metrics: of this output.
    """

    width: int
    activation: str
    scale: OutputScale | None
    loss: Function
    metrics: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Outputs, loss and metrics of a population.

    Attributes:
        outputs: in order; the sum of their losses is minimized.
    """

    outputs: tuple[HeadOutput, ...]

    def column_names(self) -> tuple[str, ...]:
        """Columns of the history that concern the training rows."""
        several = len(self.outputs) > 1
        names = ["loss"]
        if several:
            names += [f"output_{i}_loss" for i in range(len(self.outputs))]
        for i, output in enumerate(self.outputs):
            prefix = f"output_{i}_" if several else ""
            names += [f"{prefix}{metric.column}" for metric in output.metrics]
        return tuple(names)

    def predictions(self, z: Array) -> list[Array]:
        """What each output predicts, `(member, width, batch)`.

        Args:
            z: all output rows before their activation, `(member, row, batch)`.
        """
        result, start = [], 0
        for output in self.outputs:
            x = _activated(z[:, start : start + output.width], output.activation)
            if output.scale is not None:
                factor = jnp.asarray(output.scale.scale, jnp.float32)[:, None]
                x = x * factor + jnp.asarray(output.scale.mean, jnp.float32)[:, None]
            result.append(x)
            start += output.width
        return result

    def loss(
        self,
        z: Array,
        targets: Sequence[Array],
        row_mask: Array,
        sample_weight: Array | None,
    ) -> Array:
        """The loss of each member over a batch, `(member,)`.

        Args:
            z: output rows before their activation, `(member, row, batch)`.
            targets: for each output `(width, batch)`.
            row_mask: `(batch,)` 1 where there is a row.
            sample_weight: `(batch,)`, or None.
        """
        return sum(
            self._losses(z, targets, row_mask, sample_weight),
            start=jnp.zeros(z.shape[0], jnp.float32),
        )

    def _losses(
        self,
        z: Array,
        targets: Sequence[Array],
        row_mask: Array,
        sample_weight: Array | None,
    ) -> list[Array]:
        there = row_mask > 0
        weight = row_mask if sample_weight is None else row_mask * sample_weight
        share = weight / jnp.maximum(row_mask.sum(), 1)
        # Where there is no row, values and gradients may be anything, even none.
        predictions = self.predictions(jnp.where(there, z, 0))
        result = []
        for output, y, p in zip(self.outputs, targets, predictions, strict=True):
            row_loss = ROW_LOSSES[output.loss.kind]
            rows = row_loss(jnp.where(there, y, 0), p, dict(output.loss.options))
            result.append((jnp.where(there, rows, 0) * share).sum(axis=-1))
        return result

    def metric_state(self, n_members: int) -> MetricState:
        """Nothing added up yet."""
        n_losses = len(self.outputs) if len(self.outputs) > 1 else 0
        sizes = [2] * (1 + n_losses)
        for output in self.outputs:
            sizes += [
                METRICS[metric.kind].n_sums(output.width, dict(metric.options))
                for metric in output.metrics
            ]
        return tuple(jnp.zeros((n_members, n), jnp.float32) for n in sizes)

    def update(
        self,
        state: MetricState,
        z: Array,
        loss: Array,
        targets: Sequence[Array],
        row_mask: Array,
        sample_weight: Array | None,
    ) -> MetricState:
        """Add a batch."""
        n = row_mask.sum()
        losses = [loss]
        if len(self.outputs) > 1:
            losses += self._losses(z, targets, row_mask, sample_weight)
        added = [
            jnp.stack([own * n, jnp.broadcast_to(n, own.shape)], axis=-1)
            for own in losses
        ]
        predictions = self.predictions(z)
        for output, y, p in zip(self.outputs, targets, predictions, strict=True):
            y = jnp.where(row_mask > 0, y, 0)
            for metric in output.metrics:
                sums = METRICS[metric.kind].sums
                added.append(sums(y, p, row_mask, dict(metric.options)))
        return tuple(s + a for s, a in zip(state, added, strict=True))

    def result(self, state: MetricState) -> dict[str, Array]:
        """The columns of the history, `(member,)` each."""
        n_losses = 1 + (len(self.outputs) if len(self.outputs) > 1 else 0)
        values = [s[:, 0] / jnp.maximum(s[:, 1], 1) for s in state[:n_losses]]
        metrics = [metric for output in self.outputs for metric in output.metrics]
        for metric, sums in zip(metrics, state[n_losses:], strict=True):
            values.append(METRICS[metric.kind].result(sums, dict(metric.options)))
        return dict(zip(self.column_names(), values, strict=True))


def _activated(z: Array, activation: str) -> Array:
    if activation == "softmax":
        return jax.nn.softmax(z, axis=1)
    if activation == "log_softmax":
        return jax.nn.log_softmax(z, axis=1)
    return _of_each_number(activation, z)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _of_each_number(activation: str, z: Array) -> Array:
    return FUNCTIONS[activation](z)[0]


@_of_each_number.defjvp
def _slope(
    activation: str, at: tuple[Array], change: tuple[Array]
) -> tuple[Array, Array]:
    # Derived by JAX, |x| in the cheap forms would have the wrong slope at 0.
    value, slope = FUNCTIONS[activation](at[0])
    return value, slope * change[0]


# --- From names and Keras objects ---------------------------------------------------


def head_of(context: TrainingContext, outputs: Sequence[tuple[int, str]]) -> Head:
    """Outputs, loss and metrics of a context.

    Args:
        context: targets, output scales, loss, metrics.
        outputs: width and activation of each output.

    Raises:
        LoweringError: if the loss or a metric is not known here; the message names it.
    """
    settings = context.settings
    scales = context.output_scales or (None,) * len(outputs)
    widths = [y.reshape(len(y), -1).shape[1] for y in context.data.targets]
    result = []
    for (width, activation), scale, target in zip(outputs, scales, widths, strict=True):
        loss = _loss(settings.loss or "mse", target, width)
        metrics = tuple(
            _metric(metric, target, width) for metric in settings.metrics or ()
        )
        columns = [metric.column for metric in metrics]
        if len(set(columns)) < len(columns):
            raise LoweringError(f"two metrics have one name: {columns}")
        result.append(HeadOutput(width, activation, scale, loss, metrics))
    return Head(tuple(result))


_ACCURACY = {"accuracy", "acc"}
_CROSSENTROPY = {"crossentropy", "ce"}


def _loss(named: Named, target: int, width: int) -> Function:
    what = f"the loss {display_name(named)!r}"
    if isinstance(named, str) and named.lower() in _CROSSENTROPY:
        kind = f"{_kind_of_classes(target, width)}_crossentropy"
        options: Options = ()
    else:
        kind = _kind(named, ROW_LOSSES, SHORT_NAMES, what)
        options = _options(named, OPTIONS.get(kind, frozenset()), what)
    if isinstance(named, KerasObject):
        if hasattr(named.source, "update_state"):
            raise LoweringError(f"{what} is a metric")
        # Keras leaves it out of the configuration.
        if (dtype := getattr(named.source, "dtype", "float32")) != "float32":
            raise LoweringError(f"{what} has dtype={dtype!r}, which is left to Keras")
    if target != (1 if kind.startswith("sparse") else width):
        raise LoweringError(
            f"targets of width {target} for outputs of width {width} are left to Keras"
        )
    return Function(kind, "loss", options)


def _metric(named: Named, target: int, width: int) -> Function:
    name = display_name(named)
    what = f"the metric {name!r}"
    if isinstance(named, str) and named.lower() in _ACCURACY:
        return Function(f"{_kind_of_classes(target, width)}_accuracy", named)
    if isinstance(named, KerasObject) and not hasattr(named.source, "update_state"):
        raise LoweringError(f"{what} is a function or a loss, which is left to Keras")
    kind = _kind(named, METRICS, METRIC_SHORT_NAMES, what)
    options = _options(named, METRIC_OPTIONS.get(kind, frozenset()), what)
    if target != (1 if kind.startswith("sparse") else width):
        raise LoweringError(f"{what} does not suit the targets")
    given = named.given_name if isinstance(named, KerasObject) else named
    return Function(kind, given or name, options)


def _kind_of_classes(target: int, width: int) -> str:
    """What Keras takes classes for, from the widths of target and output."""
    if width == 1:
        return "binary"
    return "sparse_categorical" if target == 1 else "categorical"


def _kind(
    named: Named, known: Collection[str], short_names: Mapping[str, str], what: str
) -> str:
    """Keras's name in snake case.

    Raises:
        LoweringError: if it is not known here, the user's own, or spelled in a way
            that Keras would not take.
    """
    name = display_name(named)
    kind = short_names.get(name, name)
    is_text = isinstance(named, str)
    if kind not in known or (is_text and not _is_spelled(str(named), name, kind)):
        raise LoweringError(f"{what} is not known to the population engine")
    if isinstance(named, KerasObject) and not named.is_of_keras:
        raise LoweringError(f"{what} is the user's own")
    return kind


def _is_spelled(given: str, name: str, kind: str) -> bool:
    """Whether Keras knows a text: a function's name, a class's, or a short name."""
    if given == kind or (name != kind and given in (name, name.upper())):
        return True
    parts = {"auc": "AUC", "kl": "KL"}
    return given == "".join(parts.get(p, p.capitalize()) for p in kind.split("_"))


_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "reduction": ("sum_over_batch_size", "mean"),
    "dtype": ("float32", None),
    "axis": (-1,),
    "ignore_class": (None,),
    "summation_method": ("interpolation",),
    "multi_label": (False,),
    "num_labels": (None,),
    "label_weights": (None,),
    "from_logits": (False,),
    "top_k": (None,),
    "class_id": (None,),
    "label_smoothing": (0,),
    "num_regressors": (0,),
    "thresholds": (None,),
}
_VALUES: dict[str, tuple[Any, ...]] = {
    "curve": ("ROC", "PR"),
    "class_aggregation": ("uniform_average", "variance_weighted_average"),
}


def _options(named: Named, allowed: frozenset[str], what: str) -> Options:
    """Options of a Keras object.

    Raises:
        LoweringError: if one is not known here.
    """
    if isinstance(named, str) or not named.config:
        return ()
    result = {}
    for key, value in json.loads(named.config).items():
        if key in ("name", "fn") or value in _NEUTRAL.get(key, ()):
            continue
        is_known = key in allowed and value in _VALUES.get(key, (value,))
        if not is_known or isinstance(value, (dict, list)):
            raise LoweringError(f"{what} has {key}={value!r}, which is left to Keras")
        result[key] = value
    return tuple(sorted(result.items()))
