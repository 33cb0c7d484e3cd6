"""Scores that do not flatter, checked against NumPy and scikit-learn."""

from functools import partial

import numpy as np
import pytest
from made_up import a_plan
from sklearn.metrics import roc_auc_score

from cerebros.lowering import evaluate_reference, initial_weights
from cerebros.plan import Dense, Draft
from cerebros.search import MemoryStore, SearchResult, Trial
from cerebros.training import Problem, Status, TrainingSettings, smallest_plan

RNG = np.random.default_rng(1)
N_ROWS = 60
X = RNG.normal(size=(N_ROWS, 3)).astype(np.float32)
SIGNAL = X @ [1.0, -2.0, 0.5] + RNG.normal(0, 0.3, N_ROWS)
approx = partial(pytest.approx, rel=1e-4)


def result_of(problem, **settings):
    """A search whose only network was never trained."""
    context = problem.context(TrainingSettings(**settings))
    plan = smallest_plan(problem.ports)
    weights = initial_weights(plan, np.random.default_rng(3))
    store = MemoryStore(context.objective)
    with store.begin({}):
        store.append(Trial(0, plan, Status.FINISHED, 1.0, 0), weights)
    return SearchResult(store, context), plan, weights


def outputs_of(plan, weights, rows):
    (output,) = evaluate_reference(plan, weights, [X[rows]])
    return np.asarray(output, np.float64)


def regression_scores(y, predicted):
    error = predicted - y
    return {
        "loss": approx(np.mean(error**2)),
        "root_mean_squared_error": approx(np.sqrt(np.mean(error**2))),
        "mean_absolute_error": approx(np.mean(np.abs(error))),
    }


def test_a_regression_is_scored_in_the_units_of_the_target():
    y = SIGNAL * 50 + 300
    problem = Problem.regression(X, y)
    result, plan, weights = result_of(problem)
    (scale,) = problem.output_scales
    scores, split = result.scores(), problem.split
    assert list(scores) == ["validation", "test", "test_of_constant"]
    for part, rows in (("validation", split.validation), ("test", split.test)):
        predicted = outputs_of(plan, weights, rows)[:, 0]
        predicted = predicted * scale.scale[0] + scale.mean[0]
        assert scores[part] == regression_scores(y[rows], predicted)
    mean = np.full(len(split.test), y[split.train].mean())
    assert scores["test_of_constant"] == regression_scores(y[split.test], mean)


def binary_scores(y, share):
    likelihood = np.where(y == 1, share, 1 - share)
    auc = 0.5 if np.ptp(share) == 0 else roc_auc_score(y, share)
    return {
        "loss": approx(-np.log(likelihood).mean()),
        "accuracy": approx(np.mean((share > 0.5) == y)),
        "auc": pytest.approx(auc, abs=0.02),  # Keras counts at 200 thresholds
    }


def test_two_classes_are_scored():
    labels = np.where(SIGNAL > 0.7, "yes", "no")
    problem = Problem.classification(X, labels)
    result, plan, weights = result_of(problem)
    y, split, scores = (labels == "yes").astype(int), problem.split, result.scores()
    for part, rows in (("validation", split.validation), ("test", split.test)):
        share = outputs_of(plan, weights, rows)[:, 0]
        assert scores[part] == binary_scores(y[rows], share)
    share = np.full(len(split.test), y[split.train].mean())
    assert scores["test_of_constant"] == binary_scores(y[split.test], share)


def multiclass_scores(y, shares):
    return {
        "loss": approx(-np.log(shares[np.arange(len(y)), y]).mean()),
        "accuracy": approx(np.mean(shares.argmax(axis=1) == y)),
    }


def test_three_classes_are_scored():
    y = np.digitize(SIGNAL, [-1.0, 2.0])
    problem = Problem.classification(X, y)
    result, plan, weights = result_of(problem)
    split, scores = problem.split, result.scores()
    for part, rows in (("validation", split.validation), ("test", split.test)):
        assert scores[part] == multiclass_scores(
            y[rows], outputs_of(plan, weights, rows)
        )
    shares = np.bincount(y[split.train]) / len(split.train)
    shares = np.tile(shares, (len(split.test), 1))
    assert scores["test_of_constant"] == multiclass_scores(y[split.test], shares)


def test_several_outputs_have_a_constant_each():
    targets = [SIGNAL * 3 + 7, np.c_[SIGNAL, 100 - 5 * SIGNAL]]
    problem = Problem.regression(X, targets)
    result, _, _ = result_of(problem, metrics=())
    split = problem.split
    scores = result.scores()["test_of_constant"]
    losses = [
        np.mean((y[split.test] - y[split.train].mean(axis=0)) ** 2)
        for y in problem.data.targets
    ]
    assert scores["output_0_loss"] == approx(losses[0])
    assert scores["output_1_loss"] == approx(losses[1])
    assert scores["loss"] == approx(sum(losses))


def test_without_test_rows_only_the_validation_is_scored():
    result, _, _ = result_of(Problem.regression(X, SIGNAL, test=0.0), metrics=())
    assert list(result.scores()) == ["validation"]


def test_the_constant_of_an_output_with_another_activation():
    from cerebros.search._scores import _constant_model

    problem = Problem.classification(X, SIGNAL > 0)
    context = problem.context(TrainingSettings(loss="mse", metrics=()))
    net = Draft()
    plan = net.plan(net.unit(net.input(3), Dense(1, "linear")))
    answer = np.asarray(_constant_model(plan, context)(X[:2]))
    assert answer == approx((SIGNAL > 0)[problem.split.train].mean())
    assert plan.n_parameters == a_plan().n_parameters
