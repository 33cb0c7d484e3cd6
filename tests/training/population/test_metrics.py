"""Metrics of whole populations against what a compiled Keras model reports."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from population_heads import N_MEMBERS, columns_of, head, one_hot

from cerebros.errors import LoweringError
from cerebros.lowering import OutputScale
from cerebros.training import TrainingSettings, compile_model
from cerebros.training.population._losses import ROW_LOSSES, SHORT_NAMES
from cerebros.training.population._metrics import METRICS

Metrics = keras.metrics
N_ROWS, BATCH = 27, 10  # the last batch has seven rows

REGRESSION = [
    "mse",
    "MSE",
    "mean_squared_error",
    "MeanSquaredError",
    "mae",
    "mape",
    "msle",
    "root_mean_squared_error",
    Metrics.RootMeanSquaredError(name="rmse"),
    Metrics.LogCoshError(),
    "cosine_similarity",
    "hinge",
    "squared_hinge",
    "r2_score",
    Metrics.R2Score(class_aggregation="variance_weighted_average", name="weighted"),
]
THRESHOLDS = [
    "auc",
    "AUC",
    Metrics.AUC(num_thresholds=7, name="coarse"),
    Metrics.AUC(num_thresholds=2, name="coarsest"),
    Metrics.AUC(curve="PR", name="precise"),
    Metrics.AUC(curve="PR", num_thresholds=12, name="precise_and_coarse"),
    "precision",
    "recall",
    Metrics.Precision(thresholds=0.3, name="precision_low"),
    Metrics.Recall(thresholds=0.7, name="recall_high"),
]
BINARY = [
    "accuracy",
    "acc",
    "Accuracy",
    "binary_accuracy",
    Metrics.BinaryAccuracy(threshold=0.3, name="at_0.3"),
    "bce",
    "binary_crossentropy",
    Metrics.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, name="soft"),
    "hinge",
    *THRESHOLDS,
]
CATEGORICAL = [
    "accuracy",
    "categorical_accuracy",
    "top_k_categorical_accuracy",
    Metrics.TopKCategoricalAccuracy(k=2, name="top_2"),
    "categorical_crossentropy",
    Metrics.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.1, name="smoothed"
    ),
    "kl_divergence",
    "categorical_hinge",
    "auc",
    "recall",
]
SPARSE = [
    "accuracy",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    Metrics.SparseTopKCategoricalAccuracy(k=2, name="top_2"),
    "sparse_categorical_crossentropy",
    Metrics.SparseCategoricalCrossentropy(from_logits=True, name="logits"),
]
POSITIVE = ["poisson", "msle", "kl_divergence"]

# Loss, metrics, activation, kind of the targets, width of the output.
GROUPS = {
    "regression": ("mse", REGRESSION, "linear", "numbers", 1),
    "wide regression": ("huber", REGRESSION, "linear", "numbers", 3),
    "counts": ("poisson", POSITIVE, "softplus", "positive", 2),
    "binary": ("binary_crossentropy", BINARY, "sigmoid", "binary", 1),
    "many labels": ("binary_crossentropy", BINARY, "sigmoid", "binary", 3),
    "only zeros": ("mse", BINARY, "sigmoid", "zeros", 1),
    "only ones": ("mse", BINARY, "sigmoid", "ones", 1),
    "outside of 0 and 1": ("mse", THRESHOLDS, "linear", "binary", 1),
    "negative labels": ("hinge", THRESHOLDS, "tanh", "signs", 1),
    "categorical": ("categorical_crossentropy", CATEGORICAL, "softmax", "one_hot", 7),
    "two classes": ("categorical_crossentropy", CATEGORICAL, "softmax", "one_hot", 2),
    "sparse": ("sparse_categorical_crossentropy", SPARSE, "softmax", "classes", 7),
}


def targets_of(kind, width, rng):
    classes = rng.integers(0, width, N_ROWS)
    return {
        "numbers": lambda: 2 + rng.normal(size=(N_ROWS, width)),
        "positive": lambda: rng.exponential(size=(N_ROWS, width)),
        "binary": lambda: rng.integers(0, 2, (N_ROWS, width)),
        "zeros": lambda: np.zeros((N_ROWS, width)),
        "ones": lambda: np.ones((N_ROWS, width)),
        "signs": lambda: rng.choice([-1, 1], (N_ROWS, width)),
        "one_hot": lambda: one_hot(classes, width),
        "classes": lambda: classes[:, None],
    }[kind]().astype("f")


def columns_of_keras(z, targets, outputs, weights, *, loss, metrics, scales=None):
    """What `fit` would report of each member, from a model that is only outputs."""
    inputs = [keras.Input((width,)) for width, _ in outputs]
    returned = []
    for i, (x, (_, activation)) in enumerate(zip(inputs, outputs, strict=True)):
        x = keras.layers.Activation(activation)(x)
        scale = scales[i] if scales else None
        factors, means = ([1.0], [0.0]) if scale is None else (scale.scale, scale.mean)
        layer = keras.layers.Rescaling(factors, offset=means, name=f"output_{i}")
        returned.append(layer(x))
    model = keras.Model(inputs, returned if len(returned) > 1 else returned[0])
    settings = TrainingSettings(loss=loss, metrics=tuple(metrics))
    compile_model(model, settings)
    starts = np.cumsum([0] + [width for width, _ in outputs])
    logs = [
        model.evaluate(
            [own[:, a:b] for a, b in pairwise(starts)],
            targets if len(targets) > 1 else targets[0],
            sample_weight=weights,
            batch_size=BATCH,
            verbose=0,
            return_dict=True,
        )
        for own in z
    ]
    return {name: np.array([float(log[name]) for log in logs]) for name in logs[0]}


def our_columns(z, targets, outputs, weights, **arguments):
    own_head = head(targets, outputs, **arguments)
    batches = [
        (
            z[:, start : start + BATCH],
            [y[start : start + BATCH] for y in targets],
            None if weights is None else weights[start : start + BATCH],
        )
        for start in range(0, N_ROWS, BATCH)
    ]
    columns = columns_of(own_head, batches)
    assert tuple(columns) == own_head.column_names()
    return columns


def assert_same_columns(*case, **arguments):
    ours, theirs = our_columns(*case, **arguments), columns_of_keras(*case, **arguments)
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(
            ours[name], values, rtol=3e-5, atol=2e-6, err_msg=name
        )


CASES = [
    *(pytest.param(name, False, id=name) for name in GROUPS),
    # Metrics do not read weights, so one group is enough.
    pytest.param("binary", True, id="binary-weighted"),
]


@pytest.mark.parametrize(("name", "weighted"), CASES)
def test_names_and_values_are_those_of_keras(name, weighted):
    loss, metrics, activation, kind, width = GROUPS[name]
    rng = np.random.default_rng(width)
    y = targets_of(kind, width, rng)
    z = (1 + rng.normal(size=(N_MEMBERS, N_ROWS, width)) * 1.5).astype("f")
    z[2] = np.round(z[2])  # ties
    weights = rng.uniform(0.1, 3, N_ROWS).astype("f") if weighted else None
    outputs = [(width, activation)]
    assert_same_columns(z, [y], outputs, weights, loss=loss, metrics=metrics)


def test_predictions_that_are_thresholds_fall_on_the_same_side():
    """Among them 0, 1 and all 200 thresholds of an area under the curve, rounded."""
    rng = np.random.default_rng(0)
    exact = np.linspace(0, 1, 200)[rng.permutation(200)][: 3 * N_ROWS]
    z = exact.reshape(N_MEMBERS, N_ROWS, 1).astype("f")
    z[:, :3, 0] = [0, 0.5, 1]
    y = targets_of("binary", 1, rng)
    assert_same_columns(
        z, [y], [(1, "linear")], None, loss="mse", metrics=[*THRESHOLDS, "accuracy"]
    )


def test_every_metric_is_tested():
    tested = {metric for group in GROUPS.values() for metric in group[1]}
    tested -= {"accuracy", "acc"}
    classes = {type(Metrics.get(metric)) for metric in tested}
    assert {type(Metrics.get(name)) for name in METRICS} <= classes


# --- Outputs and names --------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_each_output_has_columns_of_its_own(weighted):
    rng = np.random.default_rng(0)
    targets = [targets_of("numbers", width, rng) for width in (2, 1)]
    assert_same_columns(
        rng.normal(size=(N_MEMBERS, N_ROWS, 3)).astype("f"),
        targets,
        [(2, "linear"), (1, "elu")],
        rng.uniform(0.1, 3, N_ROWS).astype("f") if weighted else None,
        loss="mae",
        metrics=["mse", "root_mean_squared_error", Metrics.R2Score()],
        scales=(OutputScale((3.0, -1.0), (2.0, 0.5)), None),
    )


def test_accuracy_means_another_thing_for_each_output():
    rng = np.random.default_rng(0)
    targets = [targets_of("binary", 1, rng), targets_of("one_hot", 3, rng)]
    assert_same_columns(
        rng.normal(size=(N_MEMBERS, N_ROWS, 4)).astype("f"),
        targets,
        [(1, "sigmoid"), (3, "softmax")],
        None,
        loss="crossentropy",
        metrics=["accuracy"],
    )


def test_metrics_of_one_kind_are_numbered_as_in_the_history():
    rng = np.random.default_rng(0)
    case = (
        rng.normal(size=(N_MEMBERS, N_ROWS, 1)).astype("f"),
        [targets_of("binary", 1, rng)],
        [(1, "sigmoid")],
        None,
    )
    metrics = [Metrics.AUC(), Metrics.AUC(curve="PR"), Metrics.Precision(), "mae"]
    assert_same_columns(*case, loss="mse", metrics=metrics)
    names = our_columns(*case, loss="mse", metrics=metrics)
    assert list(names) == ["loss", "auc", "auc_1", "precision", "mae"]


# --- What must not matter -----------------------------------------------------------


@pytest.mark.parametrize("name", ["wide regression", "binary", "categorical", "sparse"])
def test_a_member_that_diverged_changes_no_bit_of_the_others(name):
    loss, metrics, activation, kind, width = GROUPS[name]
    rng = np.random.default_rng(0)
    y = targets_of(kind, width, rng)
    z = rng.normal(size=(N_MEMBERS, N_ROWS, width)).astype("f")
    case = [y], [(width, activation)], None
    expected = our_columns(z, *case, loss=loss, metrics=metrics)
    for bad in (np.nan, np.inf, -np.inf):
        z[1] = bad
        found = our_columns(z, *case, loss=loss, metrics=metrics)
        for column, values in expected.items():
            np.testing.assert_array_equal(found[column][[0, 2]], values[[0, 2]])


@pytest.mark.parametrize("name", ["regression", "binary", "sparse"])
def test_a_member_that_diverged_says_so(name):
    loss, metrics, activation, kind, width = GROUPS[name]
    y = targets_of(kind, width, np.random.default_rng(0))
    z = np.full((N_MEMBERS, N_ROWS, width), np.nan, "f")
    columns = our_columns(
        z, [y], [(width, activation)], None, loss=loss, metrics=metrics
    )
    assert np.isnan(columns["loss"]).all()


# --- What is read from settings -----------------------------------------------------


SPELLINGS = sorted(
    {
        spelling
        for name in [*METRICS, *ROW_LOSSES, *SHORT_NAMES, "crossentropy", "ce"]
        for spelling in (
            name,
            name.upper(),
            name.title(),
            name.title().replace("_", ""),
            name.title().replace("_", "").replace("Kl", "KL").replace("Auc", "AUC"),
        )
    }
)


def test_a_text_is_known_if_and_only_if_keras_knows_it():
    def is_known(name):
        y = np.zeros((6, 3)) if "sparse" not in name.lower() else np.zeros((6, 1))
        loss = "mse" if y.shape[1] == 3 else "sparse_categorical_crossentropy"
        try:
            head([y], [(3, "softmax")], loss=loss, metrics=[name])
        except LoweringError:
            return False
        return True

    def keras_knows(name):
        try:
            Metrics.get(name)
        except ValueError:
            return False
        return True

    found = {name: is_known(name) for name in SPELLINGS}
    assert found == {name: keras_knows(name) for name in SPELLINGS}


class AUC(Metrics.AUC):
    """The user's own, of the same name."""


