"""A plan as an ordinary functional Keras model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from cerebros.errors import LoweringError
from cerebros.lowering._output_scale import OutputScale
from cerebros.lowering._weights import (
    NamedStep,
    Weights,
    check_weights,
    initial_weights,
    named_steps,
)
from cerebros.plan import Dense, Dropout, NetworkPlan, Normalize, Unit
from cerebros.programs import check_not_forked

Tensor: TypeAlias = Any
"""A symbolic Keras tensor."""

_KERAS_NAMES = {
    "kernel": "kernel",
    "bias": "bias",
    "scale": "gamma",
    "shift": "beta",
    "mean": "moving_mean",
    "variance": "moving_variance",
}


def to_keras(
    plan: NetworkPlan,
    weights: Mapping[str, npt.ArrayLike] | None = None,
    *,
    input_shapes: Sequence[tuple[int, ...]] | None = None,
    stems: Sequence[keras.Model | None] | None = None,
    output_scales: Sequence[OutputScale | None] | None = None,
    momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """Build the Keras model that a plan describes, one layer per planned step.

    Layers are named after their node (`unit_7_dense`), so that a weight, a line of
    the summary and the plan can be matched by eye. Copies are repeated inputs of the
    merge, exactly as drawn; see `fold_copies` for a smaller equal model.

    Args:
        plan: the network to build.
        weights: arrays to start from; by default `initial_weights` of the seed.
        input_shapes: shape of one row of each input, for inputs that are not plain
            vectors; they are flattened.
        stems: for each input a Keras model that it goes through first, or None. A
            stem's output is flattened if need be.
        output_scales: for each output a scale that it is multiplied by and a mean
            that is added, so that a network that learns standardized numbers answers
            in the units of the target; or None.
        momentum: of running statistics, when the model is trained.
        seed: of the initial values and of dropout; global random state is not used.

    Returns:
        An uncompiled functional model; input i has shape `(batch, input_widths[i])`,
        or `(batch, *shape)` as asked for.

    Raises:
        LoweringError: if a shape or stem does not give the width that the plan
            reads, if there is not one of them for each input (or one scale for each
            output), or if the weights belong to another plan.
    """
    check_not_forked("building a Keras model")
    _check_length("input_shapes", input_shapes, plan.n_inputs, "input")
    _check_length("stems", stems, plan.n_inputs, "input")
    _check_length("output_scales", output_scales, len(plan.outputs), "output")
    inputs, values = [], []  # values[node] is the tensor that the node puts out
    for node, width in enumerate(plan.input_widths):
        stem = stems[node] if stems else None
        shape = input_shapes[node] if input_shapes else (width,)
        x = _input(shape, stem, name=f"input_{node}")
        inputs.append(x)
        values.append(_lower_input(x, stem, width, name=f"input_{node}"))
    lowered = partial(_lower_unit, momentum=momentum, seed=seed)
    for node, unit in plan.nodes():
        steps = named_steps(plan, node)
        values.append(lowered(unit, values, steps, name=f"unit_{node}"))
    returned = [
        _lower_output(
            values[node],
            output_scales[i] if output_scales else None,
            name=f"output_{i}",
            is_named=len(plan.outputs) > 1,
        )
        for i, node in enumerate(plan.outputs)
    ]
    model = keras.Model(_one_or_many(inputs), _one_or_many(returned))
    if weights is None:
        weights = initial_weights(plan, np.random.default_rng(seed))
    write_weights(model, plan, weights)
    return model


def _check_length(name: str, given: Sequence[Any] | None, n: int, noun: str) -> None:
    if given is not None and len(given) != n:
        raise LoweringError(
            f"{name} has {len(given)} entries, but needs one for each {noun} of the "
            f"plan, which has {n}"
        )


def _one_or_many(tensors: list[Tensor]) -> Tensor | list[Tensor]:
    return tensors[0] if len(tensors) == 1 else tensors


def _input(shape: tuple[int, ...], stem: keras.Model | None, *, name: str) -> Tensor:
    if stem is None:
        return keras.Input(shape, name=name)
    own_shape = getattr(stem, "input_shape", None)  # absent until the stem is built
    if not isinstance(own_shape, tuple):
        raise LoweringError(
            f"the stem of {name} must have one input of known shape, but its shape is "
            f"{own_shape}; build it, or merge its inputs into one"
        )
    return keras.Input(own_shape[1:], dtype=stem.inputs[0].dtype, name=name)


def _lower_input(
    x: Tensor, stem: keras.Model | None, width: int, *, name: str
) -> Tensor:
    if stem is not None:
        x = stem(x)
        if isinstance(x, (list, tuple, dict)):
            raise LoweringError(
                f"the stem of {name} has {len(x)} outputs, but must have one; "
                "cut it with keras.Model(stem.inputs, stem.outputs[0])"
            )
    if len(x.shape) != 2:
        x = keras.layers.Flatten(name=f"{name}_flatten")(x)
    if x.shape[-1] != width:
        raise LoweringError(
            f"{name} gives {x.shape[-1]} features, but the plan reads {width} there; "
            "draw the plan with that input width"
        )
    return x


def _lower_unit(
    unit: Unit,
    values: Sequence[Tensor],
    steps: Sequence[NamedStep],
    *,
    name: str,
    momentum: float,
    seed: int,
) -> Tensor:
    x = _merge(unit, values, name=name)
    if not steps and len(unit.connections) == 1:
        return keras.layers.Identity(name=name)(x)  # a layer of its own, to be seen
    for i, named in enumerate(steps):
        own_seed = _seed_of(seed, named.name, i)
        x = _lower_step(x, named, momentum=momentum, seed=own_seed)
    return x


def _merge(unit: Unit, values: Sequence[Tensor], *, name: str) -> Tensor:
    arriving: list[Tensor] = []
    for c in unit.connections:
        x = values[c.source]
        if c.gate is not None:
            x = keras.layers.Activation(
                c.gate, name=f"{name}_gate_{c.source}_{c.gate}"
            )(x)
        arriving += [x] * c.copies
    if len(arriving) == 1:
        return arriving[0]  # a merge layer needs two or more
    layer = keras.layers.Add if unit.merge == "add" else keras.layers.Concatenate
    return layer(name=f"{name}_{unit.merge}")(arriving)


def _lower_step(x: Tensor, named: NamedStep, *, momentum: float, seed: int) -> Tensor:
    step = named.step
    if isinstance(step, Dense):
        dense = keras.layers.Dense(
            step.width,
            step.activation,
            kernel_initializer=_zeros,
            bias_initializer=_zeros,
            name=named.name,
        )
        x = dense(x)
        dense.kernel_initializer = keras.initializers.GlorotUniform(seed=seed)
        dense.bias_initializer = keras.initializers.Zeros()
        return x
    if isinstance(step, Dropout):
        return keras.layers.Dropout(step.rate, seed=seed, name=named.name)(x)
    normalization = keras.layers.BatchNormalization(
        momentum=momentum,
        center=step.scale_shift,
        scale=step.scale_shift,
        beta_initializer=_zeros,
        gamma_initializer=_ones,
        moving_mean_initializer=_zeros,
        moving_variance_initializer=_ones,
        name=named.name,
    )
    x = normalization(x)
    for name in ("beta", "moving_mean"):
        setattr(normalization, f"{name}_initializer", keras.initializers.Zeros())
    for name in ("gamma", "moving_variance"):
        setattr(normalization, f"{name}_initializer", keras.initializers.Ones())
    return x


# Weights are written later, and JAX would compile a program for each shape that an
# initializer of Keras fills. Those of Keras are put back for whoever clones the model.


def _zeros(shape: tuple[int, ...], dtype: Any = None) -> Any:
    return np.zeros(shape, np.float32)


def _ones(shape: tuple[int, ...], dtype: Any = None) -> Any:
    return np.ones(shape, np.float32)


def _seed_of(seed: int, name: str, i: int) -> int:
    """A seed for one layer, the same wherever it is built."""
    entropy = [seed, i, *name.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


def _lower_output(
    x: Tensor, scale: OutputScale | None, *, name: str, is_named: bool
) -> Tensor:
    if scale is not None:
        factors, means = list(scale.scale), list(scale.mean)
        return keras.layers.Rescaling(factors, offset=means, name=name)(x)
    # Several outputs are told apart by name in Keras's histories.
    return keras.layers.Identity(name=name)(x) if is_named else x


def read_weights(model: keras.Model, plan: NetworkPlan) -> Weights:
    """The weights of a Keras model that `to_keras` built, in the common format.

    Raises:
        LoweringError: if the model lacks a layer of the plan.
    """
    return {
        key: np.asarray(keras.ops.convert_to_numpy(variable.value), np.float32)
        for key, variable in _variables(model, plan).items()
    }


def write_weights(
    model: keras.Model, plan: NetworkPlan, weights: Mapping[str, npt.ArrayLike]
) -> None:
    """Put weights of the common format into a Keras model that `to_keras` built.

    Raises:
        LoweringError: if the weights or the model do not belong to the plan.
    """
    check_weights(plan, weights)
    for key, variable in _variables(model, plan).items():
        variable.assign(np.asarray(weights[key]))


def normalizations(model: keras.Model, plan: NetworkPlan) -> list[Any]:
    """The layers of batch normalization that belong to the plan, not to a stem.

    Raises:
        LoweringError: if the model lacks a layer of the plan.
    """
    layers = {layer.name: layer for layer in model.layers}
    return [
        _layer(layers, named)
        for node, _ in plan.nodes()
        for named in named_steps(plan, node)
        if isinstance(named.step, Normalize)
    ]


def _layer(layers: Mapping[str, Any], named: NamedStep) -> Any:
    if named.name not in layers:
        raise LoweringError(
            f"the model has no layer {named.name!r}, so it was not built from this plan"
        )
    return layers[named.name]


def _variables(model: keras.Model, plan: NetworkPlan) -> dict[str, Any]:
    """Each key of the weight format with the model's variable that holds it."""
    layers = {layer.name: layer for layer in model.layers}
    variables = {}
    for node, _ in plan.nodes():
        for named in named_steps(plan, node):
            for key in _keys(named):
                own = getattr(_layer(layers, named), _KERAS_NAMES[key])
                variables[f"{named.name}/{key}"] = own
    return variables


def _keys(named: NamedStep) -> tuple[str, ...]:
    if isinstance(named.step, Dense):
        return ("kernel", "bias")
    if isinstance(named.step, Normalize):
        trained = ("scale", "shift") if named.step.scale_shift else ()
        return (*trained, "mean", "variance")
    return ()
