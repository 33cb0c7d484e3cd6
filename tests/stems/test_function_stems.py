"""Transformers of scikit-learn and functions as stems: fitted on training rows only."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from cerebros.caches import CACHE_VARIABLE
from cerebros.errors import DataError, StemError
from cerebros.search import search_networks
from cerebros.spaces import RandomWiring
from cerebros.stems import FunctionStem, features_of, stem_fingerprint
from cerebros.training import Problem, TrainingSettings

WORDS = ["free", "prize", "call", "now", "meet", "at", "home", "for", "lunch"]
RNG = np.random.default_rng(0)
TEXTS = [" ".join(RNG.choice(WORDS, 6)) for _ in range(80)]
LABELS = ["spam" if "free" in text else "ham" for text in TEXTS]
TABLE = pd.DataFrame({"a": RNG.normal(size=80), "kind": RNG.choice(["x", "y"], 80)})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path / "features"


def lengths(texts):
    return np.array([[len(text), text.count("e")] for text in texts])


def test_a_transformer_is_fitted_on_the_training_rows_and_no_others():
    own = CountVectorizer()
    problem = Problem.classification(TEXTS, LABELS, stems=own)
    training = [TEXTS[i] for i in problem.split.train]
    by_hand = CountVectorizer().fit(training)
    np.testing.assert_array_equal(
        problem.data.inputs[0], by_hand.transform(TEXTS).toarray()
    )
    with pytest.raises(NotFittedError):
        check_is_fitted(own)


def test_a_fitted_transformer_is_left_as_it_is():
    fitted = CountVectorizer().fit(["free prize"])
    problem = Problem.classification(TEXTS, LABELS, stems=[fitted])
    assert problem.ports.input_widths == (2,)
    assert problem.front.stems[0] is fitted


def test_text_and_table_stand_side_by_side_and_new_rows_are_prepared():
    problem = Problem.classification(
        [TEXTS, TABLE, TABLE[["a"]].to_numpy(), TEXTS],
        LABELS,
        stems=[
            make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0)),
            make_pipeline(OneHotEncoder(handle_unknown="ignore")),
            None,
            lengths,
        ],
    )
    widths = [x.shape[1] for x in problem.data.inputs]
    assert widths[0] == 3
    assert widths[2:] == [1, 2]
    found = search_networks(
        problem,
        space=RandomWiring(levels=(1, 2), neurons=(2, 3)),
        n_architectures=2,
        training=TrainingSettings(epochs=2),
        show="none",
    )
    new = [TEXTS[:3], TABLE[:3], TABLE[["a"]].to_numpy()[:3], TEXTS[:3]]
    prepared = problem.prepare(new)
    for x, all_rows in zip(prepared, problem.data.inputs, strict=True):
        np.testing.assert_allclose(x, all_rows[:3], rtol=1e-5, atol=1e-6)
    answers = found.best_model().predict(prepared, verbose=0)
    assert answers.shape == (3, 1)


def test_a_column_of_texts_is_a_single_input():
    frame = pd.Series(TEXTS, name="text")
    problem = Problem.classification(frame, LABELS, stems=[CountVectorizer()])
    assert problem.data.n_rows == 80


# --- What is kept -------------------------------------------------------------------


def n_kept(cache):
    return len([*cache.glob("*.npy")]) if cache.exists() else 0


def test_features_of_transformers_are_kept_under_stem_and_rows(cache):
    pca = PCA(2).fit(RNG.normal(size=(20, 3)))
    rows = RNG.normal(size=(30, 3))
    first = features_of(pca, rows)
    np.testing.assert_allclose(first, pca.transform(rows), rtol=1e-5, atol=1e-6)
    features_of(pca, rows.copy())
    assert n_kept(cache) == 1
    features_of(PCA(2).fit(RNG.normal(size=(20, 3))), rows)
    assert n_kept(cache) == 2
    rows[29, 2] += 1
    features_of(pca, rows)
    assert n_kept(cache) == 3


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_texts_are_named_by_content(cache, kind):
    words = CountVectorizer().fit(TEXTS)
    features_of(words, kind(TEXTS))
    features_of(words, kind(TEXTS))
    assert n_kept(cache) == 1
    features_of(words, kind([*TEXTS[:-1], TEXTS[-1] + "."]))
    assert n_kept(cache) == 2


class Own(TransformerMixin, BaseEstimator):
    def fit(self, x, y=None):
        self.n_ = 1
        return self

    def transform(self, x):
        return np.asarray(x) * 2


@pytest.mark.parametrize(
    "stem",
    [
        Own().fit(np.ones((3, 2))),
        FunctionTransformer(lambda x: x * 2),
        make_pipeline(StandardScaler(), Own()).fit(np.eye(3)[:, :2]),
        FunctionStem(np.exp),
    ],
)
def test_code_of_a_user_has_no_name_so_nothing_is_kept(stem, cache):
    assert stem_fingerprint(stem) is None
    assert features_of(stem, np.ones((4, 2))).shape == (4, 2)
    assert n_kept(cache) == 0


def test_a_key_names_a_function(cache):
    for key in ("v1", "v1", "v2"):
        features_of(FunctionStem(lengths, key=key), TEXTS)
    assert n_kept(cache) == 2


# --- What is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        (lambda rows: rows[:-1], "for 79 rows|gives the shape"),
        (lambda rows: np.array(rows, dtype=object), "but must give numbers"),
        (lambda rows: np.ones((len(rows), 1)) * len(rows), "row 0 alone than"),
        (lambda rows: [[float(len(x)), np.nan] for x in rows], "missing or infinite"),
        (lambda rows: rows.no_such, "fails on these rows"),
        (CountVectorizer(min_df=100), "cannot be fitted on the .* training rows"),
        (CountVectorizer, "is the class CountVectorizer; give an object"),
        (3, "must be a Keras model, a transformer"),
    ],
)
def test_stems_that_do_not_do_are_refused(stem, message):
    with pytest.raises(StemError, match=message):
        Problem.classification(TEXTS, LABELS, stems=[stem])


def test_there_is_one_input_for_each_stem():
    with pytest.raises(DataError, match="there are 2 stems, so inputs must be a list"):
        Problem.classification(TEXTS, LABELS, stems=[lengths, None])
    with pytest.raises(DataError, match="different numbers of rows"):
        Problem.classification([TEXTS, TEXTS[1:]], LABELS, stems=[lengths, lengths])
    with pytest.raises(DataError, match="numbers of rows differ"):
        Problem.classification(TEXTS[1:], LABELS, stems=[lengths])
