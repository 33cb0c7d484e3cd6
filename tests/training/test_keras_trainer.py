"""Training with Keras: what comes out, and what is left as it was."""

import random
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

from cerebros.lowering import initial_weights, weight_shapes
from cerebros.plan import Dense, Draft, Dropout, Normalize
from cerebros.spaces import Output, Ports
from cerebros.training import (
    Dataset,
    Objective,
    Problem,
    Split,
    Status,
    TrainingContext,
    TrainingSettings,
    TrainingTask,
    epoch_batches,
    evaluate_model,
    make_model,
    schedule_factor,
    smallest_plan,
    train_with_keras,
)

N_ROWS = 80
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_ROWS, 3)).astype(np.float32)
Y = (X @ [2.0, -1.0, 0.5] + RNG.normal(0, 0.1, N_ROWS)) * 100 + 1000


def small_plan(width=3, output=1, activation="linear"):
    """One hidden unit with every kind of step, and an output."""
    net = Draft()
    hidden = net.unit(net.input(width), Normalize(), Dropout(0.2), Dense(4, "elu"))
    return net.plan(net.unit(hidden, Dense(output, activation)))


def same_weights(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(one[key], other[key]) for key in one
    )


def assert_best_epoch_is_kept(outcome, plan, context):
    """Score, epoch and weights belong together, and are the best of the history."""
    values = outcome.history[context.objective.metric]
    best = min(values, key=context.objective.sort_key)
    assert outcome.score == best
    assert outcome.best_epoch == values.index(best)
    model = make_model(plan, outcome.weights, context)
    logs = evaluate_model(model, context, context.split.validation)
    for name, value in logs.items():
        expected = outcome.history[f"val_{name}"][outcome.best_epoch]
        assert value == pytest.approx(expected, rel=1e-4), name


# --- A regression -------------------------------------------------------------------


@pytest.fixture(scope="module")
def regression():
    problem = Problem.regression(X, Y, test=0.0)
    return problem.context(TrainingSettings(epochs=3, batch_size=16, learning_rate=0.1))


@pytest.fixture(scope="module")
def reports():
    return []


@pytest.fixture(scope="module")
def trained(regression, reports):
    task = TrainingTask(small_plan(), seed=5, number=1)
    return train_with_keras(
        task, regression, on_epoch=lambda epoch, logs: reports.append((epoch, logs))
    )


def test_a_regression_trains_to_its_last_epoch(trained, regression):
    assert trained.status is Status.FINISHED
    assert trained.error is None
    assert trained.seconds > 0
    assert set(trained.history) == {
        prefix + name
        for prefix in ("", "val_")
        for name in ("loss", "root_mean_squared_error", "mean_absolute_error")
    }
    assert {len(values) for values in trained.history.values()} == {3}
    assert all(type(v) is float for values in trained.history.values() for v in values)
    # In the units of the target, and below what the mean reaches.
    deviation = Y[regression.split.validation].std()
    assert 1 < trained.score < deviation


def test_the_weights_are_those_of_the_best_epoch(trained, regression):
    plan = small_plan()
    assert trained.best_epoch == 1  # neither the first nor the last of three
    shapes = {key: array.shape for key, array in trained.weights.items()}
    assert shapes == weight_shapes(plan)
    assert_best_epoch_is_kept(trained, plan, regression)


def test_every_epoch_is_reported_as_it_ends(trained, reports):
    assert [epoch for epoch, _ in reports] == [0, 1, 2]
    for epoch, logs in reports:
        assert logs == {name: values[epoch] for name, values in trained.history.items()}


def test_equal_numbers_give_equal_bits(trained, regression):
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002 -- must not matter
    task = TrainingTask(small_plan(), seed=5, number=1)
    again = train_with_keras(task, regression)
    assert again.history == trained.history
    assert same_weights(again.weights, trained.weights)
    assert (again.score, again.best_epoch) == (trained.score, trained.best_epoch)


@pytest.fixture(scope="module")
def other_trial(regression):
    """Another trial of one epoch, for which there was no time left."""
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    outcome = train_with_keras(
        TrainingTask(small_plan(), seed=5, number=8),
        replace_settings(regression, epochs=1),
        deadline=time.monotonic(),
    )
    after = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    return outcome, before, after


def test_another_trial_number_gives_another_training(trained, other_trial):
    other = other_trial[0]
    assert other.history["loss"][0] != trained.history["loss"][0]
    assert not same_weights(other.weights, trained.weights)


def test_the_generators_of_the_process_are_left_alone(other_trial):
    _, before, after = other_trial
    assert before == after


