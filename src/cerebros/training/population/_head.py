"""What stands behind the last product: activations of outputs, loss, metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from cerebros.errors import LoweringError
from cerebros.lowering import OutputScale
from cerebros.lowering.population import FUNCTIONS
from cerebros.training._keras_object import KerasObject, Named, display_name
from cerebros.training._task import TrainingContext
from cerebros.training.population._losses import OPTIONS, ROW_LOSSES, SHORT_NAMES
from cerebros.training.population._metrics import METRIC_OPTIONS, METRICS, n_sums

Array = jax.Array
MetricState = tuple[Array, ...]


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
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """One output of the networks.

    Attributes:
        width: rows.
        activation: what is applied to them.
        scale: from standardized numbers to the units of the target, or None.
        metrics: of this output.
    """

    width: int
    activation: str
    scale: OutputScale | None
    metrics: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Outputs, loss and metrics of a population.

    Attributes:
        outputs: in order.
        function: the loss of each output; their sum is minimized.
    """

    outputs: tuple[HeadOutput, ...]
    function: Function

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
        weight = row_mask if sample_weight is None else row_mask * sample_weight
        share = weight / jnp.maximum(row_mask.sum(), 1)
        options = dict(self.function.options)
        result = []
        for y, p in zip(targets, self.predictions(z), strict=True):
            rows = ROW_LOSSES[self.function.kind](y, p, options)
            # Where there is no row a prediction may be anything.
            result.append((jnp.where(row_mask > 0, rows, 0) * share).sum(axis=-1))
        return result

    def metric_state(self, n_members: int) -> MetricState:
        """Nothing added up yet."""
        n_losses = len(self.outputs) if len(self.outputs) > 1 else 0
        sizes = [2] * (1 + n_losses)
        for output in self.outputs:
            sizes += [n_sums(m.kind, dict(m.options)) for m in output.metrics]
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
            for metric in output.metrics:
                sums = METRICS[metric.kind][0]
                added.append(sums(y, p, row_mask, dict(metric.options)))
        return tuple(s + a for s, a in zip(state, added, strict=True))

    def result(self, state: MetricState) -> dict[str, Array]:
        """The columns of the history, `(member,)` each."""
        n_losses = 1 + (len(self.outputs) if len(self.outputs) > 1 else 0)
        values = [s[:, 0] / jnp.maximum(s[:, 1], 1) for s in state[:n_losses]]
        metrics = [metric for output in self.outputs for metric in output.metrics]
        for metric, sums in zip(metrics, state[n_losses:], strict=True):
            values.append(METRICS[metric.kind][1](sums, dict(metric.options)))
        return dict(zip(self.column_names(), values, strict=True))


def _activated(z: Array, activation: str) -> Array:
    if activation == "softmax":
        return jax.nn.softmax(z, axis=1)
    if activation == "log_softmax":
        return jax.nn.log_softmax(z, axis=1)
    return FUNCTIONS[activation](z)[0]


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
    loss = _loss(settings.loss or "mse")
    scales = context.output_scales or (None,) * len(outputs)
    widths = [y.reshape(len(y), -1).shape[1] for y in context.data.targets]
    result = []
    for (width, activation), scale, target in zip(outputs, scales, widths, strict=True):
        metrics = tuple(
            _metric(metric, target, width) for metric in settings.metrics or ()
        )
        columns = [metric.column for metric in metrics]
        if len(set(columns)) < len(columns):
            raise LoweringError(f"two metrics have one name: {columns}")
        result.append(HeadOutput(width, activation, scale, metrics))
        is_sparse = loss.kind == "sparse_categorical_crossentropy"
        if target != (1 if is_sparse else width):
            raise LoweringError(
                f"targets of width {target} for outputs of width {width} are left to "
                "Keras"
            )
    return Head(tuple(result), loss)


def _loss(named: Named) -> Function:
    name = display_name(named)
    kind = SHORT_NAMES.get(name, name)
    if kind not in ROW_LOSSES:
        raise LoweringError(f"the loss {name!r} is not known to the population engine")
    options = _options(named, OPTIONS.get(kind, frozenset()), f"the loss {name!r}")
    return Function(kind, "loss", options)


_ACCURACY = {"accuracy", "acc"}
_CROSSENTROPY = {"crossentropy", "ce"}


def _metric(named: Named, target: int, width: int) -> Function:
    name = display_name(named)
    kind = SHORT_NAMES.get(name, name)
    if isinstance(named, str) and name in _ACCURACY | _CROSSENTROPY:
        which = "binary" if width == 1 else "categorical"
        if width > 1 and target == 1:
            which = "sparse_categorical"
        what = "accuracy" if name in _ACCURACY else "crossentropy"
        return Function(f"{which}_{what}", named)
    if isinstance(named, KerasObject) and not named.config:
        raise LoweringError(
            f"the metric {name!r} is a function, which is left to Keras"
        )
    if kind not in METRICS:
        raise LoweringError(
            f"the metric {name!r} is not known to the population engine"
        )
    allowed = METRIC_OPTIONS.get(kind, frozenset())
    options = _options(named, allowed, f"the metric {name!r}")
    if kind in ("precision", "recall") and isinstance(
        dict(options).get("thresholds"), (list, tuple)
    ):
        raise LoweringError(f"the metric {name!r} has several thresholds")
    needs_classes = kind.startswith(("categorical", "top_k", "sparse"))
    is_sparse = kind.startswith("sparse")
    if needs_classes and target != (1 if is_sparse else width):
        raise LoweringError(f"the metric {name!r} does not suit the targets")
    if not needs_classes and target != width:
        raise LoweringError(f"the metric {name!r} does not suit the targets")
    given = named.given_name if isinstance(named, KerasObject) else None
    column = given or (named if isinstance(named, str) else name)
    return Function(kind, column, options)


_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "reduction": ("sum_over_batch_size",),
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
    "label_smoothing": (0, 0.0),
}


def _options(
    named: Named, allowed: frozenset[str], what: str
) -> tuple[tuple[str, Any], ...]:
    """Options of a Keras object.

    Raises:
        LoweringError: if one is not known here.
    """
    if isinstance(named, str) or not named.config:
        return ()
    if not named.is_of_keras:
        raise LoweringError(f"{what} is the user's own")
    result = {}
    for key, value in json.loads(named.config).items():
        if key in ("name", "fn") or value in _NEUTRAL.get(key, ()):
            continue
        if isinstance(value, dict) and value.get("class_name") == "DTypePolicy":
            continue
        if key == "thresholds" and key not in allowed:
            continue  # of AUC: follows from their number
        if key not in allowed or isinstance(value, (dict, list)):
            raise LoweringError(f"{what} has {key}={value!r}, which is left to Keras")
        result[key] = value
    return tuple(sorted(result.items()))
