import numpy as np
import pytest
from sklearn.linear_model import Ridge

from cerebros.estimators import _baselines
from cerebros.estimators._baselines import TreeInputs, baselines
from cerebros.estimators._validation import Fold, Folds, folds_of

N = 120
RNG = np.random.default_rng(8)
FEATURES = RNG.normal(size=(N, 3))
TREES = TreeInputs(FEATURES, np.zeros(3, bool))
NUMBERS = FEATURES[:, :2] * [1, 100] + [0, 5]
CLASSES = (FEATURES[:, 0] > 0).astype(int) + (FEATURES[:, 0] > 1)


def answered(targets, *, n_classes=None, weights=None, folds=None, seconds=np.inf):
    strata = targets if n_classes else targets[:, 0]
    folds = folds or folds_of(
        Folds(), N, n_folds=3, strata=strata, is_classification=bool(n_classes)
    )
    weights = np.ones(N) if weights is None else weights
    made = baselines(
        lambda _: FEATURES,
        *(TREES, targets, weights, folds),
        n_classes=n_classes,
        seconds=seconds,
        seed=0,
    )
    return {own.name: own.answers for own in made if own.answers is not None}, folds


def test_baselines_of_numbers_answer_rows_they_have_not_seen():
    found, folds = answered(NUMBERS)
    assert list(found) == ["constant", "linear", "gradient boosting"]
    for fold in folds:
        mean = NUMBERS[fold.train].mean(axis=0)
        np.testing.assert_allclose(found["constant"][fold.valid], [mean] * 40)
        for k in range(2):
            model = Ridge(alpha=1.0).fit(FEATURES[fold.train], NUMBERS[fold.train, k])
            np.testing.assert_allclose(
                found["linear"][fold.valid, k], model.predict(FEATURES[fold.valid])
            )
    assert all(np.isfinite(answers).all() for answers in found.values())


def test_baselines_of_classes_answer_probabilities():
    found, folds = answered(CLASSES, n_classes=3)
    for answers in found.values():
        np.testing.assert_allclose(answers.sum(axis=1), 1)
        assert (answers > 0).all()
    assert (found["linear"].argmax(axis=1) == CLASSES).mean() > 0.85
    prior = np.bincount(CLASSES[folds[0].train]) / len(folds[0].train)
    np.testing.assert_allclose(found["constant"][folds[0].valid[0]], prior)


def test_classes_that_training_rows_lack_have_next_to_no_probability():
    folds = [
        Fold(np.flatnonzero(CLASSES != 2), np.flatnonzero(CLASSES == 2)),
        Fold(np.flatnonzero(CLASSES == 0), np.flatnonzero(CLASSES == 1)),
    ]
    found, _ = answered(CLASSES, n_classes=3, folds=folds)
    for answers in found.values():
        assert (answers[CLASSES == 2, 2] < 1e-6).all()
        assert (answers[CLASSES == 1, 0] > 0.999).all()
        assert np.isnan(answers[CLASSES == 0]).all()  # no fold judges them


def test_rows_that_weigh_nothing_are_not_learned_from():
    weights = RNG.uniform(0, 1, N)
    weights[::2] = 0
    changed = NUMBERS.copy()
    changed[::2] = 1e6
    one, _ = answered(NUMBERS, weights=weights)
    folds = answered(NUMBERS)[1]
    one, _ = answered(NUMBERS, weights=weights, folds=folds)
    other, _ = answered(changed, weights=weights, folds=folds)
    for name, answers in one.items():
        np.testing.assert_allclose(answers, other[name])


def test_without_time_there_is_the_constant_only():
    found, _ = answered(NUMBERS, seconds=0)
    assert list(found) == ["constant"]


class Clock:
    """A time that passes only when a model is trained."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.mark.parametrize(
    ("seconds", "is_there"), [(3.1, True), (2.5, True), (1.9, False), (0.1, False)]
)
def test_boosting_answers_for_all_folds_or_is_left_out(monkeypatch, seconds, is_there):
    clock = Clock()
    real = _baselines._fitted

    def fitted(model, *arguments):
        is_boosting = type(model).__name__.startswith("HistGradient")
        clock.now += 0.5 if is_boosting else 0.0  # 3 folds of 2 outputs: 3 seconds
        return real(model, *arguments)

    monkeypatch.setattr(_baselines, "time", clock)
    monkeypatch.setattr(_baselines, "_fitted", fitted)
    folds = folds_of(
        Folds(), N, n_folds=3, strata=NUMBERS[:, 0], is_classification=False
    )
    told = []
    made = baselines(
        *(lambda _: FEATURES, TREES, NUMBERS, np.ones(N), folds),
        n_classes=None,
        seconds=seconds,
        seed=0,
        on_baseline=told.append,
    )
    assert [own.name for own in told] == ["constant", "linear", "gradient boosting"]
    assert told == made
    boosting = made[-1]
    if is_there:
        assert np.isfinite(boosting.answers).all()
        assert boosting.why == ""
    else:
        assert boosting.answers is None
        assert "all 3 folds would take about" in boosting.why


@pytest.mark.parametrize("n_classes", [None, 3])
def test_folds_that_only_answer_are_left_out(n_classes):
    rows = np.arange(N)
    folds = [Fold(rows[:80], rows[80:]), Fold(rows, rows[:0])]
    targets = CLASSES if n_classes else NUMBERS
    found, _ = answered(targets, n_classes=n_classes, folds=folds)
    for answers in found.values():
        assert np.isnan(answers[:80]).all()
        assert np.isfinite(answers[80:]).all()


def test_each_fold_has_features_of_its_own():
    folds = [
        Fold(np.arange(60), np.arange(60, 90)),
        Fold(np.arange(90), np.arange(90, N)),
    ]
    tables = [FEATURES, np.where(np.arange(N)[:, None] < 90, FEATURES, 1e3)]
    made = baselines(
        lambda fold: tables[fold],
        *(TREES, NUMBERS, np.ones(N), folds),
        n_classes=None,
        seconds=np.inf,
        seed=0,
    )
    (linear,) = (own.answers for own in made if own.name == "linear")
    for k, fold in enumerate(folds):
        model = Ridge(alpha=1.0).fit(tables[k][fold.train], NUMBERS[fold.train, 1])
        found = linear[fold.valid, 1]
        np.testing.assert_allclose(found, model.predict(tables[k][fold.valid]))


def test_boosting_reads_columns_as_they_are():
    texts = np.array(["a", "b", "a", None, *(f"rare {i}" for i in range(120))], object)
    trees = TreeInputs.of(
        {
            "number": np.array([1.5, np.nan, *np.zeros(122)]),
            "day": np.array(["1970-01-03", "NaT"] * 62, "datetime64[us]"),
            "text": texts,
        }
    )
    assert trees.is_category.tolist() == [False, False, True]
    np.testing.assert_array_equal(trees.values[:2, 0], [1.5, np.nan])
    np.testing.assert_array_equal(trees.values[:2, 1], [2, np.nan])
    np.testing.assert_array_equal(trees.values[:4, 2], [0, 1, 0, np.nan])
    assert trees.values[-1, 2] == 100  # with all others that are not frequent