def test_the_deadline_does_not_interrupt_what_is_done(other_trial):
    assert other_trial[0].status is Status.FINISHED


def replace_settings(context, **changes):
    return replace(context, settings=replace(context.settings, **changes))


# --- When training stops ------------------------------------------------------------


def test_training_stops_when_the_metric_no_longer_improves(regression):
    # No step is small enough to improve, so the first epoch stays the best.
    objective = Objective("val_loss", "maximize")
    context = replace(
        replace_settings(regression, epochs=50, patience=2), objective=objective
    )
    plan = small_plan()
    outcome = train_with_keras(TrainingTask(plan, seed=0, number=0), context)
    assert outcome.status is Status.STOPPED_EARLY
    n_epochs = len(outcome.history["loss"])
    assert n_epochs == outcome.best_epoch + 3 < 50
    assert_best_epoch_is_kept(outcome, plan, context)


def test_no_further_epoch_begins_after_the_deadline(regression):
    context = replace_settings(regression, epochs=1000)
    outcome = train_with_keras(
        TrainingTask(small_plan(), seed=5, number=1), context, deadline=time.monotonic()
    )
    assert outcome.status is Status.INTERRUPTED
    assert not outcome.status.is_final
    assert len(outcome.history["loss"]) == 1
    assert outcome.weights is not None


# An epoch has four steps; the second rate takes hold in the second epoch.
THEN_HUGE = keras.optimizers.schedules.PiecewiseConstantDecay([5], [1e-7, 1e30])


@pytest.mark.parametrize(("rate", "has_prefix"), [(1e30, False), (THEN_HUGE, True)])
def test_a_divergence_is_an_outcome_that_keeps_what_was_finite(
    regression, rate, has_prefix
):
    context = replace_settings(
        regression, epochs=30, optimizer=keras.optimizers.SGD(rate)
    )
    plan = small_plan()
    outcome = train_with_keras(TrainingTask(plan, seed=0, number=0), context)
    assert outcome.status is Status.DIVERGED
    losses = np.array(outcome.history["loss"])
    assert len(losses) < 30
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    assert outcome.error == (f"the loss was {losses[-1]} in epoch {len(losses) - 1}")
    assert (len(losses) > 1) == has_prefix
    if not has_prefix:
        assert (outcome.score, outcome.weights) == (None, None)
        return
    assert np.isfinite(outcome.score)
    assert outcome.best_epoch < len(losses) - 1
    assert all(np.isfinite(array).all() for array in outcome.weights.values())


# --- What goes wrong ----------------------------------------------------------------


def failing(error):
    def loss(y_true, y_pred):
        raise error

    return loss


def test_an_error_in_the_loss_is_an_outcome_with_its_message(regression, caplog):
    context = replace_settings(regression, loss=failing(RuntimeError("no such luck")))
    outcome = train_with_keras(TrainingTask(small_plan(), seed=0, number=3), context)
    assert outcome.status is Status.FAILED
    assert outcome.error == "RuntimeError: no such luck"
    assert (outcome.history, outcome.score, outcome.weights) == ({}, None, None)
    (record,) = caplog.records
    assert "trial 3" in record.getMessage()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes."),
        ValueError("OOM when allocating tensor"),
    ],
    ids=["Python", "JAX", "TensorFlow"],
)
def test_a_lack_of_memory_is_an_outcome_of_its_own(regression, error):
    context = replace_settings(regression, loss=failing(error))
    outcome = train_with_keras(TrainingTask(small_plan(), seed=0, number=0), context)
    assert outcome.status is Status.OUT_OF_MEMORY


def test_an_error_in_a_later_epoch_keeps_the_history_before_it(regression):
    def fail_in_epoch_1(epoch, logs):
        if epoch == 1:
            raise OSError("the log is full")

    outcome = train_with_keras(
        TrainingTask(small_plan(), seed=0, number=0),
        regression,
        on_epoch=fail_in_epoch_1,
    )
    assert outcome.status is Status.FAILED
    assert outcome.error == "OSError: the log is full"
    assert len(outcome.history["loss"]) == 2


