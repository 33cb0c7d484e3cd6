"""Validation means something from the first epoch on, in both trainers alike."""

import keras
import numpy as np
import pytest

from cerebros.lowering import evaluate_reference
from cerebros.plan import Dense, Draft, Normalize
from cerebros.search import search_networks
from cerebros.search.executors import KerasExecutor
from cerebros.training import (
    KERAS_MOMENTUM,
    NoCheckpoints,
    Problem,
    TrainingSettings,
    TrainingTask,
    make_model,
    train_with_keras,
)
from cerebros.training._running_statistics import running_statistics
from cerebros.training.population import train_population

RNG = np.random.default_rng(0)
# Years, prices and shares: far from mean 0 and variance 1.
X = np.c_[RNG.normal(2000, 12, 300), RNG.normal(9e4, 3e4, 300), RNG.random(300) / 50]
Y = 180_000 + 2_000 * (X[:, 0] - 2000) + X[:, 1] + RNG.normal(0, 5_000, 300)
VALUE = "root_mean_squared_error"


def plan_of(width=3):
    net = Draft()
    hidden = net.unit(net.input(width), Normalize(), Dense(5, "elu"))
    return net.plan(net.unit(hidden, Normalize(), Dense(1)))


def trained(trainer, context, plan):
    task = TrainingTask(plan, seed=0, number=1)
    if trainer == "keras":
        return train_with_keras(task, context)
    finished = train_population(
        [task],
        context,
        wanted={1},
        deadline=None,
        report=lambda *_: None,
        checkpoints=NoCheckpoints(),
    )
    return next(finished)[0][1]


def context_of(**settings):
    problem = Problem.regression(X, Y)
    return problem.context(TrainingSettings(**settings))


@pytest.mark.parametrize("executor", ["population", "keras"])
def test_the_first_validation_is_of_the_order_of_the_training(executor):
    result = search_networks(
        Problem.regression(X, Y),
        n_architectures=2,
        training=TrainingSettings(epochs=2),
        executor=executor,
        show="none",
    )
    for trial in result.all_trials:
        first, training = trial.history[f"val_{VALUE}"][0], trial.history[VALUE][0]
        assert 0.3 < first / training < 3


def test_with_the_momentum_of_keras_it_is_not():
    outcome = trained("keras", context_of(epochs=1, momentum=0.99), plan_of())
    assert outcome.history[f"val_{VALUE}"][0] > 3 * outcome.history[VALUE][0]


@pytest.mark.parametrize("momentum", [None, 0.5, KERAS_MOMENTUM])
def test_both_trainers_keep_the_same_statistics(momentum):
    context = context_of(
        epochs=3, momentum=momentum, optimizer="sgd", learning_rate=1e-11
    )
    ours, theirs = (
        trained(name, context, plan_of()) for name in ("population", "keras")
    )
    assert ours.best_epoch == theirs.best_epoch
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=1e-3, err_msg=name)
    for name, array in theirs.weights.items():
        size = max(np.abs(array).max(), 1e-3)
        np.testing.assert_allclose(
            ours.weights[name], array, atol=1e-3 * size, err_msg=name
        )


@pytest.mark.parametrize("trainer", ["population", "keras"])
def test_statistics_handed_back_have_no_start(trainer):
    """After one epoch the means of inputs are those of the rows, not near 0."""
    context = context_of(epochs=1)
    rows = context.split.train
    weights = trained(trainer, context, plan_of()).weights
    mean = weights["unit_1_normalize/mean"]
    np.testing.assert_allclose(mean[:2], X[rows].mean(axis=0)[:2], rtol=0.1)
    variance = weights["unit_1_normalize/variance"]
    np.testing.assert_allclose(variance[:2], X[rows].var(axis=0)[:2], rtol=0.5)
    assert variance[2] > 0.0004, "that of a share keeps some of its start"


def test_a_model_handed_back_is_an_ordinary_one_that_trains_on():
    context = context_of(epochs=4)
    plan = plan_of()
    outcome = trained("population", context, plan)
    model = make_model(plan, outcome.weights, context)
    layers = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    n_steps = 4 * (len(context.split.train) // 16)
    expected = running_statistics(None, n_steps).momentum
    assert [type(layer) for layer in layers] == [keras.layers.BatchNormalization] * 2
    assert {layer.momentum for layer in layers} == {expected}
    x, y = context.data.rows(context.split.validation)
    before = model.evaluate(x[0], y[0], verbose=0, return_dict=True)[VALUE]
    assert before == pytest.approx(outcome.score, rel=1e-3)
    x, y = context.data.rows(context.split.train)
    history = model.fit(x[0], y[0], epochs=2, verbose=0).history
    assert history[VALUE][-1] < 1.2 * before


def test_weights_to_go_on_from_are_not_corrected():
    context, plan = context_of(epochs=1, learning_rate=1e-9), plan_of()
    start = trained("population", context_of(epochs=6), plan).weights
    x, _ = context.data.rows(context.split.train)
    task = TrainingTask(plan, seed=0, number=0)
    outcome = train_with_keras(task, context, start_from=start)
    (before,), (after,) = (
        evaluate_reference(plan, w, x) for w in (start, outcome.weights)
    )
    assert np.corrcoef(before[:, 0], after[:, 0])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("n_steps", "momentum"), [(20, 0.9), (300, 1 - 1 / 30), (10_000, 0.99)]
)
def test_the_momentum_follows_from_the_number_of_steps(n_steps, momentum):
    assert running_statistics(None, n_steps).momentum == pytest.approx(momentum)


def test_corrections():
    own = running_statistics(None, 20)
    running_mean, running_variance = np.zeros(2), np.ones(2)
    for _ in range(7):
        running_mean = 0.9 * running_mean + 0.1 * np.array([5.0, -3.0])
        running_variance = 0.9 * running_variance + 0.1 * np.array([400.0, 0.2])
    np.testing.assert_allclose(own.mean(running_mean, 7), [5, -3])
    np.testing.assert_allclose(
        own.variance(running_variance, 7), [400, 0.2 + 0.8 * 0.9**7]
    )
    usual = running_statistics(0.99, 20)
    assert usual.mean(running_mean, 7) is running_mean
    assert usual.variance(running_variance, 7) is running_variance


@pytest.mark.parametrize("momentum", [-0.1, 1.0, float("nan")])
def test_a_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match="momentum must be >= 0 and < 1"):
        TrainingSettings(momentum=momentum)


def test_the_momentum_is_part_of_the_definition():
    from cerebros.search._definition import changed_entries, definition_of
    from cerebros.search.strategies import RandomSearch
    from cerebros.spaces import RandomWiring

    problem = Problem.regression(X, Y)
    strategy = RandomSearch(space=RandomWiring(), ports=problem.ports, n_wirings=1)
    one, other = (
        definition_of(
            strategy, context_of(momentum=m), seed=0, executor=KerasExecutor()
        )
        for m in (None, 0.99)
    )
    assert changed_entries(one, other) == ["training.momentum (0.99 there, None now)"]
