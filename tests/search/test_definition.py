"""The definition of a search: every setting that decides a trial is part of it."""

import dataclasses
import json
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
from made_up import CONTEXT, EXECUTOR, PROBLEM, SPACE, STRATEGY, a_plan, run

from cerebros.errors import StoreError
from cerebros.lowering import OutputScale
from cerebros.search import (
    GivenPlans,
    KerasExecutor,
    MemoryStore,
    PopulationExecutor,
    RandomSearch,
    as_plain,
    changed_entries,
    definition_of,
)
from cerebros.spaces import ExponentialDecay, Output, Ports
from cerebros.training import Dataset, Objective, Split
from cerebros.training.population import GROUPING

DEFINITION = definition_of(STRATEGY, CONTEXT, seed=0, executor=EXECUTOR)


def with_space(**changes):
    return replace(STRATEGY, space=replace(SPACE, **changes))


def with_vertical(**changes):
    return with_space(vertical=replace(SPACE.vertical, **changes))


def with_lateral(**changes):
    return with_space(lateral=replace(SPACE.lateral, **changes))


def with_settings(**changes):
    return replace(CONTEXT, settings=replace(CONTEXT.settings, **changes))


STRATEGIES = {
    "strategy.space.levels": with_space(levels=(1, 2)),
    "strategy.space.units": with_space(units=(2, 2)),
    "strategy.space.neurons": with_space(neurons=(1, 4)),
    "strategy.space.activation": with_space(activation="relu"),
    "strategy.space.copies": with_space(copies="drawn"),
    "strategy.space.scale_shift": with_space(scale_shift=False),
    "strategy.space.dropout": with_space(dropout=0.1),
    "strategy.space.vertical.input_density": with_vertical(input_density=1.5),
    "strategy.space.vertical.density": with_vertical(density=1.5),
    "strategy.space.vertical.decay": with_vertical(decay=ExponentialDecay(0.25)),
    "strategy.space.vertical.min_skip": with_vertical(min_skip=3),
    "strategy.space.vertical.max_skip": with_vertical(max_skip=5),
    "strategy.space.vertical.input_rounding": with_vertical(input_rounding="floor"),
    "strategy.space.vertical.rounding": with_vertical(rounding="floor"),
    "strategy.space.lateral.probability": with_lateral(probability=0.123),
    "strategy.space.lateral.decay": with_lateral(decay=ExponentialDecay(0.25)),
    "strategy.space.lateral.tries": with_lateral(tries=7),
    "strategy.space.lateral.max_consecutive": with_lateral(max_consecutive=9),
    "strategy.space.lateral.gate_after": with_lateral(gate_after=4),
    "strategy.space.lateral.gate": with_lateral(gate="tanh"),
    "strategy.space.lateral.direction": with_lateral(direction="left"),
    "strategy.space.lateral.between_outputs": with_lateral(between_outputs=True),
    "strategy.ports.input_widths": replace(STRATEGY, ports=Ports((4,), (Output(1),))),
    "strategy.ports.outputs": replace(STRATEGY, ports=Ports((3,), (Output(2),))),
    "strategy.n_wirings": replace(STRATEGY, n_wirings=2),
    "strategy.type": GivenPlans((a_plan(),)),
}
X, Y = PROBLEM.data.inputs[0], PROBLEM.data.targets[0]
TRAIN, VALIDATION = CONTEXT.split.train, CONTEXT.split.validation


def stem(width):
    layer = keras.layers.Dense(width, kernel_initializer="ones")
    return keras.Sequential([keras.Input((3,)), layer])


