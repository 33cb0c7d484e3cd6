"""The original `ResidualMLP`: a residual MLP, alone or in tandem behind a base model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cerebros.compat._functions import activation_of
from cerebros.plan import NetworkPlan
from cerebros.spaces import Output, Ports, ResidualBlock
from cerebros.spaces import ResidualMLP as Settings
from cerebros.training import display_name, named

_MOST_TOP_K = 9


class ResidualMLP:
    """Builds a compiled Keras model: a base model, or none, and a residual MLP behind.

    Args:
        problem_type: `"classification"` or `"regression"`.
        learning_rate: of Adam.
        input_shape: of one observation.
        bw_images: whether images of one channel are repeated to three in front.
        base_model: any Keras model that the input goes through first; `""` or None
            for none.
        base_model_input_shape: of the base model; where it differs from `input_shape`,
            a layer that resizes stands in front.
        flatten_after_base_model: whether what has several dimensions is flattened
            before the residual MLP.
        blocks: for each `[j, k, l]`: `j` dense layers, the first of `k` neurons, each
            next one of `l` less.
        residual_bypass_dense_layers: for each block the neurons of the layers on its
            bypass; empty for none at all.
        b_norm_or_dropout_residual_bypass_layers: `"dropout"` or `"bnorm"`.
        dropout_rate_for_bypass_layers: if it is dropout.
        inter_block_layers_per_block: neurons of the layers in each break between
            blocks.
        b_norm_or_dropout_last_layers: `"dropout"` or `"bnorm"`.
        dropout_rate: behind each final dense layer.
        activation: of all layers but the last.
        final_dense_layers: neurons of the layers behind the last block.
        number_of_classes: width of the output; 1 for regression and for two classes.
        final_activation: `"softmax"`, `"sigmoid"` for two classes, None for regression.
        loss: class, object or name; by default categorical cross-entropy.
        seed: of initial values and dropout.

    Raises:
        ValueError: if arguments contradict each other; the message names them and the
            way out.

    Example:
        >>> from cerebros.compat import ResidualMLP
        >>> mlp = ResidualMLP(
        ...     input_shape=(8, 8, 1), blocks=[[2, 20, 5]], final_dense_layers=[10]
        ... )
        >>> model = mlp.make_tandem_model()
        >>> model.output_shape
        (None, 10)
    """

    def __init__(
        self,
        problem_type: str = "classification",
        learning_rate: float = 0.0007,
        input_shape: Sequence[int] = (32, 32, 3),
        bw_images: bool = False,
        base_model: Any = "",
        base_model_input_shape: Sequence[int] = (600, 600, 3),
        flatten_after_base_model: bool = True,
        blocks: Sequence[Sequence[int]] = ((5, 400, 50),),
        residual_bypass_dense_layers: Sequence[Sequence[int]] | str = "",
        b_norm_or_dropout_residual_bypass_layers: str = "dropout",
        dropout_rate_for_bypass_layers: float = 0.35,
        inter_block_layers_per_block: Sequence[int] = (),
        b_norm_or_dropout_last_layers: str = "dropout",
        dropout_rate: float = 0.2,
        activation: Any = "relu",
        final_dense_layers: Sequence[int] = (75, 35),
        number_of_classes: int = 10,
        final_activation: Any = "softmax",
        loss: Any = None,
        *,
        seed: int = 0,
    ) -> None:
        self.problem_type = problem_type
        self.learning_rate = learning_rate
        self.input_shape = tuple(input_shape)
        self.bw_images = bw_images
        self.base_model = None if _is_none(base_model) else base_model
        self.base_model_input_shape = tuple(base_model_input_shape)
        self.flatten_after_base_model = flatten_after_base_model
        self.number_of_classes = number_of_classes
        self.final_activation = activation_of("final_activation", final_activation)
        self.loss = loss
        self.seed = seed
        self.settings = Settings(
            blocks=_blocks(blocks, residual_bypass_dense_layers),
            between=tuple(inter_block_layers_per_block),
            final=tuple(final_dense_layers),
            bypass_regularization=_regularization(
                "b_norm_or_dropout_residual_bypass_layers",
                b_norm_or_dropout_residual_bypass_layers,
            ),
            bypass_dropout=dropout_rate_for_bypass_layers,
            final_regularization=_regularization(
                "b_norm_or_dropout_last_layers", b_norm_or_dropout_last_layers
            ),
            final_dropout=dropout_rate,
            activation=activation_of("activation", activation),
        )
        self._check()

    def make_tandem_model(self) -> Any:
        """A compiled Keras model, ready for `fit`."""
        import keras

        from cerebros.lowering import to_keras

        stem = self._stem()
        shape = self.input_shape if stem is None else tuple(stem.output_shape[1:])
        model = to_keras(
            self.plan(self._width(shape)),
            input_shapes=[self.input_shape],
            stems=[stem],
            seed=self.seed,
        )
        model.compile(
            optimizer=keras.optimizers.Adam(self.learning_rate),
            loss=self._loss(),
            metrics=self._metrics(),
        )
        return model

    def plan(self, n_features: int) -> NetworkPlan:
        """The residual MLP as a plan.

        Args:
            n_features: what it reads of one observation.
        """
        output = Output(self.number_of_classes, self.final_activation)
        return self.settings.plan(Ports((n_features,), (output,)))

    # --- In front -------------------------------------------------------------------

    def _stem(self) -> Any:
        """The base model with what stands before it, or None."""
        import keras

        if self.base_model is None and not self.bw_images:
            return None
        from cerebros.stems import check_one_output, in_front

        x = inputs = keras.Input(self.input_shape)
        if self.base_model is None:
            *height_width, _ = self.input_shape
            return keras.Model(inputs, in_front(x, (*height_width, 3)))
        try:
            x = in_front(x, self._base_input_shape())
        except ValueError as error:
            raise ValueError(
                f"{error}; input_shape is {self.input_shape}, base_model_input_shape "
                f"{self.base_model_input_shape}"
            ) from error
        outputs = self.base_model(x)
        check_one_output(outputs, "base_model")
        return keras.Model(inputs, outputs)

    def _base_input_shape(self) -> tuple[int, ...]:
        """What the base model reads; its own word counts where it has one."""
        from cerebros.stems import one_input_shape

        if not hasattr(self.base_model, "input_shape"):  # not built yet
            return self.base_model_input_shape
        own = one_input_shape(self.base_model, "base_model")
        if None in own:
            return self.base_model_input_shape
        wanted = tuple(size for size in own if size is not None)
        if wanted != self.base_model_input_shape and self._is_resized:
            raise ValueError(
                f"base_model_input_shape is {self.base_model_input_shape}, but the base "
                f"model reads {wanted}; give that shape"
            )
        return wanted

    @property
    def _is_resized(self) -> bool:
        return self.base_model_input_shape not in ((600, 600, 3), self.input_shape)

    def _width(self, shape: tuple[int | None, ...]) -> int:
        """Features that the residual MLP reads."""
        known = [size for size in shape if size is not None]
        if len(known) < len(shape):
            raise ValueError(
                f"what the residual MLP reads has the shape {shape}, whose size is not "
                "known; let the base model end in a pooling layer"
            )
        if len(known) != 1 and not self.flatten_after_base_model:
            raise ValueError(
                f"what the residual MLP reads has the shape {shape}, but must be one "
                "row of features; set flatten_after_base_model=True"
            )
        return math.prod(known)

    # --- Behind ---------------------------------------------------------------------

    def _check(self) -> None:
        if self.problem_type not in ("classification", "regression"):
            raise ValueError(
                "problem_type must be 'classification' or 'regression', but got "
                f"{self.problem_type!r}"
            )
        if self.bw_images and self.input_shape[-1] != 1:
            raise ValueError(
                f"bw_images=True needs images of one channel, but input_shape is "
                f"{self.input_shape}; leave bw_images out"
            )
        loss = _loss_name(self.loss)
        is_categorical = "categorical" in loss
        wrong: list[tuple[str, Any, str]] = []
        if self.problem_type == "regression":
            if self.number_of_classes != 1:
                wrong.append(("number_of_classes", self.number_of_classes, "1"))
            if self.final_activation in ("softmax", "sigmoid"):
                wrong.append(("final_activation", self.final_activation, "None"))
            if is_categorical or "crossentropy" in loss:
                wrong.append(("loss", loss, "keras.losses.MeanSquaredError"))
            _refuse("problem_type='regression'", wrong)
        elif self.number_of_classes == 1:
            if self.final_activation != "sigmoid":
                wrong.append(("final_activation", self.final_activation, "'sigmoid'"))
            if is_categorical:
                wrong.append(("loss", loss, "keras.losses.BinaryCrossentropy"))
            _refuse("classification with number_of_classes=1", wrong)

    def _loss(self) -> Any:
        import keras

        if self.loss is None:
            return keras.losses.CategoricalCrossentropy(from_logits=False)
        return self.loss() if isinstance(self.loss, type) else self.loss

    def _metrics(self) -> list[Any]:
        from keras import metrics

        if self.problem_type == "regression":
            return [
                metrics.RootMeanSquaredError(name="root_mean_squared_error"),
                metrics.MeanAbsoluteError(name="mean_absolute_error"),
            ]
        if self.number_of_classes == 1:
            return [
                metrics.BinaryAccuracy(name="accuracy"),
                metrics.Precision(name="precision"),
                metrics.Recall(name="recall"),
                metrics.AUC(name="auc"),
            ]
        tops = range(1, min(_MOST_TOP_K, self.number_of_classes - 1) + 1)
        if "sparse" in _loss_name(self.loss):  # precision and recall need one-hot rows
            return [
                metrics.SparseTopKCategoricalAccuracy(k, name=f"top_{k}_accuracy")
                for k in tops
            ]
        return [
            *(
                metrics.TopKCategoricalAccuracy(k, name=f"top_{k}_accuracy")
                for k in tops
            ),
            metrics.Precision(name="precision"),
            metrics.Recall(name="recall"),
        ]


def _is_none(base_model: Any) -> bool:
    return base_model is None or (isinstance(base_model, str) and base_model == "")


def _blocks(blocks: Any, bypasses: Any) -> tuple[ResidualBlock, ...]:
    bypasses = bypasses or [[] for _ in blocks]
    if len(bypasses) != len(blocks):
        raise ValueError(
            f"residual_bypass_dense_layers has {len(bypasses)} lists, but blocks has "
            f"{len(blocks)} entries; give one list for each block, [] for no layer"
        )
    result = []
    for i, (numbers, bypass) in enumerate(zip(blocks, bypasses, strict=True)):
        if len(numbers) != 3:
            raise ValueError(
                f"block {i} must be [j, k, l]: layers, neurons, and neurons less in "
                f"each next layer; but got {list(numbers)!r}"
            )
        depth, width, taper = map(int, numbers)
        try:
            block = ResidualBlock(depth=depth, width=width, taper=taper)
            block = replace(block, bypass=tuple(map(int, bypass)))
        except ValueError as error:
            raise ValueError(f"block {i} {list(numbers)!r}: {error}") from error
        result.append(block)
    return tuple(result)


def _regularization(argument: str, value: str) -> Any:
    known = {"dropout": "dropout", "bnorm": "normalize"}
    if value not in known:
        raise ValueError(f"{argument} must be 'dropout' or 'bnorm', but got {value!r}")
    return known[value]


def _loss_name(loss: Any) -> str:
    """In snake case."""
    return "categorical_crossentropy" if loss is None else display_name(named(loss))


def _refuse(what: str, wrong: list[tuple[str, Any, str]]) -> None:
    if wrong:
        has = " and ".join(f"{name}={value!r}" for name, value, _ in wrong)
        wants = ", ".join(f"{name}={fit}" for name, _, fit in wrong)
        raise ValueError(f"{what} does not go with {has}; give {wants}")
