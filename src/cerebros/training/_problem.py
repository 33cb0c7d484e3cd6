"""What the data ask of a network: regression, or telling classes apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any

import numpy as np

from cerebros.errors import DataError
from cerebros.lowering import OutputScale
from cerebros.spaces import Output, Ports
from cerebros.training._dataset import Dataset, as_labels
from cerebros.training._front import Front, prepared
from cerebros.training._keras_object import Named, display_name
from cerebros.training._objective import Objective
from cerebros.training._settings import TrainingSettings
from cerebros.training._split import Split, split_at_random
from cerebros.training._target_checks import check_targets
from cerebros.training._task import TrainingContext


class Task(Enum):
    """Kinds of problems."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"


@dataclass(frozen=True, slots=True)
class _Usual:
    """What is usual for a task, where a user does not say."""

    activation: str
    loss: Named
    metrics: tuple[Named, ...]
    objective: Objective


_USUAL = {
    Task.REGRESSION: _Usual(
        "linear",
        "mse",
        ("root_mean_squared_error", "mean_absolute_error"),
        Objective("val_root_mean_squared_error", "minimize"),
    ),
    Task.BINARY: _Usual(
        "sigmoid",
        "binary_crossentropy",
        ("accuracy", "auc"),
        Objective("val_loss", "minimize"),
    ),
    Task.MULTICLASS: _Usual(
        "softmax",
        "sparse_categorical_crossentropy",
        ("accuracy",),
        Objective("val_loss", "minimize"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Data, their split, and what a network must look like to learn them.

    Made by `Problem.regression` or `Problem.classification`.

    Attributes:
        task: the kind of problem.
        data: all rows, as numbers.
        split: rows that train, that choose, and that judge.
        ports: inputs and outputs of a network.
        objective: the usual one; may be replaced.
        front: the stems, transformers among them fitted.
        classes: the labels in the order of the outputs; empty for a regression.
        output_scales: mean and scale of the training rows' target, so that networks
            learn standardized numbers and answer in the units of the target.
    """

    task: Task
    data: Dataset
    split: Split
    ports: Ports
    objective: Objective
    front: Front
    classes: tuple[Any, ...] = ()
    output_scales: tuple[OutputScale, ...] | None = None

    @classmethod
    def regression(
        cls,
        inputs: Any,
        targets: Any,
        *,
        validation: float = 0.2,
        test: float = 0.2,
        seed: int = 0,
        sample_weight: Any = None,
        stems: Any = None,
    ) -> Problem:
        """Predict numbers.

        Args:
            inputs: `(row, feature)`, or a list of such for several inputs.
            targets: `(row,)` or `(row, width)`, or a list for several outputs.
            validation: share of rows by which networks are chosen.
            test: share of rows that judge the chosen one; 0 for none.
            seed: decides which rows.
            sample_weight: how much each row counts in the loss, `(row,)`; None for all
                alike. Metrics are not weighted.
            stems: for each input what its rows go through first, or None: a Keras
                model (see `keras_stem`), a transformer of scikit-learn, or a function
                from rows to features. A transformer that is not fitted is fitted on
                the training rows.

        Raises:
            DataError: if the data cannot be trained on; all problems are listed.
            StemError: if a stem does not fit its rows.
            ValueError: if the shares are out of range.
        """
        data, split, front = prepared(
            inputs,
            targets,
            stems,
            weights=sample_weight,
            split=partial(split_at_random, validation=validation, test=test, seed=seed),
        )
        ports = Ports(
            input_widths=front.widths([x.shape[1:] for x in data.inputs]),
            outputs=tuple(Output(y.shape[1]) for y in data.targets),
        )
        check_targets(data, split, output_widths=_widths(ports), loss="mse")
        scales = tuple(OutputScale.of(y[split.train]) for y in data.targets)
        return cls(
            task=Task.REGRESSION,
            data=data,
            split=split,
            ports=ports,
            objective=_objective(Task.REGRESSION, len(ports.outputs)),
            output_scales=scales,
            front=front,
        )

    @classmethod
    def classification(
        cls,
        inputs: Any,
        labels: Any,
        *,
        validation: float = 0.2,
        test: float = 0.2,
        seed: int = 0,
        sample_weight: Any = None,
        stems: Any = None,
    ) -> Problem:
        """Tell classes apart, two or more; every part holds each in proportion.

        Args:
            inputs: `(row, feature)`, or a list of such for several inputs.
            labels: `(row,)`: text, numbers or booleans, one label a row.
            validation: share of rows by which networks are chosen.
            test: share of rows that judge the chosen one; 0 for none.
            seed: decides which rows.
            sample_weight: how much each row counts in the loss, `(row,)`; None for all
                alike. Metrics are not weighted.
            stems: see `regression`.

        Raises:
            DataError: if the data cannot be trained on; all problems are listed.
            StemError: if a stem does not fit its rows.
            ValueError: if the shares are out of range.
        """
        classes, numbers = as_labels(labels)
        if len(classes) < 2:
            raise DataError(
                f"the labels have one class only ({classes[0]!r}); two are needed"
            )
        data, split, front = prepared(
            inputs,
            numbers,
            stems,
            weights=sample_weight,
            split=partial(
                split_at_random,
                validation=validation,
                test=test,
                seed=seed,
                classes=numbers,
            ),
        )
        task = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
        output = Output(
            1 if task is Task.BINARY else len(classes), _USUAL[task].activation
        )
        widths = front.widths([x.shape[1:] for x in data.inputs])
        ports = Ports(input_widths=widths, outputs=(output,))
        check_targets(data, split, output_widths=[output.width], loss=_USUAL[task].loss)
        return cls(
            task=task,
            data=data,
            split=split,
            ports=ports,
            objective=_objective(task, 1),
            classes=tuple(classes),
            front=front,
        )

    def prepare(self, inputs: Any) -> Any:
        """Raw rows as the models of this problem read them.

        Transformers and functions are applied; Keras stems are part of the models.

        Args:
            inputs: new rows, of the kind that the problem was made of.

        Returns:
            What `model.predict` takes: an array, or for several inputs a list of them.

        Raises:
            DataError: if there is not one for each input.
            StemError: if a stem fails on them.
        """
        raw = self.front.inputs(inputs)
        prepared = [np.asarray(x) for x in self.front.apply(raw)]
        arrays = [x if x.ndim > 1 else x[:, None] for x in prepared]
        return arrays if len(arrays) > 1 else arrays[0]

    def context(
        self,
        settings: TrainingSettings,
        objective: Objective | None = None,
    ) -> TrainingContext:
        """What all trainings have in common; what was left open is decided here."""
        usual = _USUAL[self.task]
        settings = replace(
            settings,
            batch_size=settings.batch_rows(len(self.split.train)),
            loss=usual.loss if settings.loss is None else settings.loss,
            metrics=usual.metrics if settings.metrics is None else settings.metrics,
        )
        return TrainingContext(
            data=self.data,
            split=self.split,
            settings=settings,
            objective=objective or self._usual_objective(settings),
            output_scales=self.output_scales,
            stems=self.front.keras_stems,
        )

    def _usual_objective(self, settings: TrainingSettings) -> Objective:
        """The problem's own, or the loss if its metric was replaced by others."""
        names = {display_name(metric) for metric in settings.metrics or ()}
        column = self.objective.metric.removeprefix("val_")
        return self.objective if column in {*names, "loss"} else Objective("val_loss")


def _objective(task: Task, n_outputs: int) -> Objective:
    # With several outputs a metric has one column for each, and only the loss is one.
    return _USUAL[task].objective if n_outputs == 1 else Objective("val_loss")


def _widths(ports: Ports) -> list[int]:
    return [output.width for output in ports.outputs]
