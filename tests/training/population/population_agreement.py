"""The same tasks through the engine and through Keras, to be compared."""

import numpy as np

from cerebros.training import (
    NoCheckpoints,
    Objective,
    Problem,
    Split,
    TrainingContext,
    TrainingSettings,
    train_with_keras,
)
from cerebros.training.population import train_population


def trained_by_engine(tasks, context, **arguments):
    """Outcome of each task, by its number."""
    arguments = {
        "wanted": {task.number for task in tasks},
        "deadline": None,
        "report": lambda *_: None,
        "checkpoints": NoCheckpoints(),
    } | arguments
    return {
        task.number: outcome
        for finished in train_population(tasks, context, **arguments)
        for task, outcome in finished
    }


def trained_by_keras(tasks, context):
    return {task.number: train_with_keras(task, context) for task in tasks}


def context_of(
    n_inputs, output_widths, *, n_rows=43, seed=0, weights=False, **settings
):
    """A regression with batches of 13 rows, three of them an epoch."""
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=(n_rows + 9, width)) for width in n_inputs]
    targets = [rng.normal(size=(n_rows + 9, width)) for width in output_widths]
    problem = Problem.regression(
        inputs if len(inputs) > 1 else inputs[0],
        targets if len(targets) > 1 else targets[0],
        sample_weight=rng.uniform(0.1, 2, n_rows + 9) if weights else None,
    )
    rows = np.arange(n_rows + 9)
    chosen = {
        "epochs": 1,
        "batch_size": 13,
        "learning_rate": 0.01,
        "loss": "mse",
        "metrics": ("mae",),
    } | settings
    return TrainingContext(
        data=problem.data,
        split=Split(rows[:n_rows], rows[n_rows:], rows[:0]),
        settings=TrainingSettings(**chosen),
        objective=Objective("val_loss"),
    )


def largest_difference(ours, theirs, *, least=1e-3):
    """Of two arrays, relative to the largest entry, and to `least` at least."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape
    size = max(np.abs(theirs).max(initial=0), least)
    return np.abs(ours - theirs).max(initial=0) / size


def differences(ours, theirs):
    """Largest relative difference of each column and array of two outcomes."""
    assert ours.status == theirs.status, (ours.error, theirs.error)
    assert ours.history.keys() == theirs.history.keys()
    assert ours.weights.keys() == theirs.weights.keys()
    found = {
        f"history {name}": largest_difference(values, theirs.history[name])
        for name, values in ours.history.items()
    }
    return found | {
        key: largest_difference(array, theirs.weights[key], least=_least(key, theirs))
        for key, array in ours.weights.items()
    }


def _least(key, outcome):
    """Means are rounded like the numbers they are of, which may be far larger."""
    if not key.endswith("/mean"):
        return 1e-3
    variances = outcome.weights[key.removesuffix("mean") + "variance"]
    return max(1e-3, np.sqrt(variances.max(initial=0)))