def test_an_interrupt_from_the_keyboard_is_passed_on(regression):
    def interrupt(epoch, logs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_with_keras(
            TrainingTask(small_plan(), seed=0, number=0), regression, on_epoch=interrupt
        )


def test_an_unknown_objective_fails_with_the_columns_that_there_are(regression):
    context = replace(regression, objective=Objective("val_wonder", "min"))
    outcome = train_with_keras(TrainingTask(small_plan(), seed=0, number=0), context)
    assert outcome.status is Status.FAILED
    assert "no column 'val_wonder'; known are loss, " in outcome.error


# --- Classes, several inputs and outputs --------------------------------------------


def test_two_classes_are_told_apart():
    labels = np.where(np.median(Y) < Y, "high", "low")
    context = Problem.classification(X, labels).context(
        TrainingSettings(epochs=8, batch_size=16, learning_rate=0.1),
        Objective("val_accuracy", "maximize"),
    )
    plan = small_plan(activation="sigmoid")
    outcome = train_with_keras(TrainingTask(plan, seed=1, number=0), context)
    assert {"val_accuracy", "val_auc"} <= set(outcome.history)
    assert 0.8 < outcome.score <= 1
    assert_best_epoch_is_kept(outcome, plan, context)


def test_three_classes_are_told_apart():
    labels = np.digitize(Y, np.quantile(Y, [1 / 3, 2 / 3]))
    context = Problem.classification(X, labels).context(
        TrainingSettings(epochs=3, batch_size=16, learning_rate=0.1)
    )
    plan = small_plan(output=3, activation="softmax")
    outcome = train_with_keras(TrainingTask(plan, seed=1, number=0), context)
    assert outcome.score < np.log(3)
    assert_best_epoch_is_kept(outcome, plan, context)


def test_several_inputs_and_outputs_with_losses_and_metrics_as_objects():
    metric = keras.metrics.MeanAbsoluteError(name="distance")
    images = X[:, :, None, None] * np.ones((1, 1, 2, 1), np.float32)
    problem = Problem.regression([X, images], [Y, np.c_[Y, -Y]], test=0.0)
    context = problem.context(
        TrainingSettings(
            epochs=2,
            batch_size=16,
            optimizer=keras.optimizers.SGD(1e-5),
            loss=keras.losses.Huber(delta=10.0),
            metrics=[metric],
        )
    )
    assert context.objective.metric == "val_loss"
    plan = smallest_plan(problem.ports)
    assert (plan.input_widths, len(plan.outputs)) == ((3, 6), 2)
    outcome = train_with_keras(TrainingTask(plan, seed=1, number=0), context)
    assert set(outcome.history) == {
        prefix + name
        for prefix in ("", "val_")
        for name in (
            "loss", "output_0_loss", "output_1_loss", "output_0_distance",
            "output_1_distance",
        )
    }  # fmt: skip
    assert_best_epoch_is_kept(outcome, plan, context)
    # Every trial had a metric of its own.
    assert [float(np.sum(v)) for v in metric.variables] == [0, 0]


# --- Rates, decay, rows and their weights -------------------------------------------


LINEAR = Draft()
LINEAR_PLAN = LINEAR.plan(LINEAR.unit(LINEAR.input(3), Dense(1)))
STANDARDIZED = ((Y - Y.mean()) / Y.std()).astype(np.float32)
OWN_SPLIT = Split(np.arange(20, 75), np.arange(10), np.arange(0))
NARROW_SPLIT = Split(np.arange(30, 41), np.arange(10), np.arange(0))


def linear_context(*, weights=None, **settings):
    """A linear network by plain gradient descent, of three batches an epoch."""
    chosen = {
        "epochs": 4,
        "batch_size": 16,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "loss": "mse",
        "metrics": ("mae",),
    }
    return TrainingContext(
        data=Dataset.of(X, STANDARDIZED, weights=weights),
        split=Split(np.arange(60), np.arange(60, 80), np.arange(0)),
        settings=TrainingSettings(**chosen | settings),
        objective=Objective("val_loss"),
    )


def descent(context, *, seed, number, split, rate, decay, batch_size, weights):
    """What the history must be: gradient descent, written out."""
    start = initial_weights(LINEAR_PLAN, np.random.default_rng([seed, number, 0]))
    kernel, bias = sorted(start.values(), key=np.ndim, reverse=True)
    kernel, bias = kernel[:, 0].astype(float), float(bias[0])
    history = {"loss": [], "val_loss": [], "val_mae": []}
    n_batches, step = len(split.train) // batch_size, 0
    for epoch in range(context.settings.epochs):
        losses = []
        for rows in epoch_batches(
            split.train, batch_size=batch_size, seed=seed, epoch=epoch
        ):
            error = X[rows] @ kernel + bias - STANDARDIZED[rows]
            losses.append(np.mean(weights[rows] * error**2))
            slope = 2 * weights[rows] * error / batch_size
            progress = step / (context.settings.epochs * n_batches)
            now = rate * schedule_factor(context.settings.schedule, progress)
            kernel = kernel * (1 - decay * now) - now * (slope @ X[rows])
            bias = bias * (1 - decay * now) - now * slope.sum()
            step += 1
        rows = split.validation
        error = X[rows] @ kernel + bias - STANDARDIZED[rows]
        history["loss"].append(np.mean(losses))
        history["val_loss"].append(np.mean(weights[rows] * error**2))
        history["val_mae"].append(np.mean(np.abs(error)))
    return history


ROW_WEIGHTS = np.random.default_rng(1).uniform(0, 3, N_ROWS).astype(np.float32)
DECAYING = {"optimizer": keras.optimizers.SGD(0.05, weight_decay=0.7)}
ALL = {"schedule": "cosine_of_log", "weight_decay": 0.5, "weights": ROW_WEIGHTS}
ALL_OF_TASK = {"split": OWN_SPLIT, "learning_rate": 0.2, "weight_decay": 0.1}

# For each case: settings, fields of the task, what follows from them.
DESCENTS = {
    "as usual": ({}, {}, {}),
    "cosine": ({"schedule": "cosine"}, {}, {}),
    "cosine of log": ({"schedule": "cosine_of_log"}, {}, {}),
    "one cycle": ({"schedule": "one_cycle"}, {}, {}),
    "decay": ({"weight_decay": 0.5}, {}, {"decay": 0.5}),
    "an object": (DECAYING, {}, {"rate": 0.05, "decay": 0.7}),
    "an object with a schedule": (
        DECAYING | {"schedule": "one_cycle"}, {}, {"rate": 0.05, "decay": 0.7},
    ),
    "decay over an object's": (
        DECAYING | {"weight_decay": 0.2}, {}, {"rate": 0.05, "decay": 0.2},
    ),
    "own rate": ({}, {"learning_rate": 0.03}, {"rate": 0.03}),
    "own decay": ({"weight_decay": 0.5}, {"weight_decay": 0.1}, {"decay": 0.1}),
    "no decay of its own": ({"weight_decay": 0.5}, {"weight_decay": 0.0}, {}),
    "own rows": ({}, {"split": OWN_SPLIT}, {"split": OWN_SPLIT}),
    "fewer rows than a batch": (
        {}, {"split": NARROW_SPLIT}, {"split": NARROW_SPLIT, "batch_size": 11},
    ),
    "weights of rows": ({"weights": ROW_WEIGHTS}, {}, {"weights": ROW_WEIGHTS}),
    "all": (
        ALL, ALL_OF_TASK,
        {"split": OWN_SPLIT, "rate": 0.2, "decay": 0.1, "weights": ROW_WEIGHTS},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "own", "wanted"), DESCENTS.values(), ids=DESCENTS)
def test_training_is_gradient_descent_as_settings_and_task_say(settings, own, wanted):
    context = linear_context(**settings)
    usual = {
        "split": context.split,
        "rate": 0.1,
        "decay": 0.0,
        "batch_size": 16,
        "weights": np.ones(N_ROWS, np.float32),
    }
    expected = descent(context, seed=3, number=7, **usual | wanted)
    task = TrainingTask(LINEAR_PLAN, seed=3, number=7, **own)
    outcome = train_with_keras(task, context)
    assert outcome.status is Status.FINISHED, outcome.error
    for name, values in expected.items():
        np.testing.assert_allclose(outcome.history[name], values, rtol=2e-4)


def test_the_batch_is_decided_by_the_rows_of_the_context():
    context = linear_context(batch_size=None, epochs=1)
    task = TrainingTask(LINEAR_PLAN, seed=3, number=7, split=OWN_SPLIT)
    sizes = {
        context.settings.batch_rows(len(split.train))
        for split in (context.split, NARROW_SPLIT)
    }
    assert sizes == {16, 11}
    expected = descent(
        context, seed=3, number=7, split=OWN_SPLIT, rate=0.1, decay=0.0,
        batch_size=16, weights=np.ones(N_ROWS),
    )  # fmt: skip
    history = train_with_keras(task, context).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=2e-4)


