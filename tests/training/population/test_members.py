"""Each member of a population has a fate of its own."""

import time
from dataclasses import replace

import numpy as np
import pytest
from population_agreement import (
    context_of,
    differences,
    trained_by_engine,
    trained_by_keras,
)

from cerebros.plan import Dense, Draft, Dropout, Normalize
from cerebros.spaces import Output, Ports, RandomWiring
from cerebros.training import Objective, Split, Status, TrainingSettings, TrainingTask
from cerebros.training.population import reason_not_lowerable

PORTS = Ports(input_widths=(4,), outputs=(Output(1),))
SPACE = RandomWiring(levels=(2, 3), units=(1, 3), neurons=(2, 4))


def tasks_of(n, **arguments):
    return [
        TrainingTask(
            SPACE.sample(PORTS, np.random.default_rng([3, i])).plan, 0, i, **arguments
        )
        for i in range(n)
    ]


def test_a_member_that_diverges_leaves_the_others_alone():
    context = context_of((4,), (1,), epochs=4, optimizer="sgd", learning_rate=0.01)
    tasks = tasks_of(6)
    calm = trained_by_engine(tasks, context)
    wild = [*tasks[:2], replace(tasks[2], learning_rate=1e30), *tasks[3:]]
    found = trained_by_engine(wild, context)
    assert found[2].status is Status.DIVERGED
    assert "the loss was" in found[2].error
    for number in (0, 1, 3, 4, 5):
        assert found[number].history == calm[number].history
        assert found[number].status is Status.FINISHED


def test_each_member_stops_by_itself_with_the_weights_of_its_best_epoch():
    context = context_of((4,), (1,), epochs=40, patience=2, learning_rate=0.1)
    found = trained_by_engine(tasks_of(8), context)
    lengths = {len(outcome.history["loss"]) for outcome in found.values()}
    assert len(lengths) > 1, "all stopped in the same epoch"
    for outcome in found.values():
        values = outcome.history["val_loss"]
        assert outcome.score == min(values)
        assert outcome.best_epoch == values.index(min(values))
        if outcome.status is Status.STOPPED_EARLY:
            assert len(values) - 1 - outcome.best_epoch == 2
        else:
            assert outcome.status is Status.FINISHED
            assert len(values) == 40


def test_patience_is_that_of_the_keras_trainer():
    context = context_of((4,), (1,), epochs=8, patience=1, optimizer="sgd")
    task = tasks_of(1)
    ours, theirs = trained_by_engine(task, context), trained_by_keras(task, context)
    assert len(ours[0].history["loss"]) == len(theirs[0].history["loss"])
    assert ours[0].best_epoch == theirs[0].best_epoch


def test_a_metric_may_be_maximized():
    context = replace(
        context_of((4,), (1,), epochs=5), objective=Objective("val_loss", "maximize")
    )
    (outcome,) = trained_by_engine(tasks_of(1), context).values()
    assert outcome.score == max(outcome.history["val_loss"])


def test_members_may_have_rows_of_their_own():
    """Folds of one population: each trains on its own rows and is chosen by others."""
    context = context_of((4,), (1,), epochs=2, optimizer="sgd")
    rows = np.arange(52)
    folds = [
        Split(rows[rows % 4 != fold], rows[rows % 4 == fold], rows[:0])
        for fold in range(2)
    ]
    plan = tasks_of(1)[0].plan
    tasks = [TrainingTask(plan, 0, i, split=fold) for i, fold in enumerate(folds)]
    found = trained_by_engine(tasks, context)
    expected = trained_by_keras(tasks, context)
    for number in (0, 1):
        assert max(differences(found[number], expected[number]).values()) < 1e-4
    assert found[0].history != found[1].history


def test_the_time_budget_is_kept():
    context = context_of((4,), (1,), epochs=1_000_000)
    tasks = tasks_of(4)
    trained_by_engine(tasks, replace(context, settings=settings_of(context, epochs=1)))
    start = time.monotonic()
    found = trained_by_engine(tasks, context, deadline=start + 8)
    assert time.monotonic() - start < 8 + 7  # the program may have to be compiled
    for outcome in found.values():
        assert outcome.status is Status.INTERRUPTED
        assert outcome.weights is not None
        assert len(outcome.history["loss"]) > 1


def settings_of(context, **changes):
    return replace(context.settings, **changes)


def test_no_time_trains_nothing():
    context = context_of((4,), (1,), epochs=3)
    assert trained_by_engine(tasks_of(2), context, deadline=time.monotonic()) == {}


def reason(plan, **settings):
    context = context_of(plan.input_widths, plan.output_widths)
    context = replace(context, settings=TrainingSettings(**settings))
    return reason_not_lowerable(plan, context)


def a_plan(*steps):
    net = Draft()
    return net.plan([net.unit(net.unit(net.input(3), Normalize(), *steps), Dense(1))])


def test_what_the_engine_cannot_train_has_a_reason():
    plan = a_plan(Dense(3))
    assert reason(plan) is None
    net = Draft()
    doubled = net.unit(net.input(3).times(2), Dropout(0.5), Dense(1))
    assert "dropout" in reason(net.plan([doubled]))
    assert reason(a_plan(Dense(5000))) is None
    assert "wider" in reason(a_plan(Dense(5000, "softmax")))
    assert "GiB" in reason(a_plan(Dense(20_000), Dense(20_000)))
    assert "tversky" in reason(plan, loss="tversky")
    assert "mean_io_u" in reason(plan, metrics=("mean_io_u",))
    assert "ftrl" in reason(plan, optimizer="ftrl")


def test_a_loss_of_the_users_own_has_a_reason():
    def own_loss(y, p):
        return (y - p) ** 2

    assert "own_loss" in reason(a_plan(Dense(3)), loss=own_loss)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_member_comes_back_once(n):
    found = trained_by_engine(tasks_of(n), context_of((4,), (1,), epochs=1))
    assert sorted(found) == list(range(n))