REFUSED = {
    "another name": ("f1_score", "'f1_score' is not known"),
    "another object": (Metrics.FalsePositives(), "'false_positives' is not known"),
    "plain equality": (Metrics.Accuracy(), "'accuracy' is not known"),
    "the user's own class": (AUC(), "the user's own"),
    "a function": (Metrics.mean_squared_error, "is a function or a loss"),
    "a loss": (keras.losses.Huber(), "is a function or a loss"),
    "other numbers": (Metrics.MeanSquaredError(dtype="float16"), "dtype='float16'"),
    "own thresholds": (
        Metrics.AUC(thresholds=[0.1, 0.9]),
        r"thresholds=\[0\.1, 0\.9\]",
    ),
    "gain": (Metrics.AUC(curve="PRGAIN"), "curve='PRGAIN'"),
    "another sum": (Metrics.AUC(summation_method="majoring"), "'majoring'"),
    "an area of each label": (Metrics.AUC(multi_label=True), "multi_label=True"),
    "an area of logits": (Metrics.AUC(from_logits=True), "from_logits=True"),
    "several thresholds": (
        Metrics.Precision(thresholds=[0.2, 0.8]),
        r"thresholds=\[0\.2, 0\.8\]",
    ),
    "the best few": (Metrics.Recall(top_k=2), "top_k=2"),
    "one class": (Metrics.Recall(class_id=1), "class_id=1"),
    "a score of each column": (
        Metrics.R2Score(class_aggregation=None),
        "class_aggregation=None",
    ),
    "an adjusted score": (Metrics.R2Score(num_regressors=2), "num_regressors=2"),
    "class numbers": ("sparse_categorical_accuracy", "does not suit the targets"),
}


@pytest.mark.parametrize(("metric", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_refused_with_the_reason(metric, reason):
    with pytest.raises(LoweringError, match=reason):
        head([np.zeros((4, 3))], [(3, "softmax")], metrics=[metric])


def test_two_columns_of_one_name_are_refused():
    metrics = [Metrics.AUC(name="area"), "mae", "mae"]
    with pytest.raises(LoweringError, match="two metrics have one name"):
        head([np.zeros((4, 1))], [(1, "sigmoid")], metrics=metrics)
