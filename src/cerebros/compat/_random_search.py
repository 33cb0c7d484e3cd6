"""The original's search, by its name and with its arguments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cerebros.compat._connectivity import (
    DenseAutoMlStructuralComponent,
    DenseLateralConnectivity,
)
from cerebros.compat._functions import (
    simple_sigmoid,
    zero_7_exp_decay,
    zero_95_exp_decay,
)
from cerebros.compat._inputs import (
    arguments_of,
    as_list,
    base_models_of,
    check_shapes,
    input_shapes_of,
    metrics_of,
    range_of,
    warn_of_target_copies,
    warn_of_unknown,
)
from cerebros.compat._project_files import ProjectFiles
from cerebros.compat._spec import Spec, spec_of
from cerebros.search import (
    PopulationExecutor,
    RandomSearch,
    SearchResult,
    SqlStore,
    definition_of,
    progress_of,
    run_search,
    to_json,
)
from cerebros.spaces import Output, Ports, RandomWiring, Rounding
from cerebros.training import (
    KERAS_MOMENTUM,
    Objective,
    TrainingContext,
    TrainingSettings,
    check_share,
    check_targets,
    prepared,
    rehearse,
    split_last_rows,
    whole_number,
)


class _NotGiven(int):
    """A default that can be told from the same number given by a script."""


PATIENCE_NOT_GIVEN = _NotGiven(7)


class SimpleCerebrosRandomSearch(
    DenseAutoMlStructuralComponent, DenseLateralConnectivity
):
    """Random search over randomly wired networks, as the original package had it.

    Arguments, defaults and files are the original's; everything is delegated to
    `cerebros.search`. Some things differ on purpose: gates really gate, the seed
    really seeds, `patience` really stops, the best epoch's weights are returned, and
    the same call in the same project goes on where it was stopped.

    The wiring arguments are explained in `DenseAutoMlStructuralComponent` and
    `DenseLateralConnectivity`.

    Args:
        unit_type: class of the hidden units; `DenseUnit`.
        input_shapes: for each input the shape of a row: a number, tuple, or digits.
        output_shapes: width of each output.
        training_data: one array, data frame or tensor for each input, rows first.
        labels: one for each output.
        validation_split: share of the *last* rows that is held out, not shuffled.
        direction: `"minimize"`, `"min"`, `"maximize"` or `"max"`.
        metric_to_rank_by: a column of the history, as `val_root_mean_squared_error`.
        minimum_levels: levels of units, the outputs' included; at least 1.
        maximum_levels: the same.
        minimum_units_per_level: units on a hidden level.
        maximum_units_per_level: the same.
        minimum_neurons_per_unit: neurons of a hidden unit.
        maximum_neurons_per_unit: the same.
        number_of_architecture_moities_to_try: draws of levels, units and neurons.
        number_of_tries_per_architecture_moity: wirings of each.
        learning_rate: of Adam.
        loss: a Keras name, class or object.
        metrics: Keras names or objects; by default the root mean squared error.
        epochs: at most.
        patience: epochs without a better `metric_to_rank_by` before a trial stops.
            Where a script does not give it, no trial stops early: the original
            ignored the default of 7, and scripts were tuned so.
        project_name: folder for the results.
        batch_size: rows of a step.
        meta_trial_number: part of the seed and of file names, so that runs on many
            machines neither repeat nor overwrite each other.
        base_models: for each input what it goes through first, or `""`: a Keras model,
            or a transformer or function, which gets the rows of `training_data` as
            they are.
        **unknown: accepted with one warning that names them.

    Raises:
        ValueError: if an argument is out of range; the message names it.
        DataError: if the data cannot be trained on; all problems are listed.
    """

    def __init__(
        self,
        unit_type: type,
        input_shapes: Sequence[Any],
        output_shapes: Sequence[int],
        training_data: Sequence[Any],
        labels: Sequence[Any],
        validation_split: float,
        direction: str,
        metric_to_rank_by: str,
        minimum_levels: int,
        maximum_levels: int,
        minimum_units_per_level: int,
        maximum_units_per_level: int,
        minimum_neurons_per_unit: int,
        maximum_neurons_per_unit: int,
        activation: Any = "elu",
        final_activation: Any = None,
        number_of_architecture_moities_to_try: int = 1,
        number_of_tries_per_architecture_moity: int = 1,
        minimum_skip_connection_depth: int = 1,
        maximum_skip_connection_depth: int = 7,
        predecessor_level_connection_affinity_factor_first: float = 5,
        predecessor_level_connection_affinity_factor_first_rounding_rule: Rounding = "ceil",
        predecessor_level_connection_affinity_factor_main: float = 0.7,
        predecessor_level_connection_affinity_factor_main_rounding_rule: Rounding = "ceil",
        predecessor_level_connection_affinity_factor_decay_main: Any = zero_7_exp_decay,
        seed: int = 8675309,
        max_consecutive_lateral_connections: int = 7,
        gate_after_n_lateral_connections: int = 3,
        gate_activation_function: Any = simple_sigmoid,
        p_lateral_connection: float = 0.97,
        p_lateral_connection_decay: Any = zero_95_exp_decay,
        num_lateral_connection_tries_per_unit: int = 1,
        learning_rate: float = 0.005,
        loss: Any = "mse",
        metrics: Sequence[Any] | None = None,
        epochs: int = 7,
        patience: int = PATIENCE_NOT_GIVEN,
        project_name: str | Path = "cerebros-auto-ml-test",
        batch_size: int = 200,
        meta_trial_number: int = 0,
        base_models: Sequence[Any] = ("",),
        **unknown: Any,
    ) -> None:
        arguments = dict(locals())
        warn_of_unknown("SimpleCerebrosRandomSearch", unknown)
        DenseAutoMlStructuralComponent.__init__(
            self, **arguments_of(DenseAutoMlStructuralComponent, arguments)
        )
        DenseLateralConnectivity.__init__(
            self, **arguments_of(DenseLateralConnectivity, arguments)
        )
        check_share("validation_split", validation_split)
        self.unit_type = unit_type
        self.project_name = Path(project_name)
        self.neural_network_spec: Spec | None = None
        self._n_specs_drawn = 0
        self._result: SearchResult | None = None
        self._meta_trial_number = whole_number(
            "meta_trial_number", meta_trial_number, least=0
        )
        self._n_tries = whole_number(
            "number_of_tries_per_architecture_moity",
            number_of_tries_per_architecture_moity,
            least=1,
        )
        self._n_trials = self._n_tries * whole_number(
            "number_of_architecture_moities_to_try",
            number_of_architecture_moities_to_try,
            least=1,
        )

        shapes = input_shapes_of(input_shapes)
        data, split, front = prepared(
            as_list(training_data),
            as_list(labels),
            base_models_of(base_models, n_inputs=len(shapes)),
            split=partial(split_last_rows, validation=validation_split),
        )
        self._front = front
        check_shapes(data, shapes, front)
        outputs = tuple(
            Output(int(w), self.final_activation) for w in as_list(output_shapes)
        )
        self._strategy = RandomSearch(
            space=RandomWiring(
                levels=range_of("levels", minimum_levels, maximum_levels),
                units=range_of(
                    "units_per_level", minimum_units_per_level, maximum_units_per_level
                ),
                neurons=range_of(
                    "neurons_per_unit",
                    minimum_neurons_per_unit,
                    maximum_neurons_per_unit,
                ),
                activation=self.activation,
                vertical=self.vertical,
                lateral=self.lateral,
                copies="drawn",
            ),
            ports=Ports(front.widths([x.shape[1:] for x in data.inputs]), outputs),
            n_wirings=self._n_tries,
        )
        self._context = TrainingContext(
            data=data,
            split=split,
            settings=TrainingSettings(
                epochs=whole_number("epochs", epochs, least=1),
                batch_size=whole_number("batch_size", batch_size, least=1),
                learning_rate=float(learning_rate),
                loss=loss,
                metrics=metrics_of(metrics),
                patience=None if patience is PATIENCE_NOT_GIVEN else patience,
                momentum=KERAS_MOMENTUM,
            ),
            objective=Objective(metric_to_rank_by, direction),
            stems=front.keras_stems,
        )

    def run_random_search(self) -> float:
        """Train all trials and keep them in the project folder.

        Called again, also in another process, it goes on where it was stopped.

        Returns:
            The best value of `metric_to_rank_by` over all epochs and trials.

        Raises:
            DataError: if labels, loss and metrics do not go together.
            ValueError: if `metric_to_rank_by` is not a column of the history; the
                message lists those that are. Both before any training.
            SearchError: if every trial failed.
        """
        context, ports = self._context, self._strategy.ports
        check_targets(
            context.data,
            context.split,
            output_widths=[output.width for output in ports.outputs],
            loss=context.settings.loss or "mse",
        )
        rehearse(context, ports)
        warn_of_target_copies(context.data, self._front)
        store = self._store()
        run_search(
            self._strategy,
            PopulationExecutor(),
            store,
            context,
            n_trials=self._n_trials,
            seed=self._search_seed,
            progress=ProjectFiles(
                self.project_name,
                store,
                prefix=self._prefix,
                tries=self._n_tries,
                shown=progress_of("auto"),
            ),
        )
        self._result = SearchResult(store, context)
        score = self._result.best_trial.score
        assert score is not None, "the best trial has a score"
        return score

    def get_best_model(self) -> Any:
        """The compiled Keras model of the best trial, with its best epoch's weights.

        Raises:
            RuntimeError: if `run_random_search` has not been called.
        """
        if self._result is None:
            raise RuntimeError("there is no model yet; call run_random_search() first")
        return self._result.best_model()

    def parse_neural_network_structural_spec_random(self) -> Spec:
        """Draw the levels, units and neurons of the next architecture."""
        skeleton = self._strategy.architecture(
            self._n_specs_drawn, seed=self._search_seed
        )
        self._n_specs_drawn += 1
        self.neural_network_spec = spec_of(skeleton, self.unit_type)
        return self.neural_network_spec

    def get_neural_network_spec(self) -> Spec | None:
        """The spec that was drawn last, or None."""
        return self.neural_network_spec

    @property
    def _search_seed(self) -> int:
        """The seed of this machine's part of the search."""
        if not self._meta_trial_number:
            return self.seed
        entropy = [self.seed, self._meta_trial_number]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    @property
    def _prefix(self) -> str:
        return f"meta_{self._meta_trial_number}_" if self._meta_trial_number else ""

    def _store(self) -> SqlStore:
        """One database for the project; other arguments are another search in it."""
        definition = definition_of(
            self._strategy,
            self._context,
            seed=self._search_seed,
            executor=PopulationExecutor(),
        )
        digest = hashlib.sha256(to_json(definition).encode()).hexdigest()[:12]
        return SqlStore.in_folder(
            self.project_name,
            self._context.objective,
            keep="all",
            name=f"{self._prefix}{digest}",
        )