def test_a_rate_of_its_own_beside_a_schedule_object_is_a_failure_with_the_reason():
    own = keras.optimizers.schedules.CosineDecay(0.1, 100)
    context = linear_context(optimizer=keras.optimizers.SGD(own))
    task = TrainingTask(LINEAR_PLAN, seed=3, number=7, learning_rate=0.1)
    outcome = train_with_keras(task, context)
    assert outcome.status is Status.FAILED
    assert "LearningRateSchedule" in outcome.error


def test_the_loss_is_weighted_and_metrics_are_not():
    context = linear_context(weights=ROW_WEIGHTS)
    rows = context.split.validation
    weights = initial_weights(LINEAR_PLAN, np.random.default_rng(0))
    model = make_model(LINEAR_PLAN, weights, context)
    error = model.predict(X[rows], verbose=0)[:, 0] - STANDARDIZED[rows]
    logs = evaluate_model(model, context, rows)
    assert logs["loss"] == pytest.approx(np.mean(ROW_WEIGHTS[rows] * error**2))
    assert logs["mae"] == pytest.approx(np.mean(np.abs(error)))


def test_weights_of_rows_count_for_each_of_several_outputs():
    def history(weights):
        problem = Problem.regression(X, [Y, np.c_[Y, -Y]], sample_weight=weights)
        context = problem.context(TrainingSettings(epochs=2, batch_size=16))
        task = TrainingTask(smallest_plan(problem.ports), seed=1, number=0)
        outcome = train_with_keras(task, context)
        assert outcome.status is Status.FINISHED, outcome.error
        return outcome.history

    plain = history(None)
    for name, values in history(np.full(N_ROWS, 1.0)).items():
        np.testing.assert_allclose(values, plain[name], rtol=1e-5)
    halved = history(np.full(N_ROWS, 0.5))
    np.testing.assert_allclose(halved["loss"][0] * 2, plain["loss"][0], rtol=0.05)


