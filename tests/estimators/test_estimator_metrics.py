import numpy as np
import pytest
from sklearn import metrics

from cerebros.estimators._metrics import CLASSIFICATION, REGRESSION, metric_of

RNG = np.random.default_rng(5)
N = 300
WEIGHTS = RNG.uniform(0, 3, N) * (RNG.random(N) < 0.8)


def shares(n_classes):
    return RNG.dirichlet(np.ones(n_classes), N)


def classes(n_classes):
    return RNG.integers(n_classes, size=N)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_metrics_of_numbers_equal_those_of_scikit_learn(n_outputs):
    y, p = RNG.normal(size=(2, N, n_outputs))
    usual = {
        "mse": metrics.mean_squared_error,
        "mae": metrics.mean_absolute_error,
        "r2": metrics.r2_score,
    }
    for name, function in usual.items():
        expected = function(y, p, sample_weight=WEIGHTS)
        assert REGRESSION[name](y, p, WEIGHTS) == pytest.approx(expected)
    # Differs from scikit-learn's for several outputs: the root of the mean of all.
    expected = metrics.mean_squared_error(y, p, sample_weight=WEIGHTS) ** 0.5
    assert REGRESSION["rmse"](y, p, WEIGHTS) == pytest.approx(expected)
    assert set(usual) | {"rmse"} == set(REGRESSION)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_metrics_of_classes_equal_those_of_scikit_learn(n_classes):
    y, p = classes(n_classes), shares(n_classes)
    chosen = (p[:, 1] >= 0.5).astype(int) if n_classes == 2 else p.argmax(axis=1)
    average = "binary" if n_classes == 2 else "macro"
    of_class = p[:, 1] if n_classes == 2 else p
    w = {"sample_weight": WEIGHTS}
    expected = {
        "log_loss": metrics.log_loss(y, p, **w),
        "brier": metrics.brier_score_loss(y, of_class, **w),
        "accuracy": metrics.accuracy_score(y, chosen, **w),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, chosen, **w),
        "f1": metrics.f1_score(y, chosen, average=average, **w),
        "roc_auc": metrics.roc_auc_score(y, of_class, multi_class="ovr", **w),
    }
    found = {name: own(y, p, WEIGHTS) for name, own in CLASSIFICATION.items()}
    assert found == pytest.approx(expected)


def test_classes_that_do_not_judge_are_left_out_of_the_area():
    area = CLASSIFICATION["roc_auc"]
    y, p = classes(3), shares(3)
    assert np.isnan(area(np.zeros(N, int), p, WEIGHTS))
    weights = np.where(y == 2, 0, WEIGHTS)
    two = [
        metrics.roc_auc_score(y == k, p[:, k], sample_weight=weights) for k in (0, 1)
    ]
    assert area(y, p, weights) == pytest.approx(np.mean(two))
    assert np.isnan(area(y, p, np.where(y == 1, WEIGHTS, 0)))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_probability_of_zero_is_the_loss_that_scikit_learn_gives_it(kind):
    y, p = np.array([0, 1]), np.array([[0, 1], [0.5, 0.5]], kind)
    found = CLASSIFICATION["log_loss"](y, p, np.ones(2))
    assert found == pytest.approx(metrics.log_loss(y, p))
    assert np.isfinite(found)


@pytest.mark.parametrize("name", ["f1", "balanced_accuracy"])
def test_metrics_from_counts_are_those_of_rows(name):
    y, p = classes(2), shares(2)
    own = CLASSIFICATION[name]
    for threshold in (0.0, 0.2, 0.5, 0.9, 1.1):
        chosen = (p[:, 1] >= threshold).astype(float)
        counts = [
            WEIGHTS[(chosen == a) & (y == b)].sum()
            for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))
        ]
        expected = own(y, np.c_[1 - chosen, chosen], WEIGHTS)
        assert own.of_counts(*map(np.array, counts)) == pytest.approx(expected)
    only_first = own.of_counts(*map(np.array, (0.0, 1.0, 0.0, 3.0)))
    assert only_first == pytest.approx(0 if name == "f1" else 0.75)


def test_constant_outputs_and_weights_of_several_numbers():
    y, p = RNG.normal(size=(2, N, 2))
    y[:, 1] = 3
    weights = (RNG.random(N) < 0.8).astype(float)
    expected = metrics.r2_score(y, p, sample_weight=weights)
    assert REGRESSION["r2"](y, p, weights) == pytest.approx(expected)


def test_nothing_is_explained_of_one_row():
    one = np.ones((1, 1))
    assert np.isnan(REGRESSION["r2"](one, one, np.ones(1)))


def test_metrics_by_name():
    assert metric_of(None, is_classification=True).name == "log_loss"
    assert metric_of(None, is_classification=False).name == "rmse"
    assert metric_of("f1", is_classification=True).of_labels
    with pytest.raises(ValueError, match="did you mean 'rmse'"):
        metric_of("rmsee", is_classification=False)
    with pytest.raises(ValueError, match="metric 'r2' is not known"):
        metric_of("r2", is_classification=True)