CONTEXTS = {
    "training.epochs": with_settings(epochs=5),
    "training.batch_size": with_settings(batch_size=5),
    "training.optimizer": with_settings(optimizer="sgd"),
    "training.learning_rate": with_settings(learning_rate=0.5),
    "training.stem_learning_rate": with_settings(stem_learning_rate=0.5),
    "training.schedule": with_settings(schedule="cosine"),
    "training.weight_decay": with_settings(weight_decay=0.0),
    "training.loss": with_settings(loss="mae"),
    "training.metrics": with_settings(metrics=("mae",)),
    "training.momentum": with_settings(momentum=0.99),
    "training.patience": with_settings(patience=2),
    "objective.metric": replace(CONTEXT, objective=Objective("val_loss")),
    "objective.direction": replace(
        CONTEXT, objective=Objective(CONTEXT.objective.metric, "maximize")
    ),
    "output_scales": replace(CONTEXT, output_scales=(OutputScale((0.0,), (1.0,)),)),
    "data": replace(CONTEXT, data=Dataset.of(X + 1, Y)),
    "split": replace(CONTEXT, split=Split(TRAIN[:-1], VALIDATION, CONTEXT.split.test)),
    "stems": replace(CONTEXT, stems=[stem(3)]),
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_change_of_the_strategy_is_noticed_and_named(name):
    (first, *_) = changes = changed_entries(
        definition_of(STRATEGIES[name], CONTEXT, seed=0, executor=EXECUTOR), DEFINITION
    )
    named = {change.partition(" (")[0].partition("[")[0] for change in changes}
    assert any(entry.startswith(name) for entry in named), changes
    with pytest.raises(StoreError) as caught:
        run_after_another(strategy=STRATEGIES[name])
    assert first in str(caught.value)


@pytest.mark.parametrize("name", CONTEXTS)
def test_a_change_of_data_or_training_is_noticed_and_named(name):
    changes = changed_entries(
        definition_of(STRATEGY, CONTEXTS[name], seed=0, executor=EXECUTOR), DEFINITION
    )
    assert [change.partition(" (")[0] for change in changes] == [name]
    with pytest.raises(StoreError, match=name.replace(".", r"\.")):
        run_after_another(context=CONTEXTS[name])


def test_another_executor_is_noticed_and_named():
    with pytest.raises(StoreError, match=r"executor\.trainer \('made up' there"):
        run_after_another(executor=KerasExecutor())


def test_where_blocks_begin_and_what_decides_shapes_is_part_of_the_definition():
    executor = PopulationExecutor()
    entry = definition_of(STRATEGY, CONTEXT, seed=0, executor=executor)["executor"]
    assert entry == {
        "trainer": "population",
        "bounds": [0, 8, 64, 256, 1024],
        "size": 1024,
        "grouping": GROUPING,
    }
    assert json.loads(json.dumps(entry)) == entry


def test_another_seed_is_noticed_and_named():
    with pytest.raises(StoreError, match=r"seed \(0 there, 3 now\)"):
        run_after_another(seed=3)


def run_after_another(**changes):
    store = MemoryStore(CONTEXT.objective)
    run(store, 1)
    run(store, 2, **changes)


def leaves(value, where):
    """Names of all settings in a settings object."""
    for field in dataclasses.fields(value):
        inner, name = getattr(value, field.name), f"{where}.{field.name}"
        if field.name in ("vertical", "lateral", "space", "ports"):
            yield from leaves(inner, name)
        else:
            yield name


def test_no_setting_is_forgotten_here():
    known = {*STRATEGIES, *CONTEXTS}
    assert {
        *leaves(STRATEGY, "strategy"),
        *leaves(CONTEXT.settings, "training"),
        *leaves(CONTEXT.objective, "objective"),
    } <= known


def test_test_rows_do_not_decide_a_trial():
    split = Split(TRAIN, VALIDATION, CONTEXT.split.test[:1])
    assert (
        definition_of(
            STRATEGY, replace(CONTEXT, split=split), seed=0, executor=EXECUTOR
        )
        == DEFINITION
    )


def test_what_was_made_the_same_way_has_the_same_definition():
    def context():
        metrics = (keras.metrics.AUC(), keras.metrics.AUC(curve="PR"))
        return with_settings(
            optimizer=keras.optimizers.Adam(0.1),
            loss=keras.losses.Huber(),
            metrics=metrics,
        )

    first, second = (
        definition_of(STRATEGY, context(), seed=0, executor=EXECUTOR) for _ in range(2)
    )
    assert first == second


def test_the_weights_of_a_stem_are_part_of_the_definition():
    one, other = stem(3), stem(3)
    other.layers[0].bias.assign(np.ones(3))
    definitions = [
        definition_of(
            STRATEGY, replace(CONTEXT, stems=[model]), seed=0, executor=EXECUTOR
        )["stems"]
        for model in (one, other, None)
    ]
    assert definitions[2] == [None]
    assert definitions[0] != definitions[1]


def test_a_definition_is_plain_and_survives_json():
    strategy = RandomSearch(space=SPACE, ports=STRATEGY.ports)
    definition = definition_of(
        strategy, with_settings(loss=keras.losses.Huber()), seed=0, executor=EXECUTOR
    )
    assert json.loads(json.dumps(definition)) == definition


@dataclass(frozen=True)
class Odd:
    value: object


def test_plain_data_stay_and_settings_become_dictionaries():
    assert as_plain(Odd((1, 2.5, None, "a", True, [np.int64(3)], {4: "b"}))) == {
        "type": "Odd",
        "value": [1, 2.5, None, "a", True, [3], {"4": "b"}],
    }


@pytest.mark.parametrize("value", [object(), {1, 2}, Odd, lambda: 0, b"bytes"])
def test_what_cannot_be_written_down_is_refused(value):
    with pytest.raises(TypeError, match="cannot be written down as settings"):
        as_plain(Odd(value))


def test_changes_are_listed_entry_by_entry():
    ours = {"a": {"b": 1, "c": [1, 2]}, "d": "x"}
    theirs = {"a": {"b": 2, "c": [1, 3]}, "e": None}
    assert changed_entries(ours, theirs) == [
        "a.b (2 there, 1 now)",
        "a.c ([1, 3] there, [1, 2] now)",
        "d (None there, 'x' now)",
    ]
    assert changed_entries(ours, ours) == []