# --- Models in front of the network -------------------------------------------------


def stem(*, trainable):
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(2, "tanh", kernel_initializer=keras.initializers.Ones()),
            keras.layers.Dropout(0.5),
        ],
        name="base_model",
    )
    model.trainable = trainable
    return model


def arrays_of(model):
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in model.weights]


@pytest.mark.parametrize("trainable", [True, False], ids=["trainable", "frozen"])
def test_a_stem_is_trained_as_a_copy_or_not_at_all(trainable):
    base = stem(trainable=trainable)
    before = arrays_of(base)
    context = TrainingContext(
        data=Dataset.of(X, (Y - Y.mean()) / Y.std()),
        split=Split(np.arange(64), np.arange(64, 80), np.arange(0)),
        settings=TrainingSettings(
            epochs=2, batch_size=16, learning_rate=0.1, loss="mse", metrics=()
        ),
        objective=Objective("val_loss"),
        stems=[base],
    )
    plan = small_plan(width=2)
    task = TrainingTask(plan, seed=0, number=0)
    random.seed(3)
    state = random.getstate()
    outcome, again = (train_with_keras(task, context) for _ in range(2))
    assert random.getstate() == state

    assert outcome.status is Status.FINISHED, outcome.error
    assert_best_epoch_is_kept(outcome, plan, context)
    assert outcome.history == again.history
    assert same_weights(outcome.weights, again.weights)
    for old, now in zip(before, arrays_of(base), strict=True):
        np.testing.assert_array_equal(old, now)
    stored = [array for key, array in outcome.weights.items() if key[:5] == "stem_"]
    if not trainable:
        assert stored == []
        return
    assert [array.shape for array in stored] == [(3, 2), (2,)]
    assert all((a != b).any() for a, b in zip(stored, before, strict=True))
    model = make_model(plan, outcome.weights, context)
    for array, own in zip(
        stored, arrays_of(model.get_layer("base_model")), strict=True
    ):
        np.testing.assert_array_equal(array, own)


# --- Memory -------------------------------------------------------------------------


@pytest.fixture
def little_memory(monkeypatch):
    from cerebros.training import _memory

    monkeypatch.setattr(_memory, "available_memory", lambda: 2**20)


def test_a_network_that_is_too_large_is_refused_with_its_size(
    little_memory, regression
):
    plan = smallest_plan(Ports((1_000_000,), (Output(1),)))
    outcome = train_with_keras(TrainingTask(plan, seed=0, number=0), regression)
    assert outcome.status is Status.OUT_OF_MEMORY
    assert outcome.error == (
        "the network has 1,000,001 parameters and merges 1,000,000 features for 16 "
        "rows at a time, which needs at least 0.1 GiB, but 0.1 GiB are available; make "
        "units or the batch smaller"
    )


def test_a_network_that_fits_is_not_refused(little_memory, regression):
    from cerebros.training._memory import memory_shortage

    assert memory_shortage(small_plan(), regression) is None


def test_where_the_system_does_not_say_nothing_is_refused(monkeypatch, regression):
    from cerebros.training import _memory

    monkeypatch.setattr(_memory, "available_memory", lambda: None)
    plan = smallest_plan(Ports((10**12,), (Output(1),)))
    assert _memory.memory_shortage(plan, regression) is None


def test_the_memory_of_this_machine_is_known_in_bytes():
    from cerebros.training._memory import available_memory

    available = available_memory()
    assert available is None or 2**20 < available < 2**50
