"""Categories, dates and texts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.estimators.table import CategoryEncoder, DateEncoder, TextEncoder
from cerebros.estimators.table._dates import as_days, date_parts
from cerebros.estimators.table._texts import words_of


def texts(*values):
    return np.array(values, object)


def dates(*values):
    return np.array(values, "datetime64[us]")


CATEGORIES = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1)


@given(CATEGORIES, CATEGORIES, st.integers(0, 4), st.booleans())
def test_learned_from_other_rows_a_category_has_no_more_features(
    known, others, most, knows_targets
):
    targets = (np.arange(len(known)) % 3)[:, None] * 1.0 if knows_targets else None
    encoder = CategoryEncoder.fit(texts(*known), most, targets)
    of_others = (np.arange(len(others)) % 3)[:, None] * 1.0 if knows_targets else None
    fresh = encoder.refitted(texts(*others), of_others)
    assert fresh.n_features <= encoder.n_features
    assert fresh.n_target_features == encoder.n_target_features
    assert len(fresh.names()) == fresh.n_features[0]


@given(CATEGORIES, CATEGORIES, st.integers(0, 4))
def test_a_category_has_one_feature_at_most(known, new, most):
    encoder = CategoryEncoder.fit(texts(*known), most)
    again = CategoryEncoder.from_state(json.loads(json.dumps(encoder.state())))
    assert again == encoder
    assert len(encoder.kept) <= most
    assert len(encoder.names()) == encoder.n_features[0]
    plain, encoded = encoder.transform(texts(*known))
    assert plain.shape == (len(known), encoder.n_features[0])
    assert encoded.shape == (len(known), 0)
    if encoder.n_features[0]:
        assert (plain.sum(axis=1) == 1).all()
    assert set(encoder.transform(texts(*new))[0].sum(axis=1)) <= {0, 1}


def test_rare_unseen_and_missing_categories():
    known = texts(*["b"] * 3, *["a"] * 4, "rare", None)
    encoder = CategoryEncoder.fit(known, 64)
    assert encoder.names() == ["=a", "=b", "missing", "other"]
    plain, _ = encoder.transform(texts("b", "rare", "never seen", None, "a"))
    assert plain.argmax(axis=1).tolist() == [1, 3, 3, 2, 0]


def test_without_rare_ones_the_unseen_are_nothing():
    encoder = CategoryEncoder.fit(texts(*["a", "b"] * 3), 64)
    assert encoder.names() == ["=a", "=b"]
    plain, _ = encoder.transform(texts("never seen", None))
    np.testing.assert_array_equal(plain, 0)


def test_the_most_frequent_categories_are_kept():
    known = texts(*["a"] * 3, *["b"] * 9, *["c"] * 5)
    assert CategoryEncoder.fit(known, 2).kept == ("b", "c")


def test_categories_that_are_all_rare_are_no_feature():
    assert CategoryEncoder.fit(texts(*"aabbcc"), 64).n_features == (0, 0)
    assert CategoryEncoder.fit(texts(*"aabbc", None), 64).n_features == (2, 0)


def test_parts_of_a_date():
    leap = dates("2024-02-29T18:00", "1970-01-01", "1969-12-31T12:00")
    day, sine, cosine, weekday, hour = date_parts(as_days(leap))
    np.testing.assert_allclose(day, [19782.75, 0, -0.5])
    np.testing.assert_allclose(weekday, [3, 3, 2])  # Monday is 0
    np.testing.assert_allclose(hour, [18, 0, 12])
    np.testing.assert_allclose(sine**2 + cosine**2, 1)
    assert all(np.isnan(part).all() for part in date_parts(as_days(dates("NaT"))))


@given(
    st.lists(st.datetimes() | st.none(), min_size=2, max_size=20),
    st.lists(st.datetimes() | st.none(), max_size=5),
)
def test_any_dates_are_encoded_within_bounds(known, new):
    encoder = DateEncoder.fit(dates(*known), 8)
    again = DateEncoder.from_state(json.loads(json.dumps(encoder.state())))
    assert len(encoder.names()) == encoder.n_features[0]
    for values in (dates(*known), dates(*new)):
        plain, encoded = encoder.transform(values)
        assert (plain.shape[1], encoded.shape[1]) == encoder.n_features
        assert (np.abs(plain) <= 70).all()
        assert (np.abs(encoded) <= 1).all()
        for a, b in zip((plain, encoded), again.transform(values), strict=True):
            np.testing.assert_array_equal(a, b)


def test_missing_dates_have_one_flag():
    encoder = DateEncoder.fit(dates("2020-01-01", "2021-06-05T10:00", "NaT"), 0)
    assert sum(name.endswith("missing") for name in encoder.names()) == 1


@pytest.fixture
def reviews(rng):
    good, bad = ["good", "great", "lovely"], ["poor", "broken", "sad"]
    is_good = rng.random(120) < 0.5
    made = [
        " ".join([*rng.choice(good if g else bad, 3), f"n{i}"])
        for i, g in enumerate(is_good)
    ]
    return texts(*made), is_good


def test_words_tell_texts_apart(reviews):
    values, is_good = reviews
    plain, encoded = TextEncoder.fit(values, 4).transform(values)
    assert plain.shape == (120, 4)
    assert encoded.shape == (120, 0)
    correlations = [abs(np.corrcoef(x, is_good)[0, 1]) for x in plain.T]
    assert max(correlations) > 0.9
    np.testing.assert_allclose(plain.std(axis=0), 1, rtol=1e-6)


def test_words_are_known_in_any_case_and_others_are_ignored(reviews):
    encoder = TextEncoder.fit(reviews[0], 4)
    plain, _ = encoder.transform(texts("good sad", "GOOD unheard SAD", None, ""))
    np.testing.assert_array_equal(plain[0], plain[1])
    np.testing.assert_array_equal(plain[2:], 0)
    assert "n1" not in encoder.words


def test_a_text_encoder_is_its_state(reviews):
    encoder = TextEncoder.fit(reviews[0], 4)
    state = encoder.state()
    arrays = {key for key, v in state.items() if isinstance(v, np.ndarray)}
    json.dumps({key: v for key, v in state.items() if key not in arrays})
    again = TextEncoder.from_state(state)
    for a, b in zip(
        encoder.transform(reviews[0]), again.transform(reviews[0]), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def scored(reviews):
    values, is_good = reviews
    return values, np.where(is_good, 1.0, -1.0)[:, None]


def test_scores_are_what_words_tell_of_the_target(scored):
    values, targets = scored
    encoder = TextEncoder.fit(values, 2, targets=targets)
    assert encoder.names() == ["words 0", "words 1", "score 0"]
    new, _ = encoder.transform(texts("a lovely great day", "sad and broken", "day"))
    assert new[0, 2] > 0.8
    assert new[1, 2] < -0.8
    assert abs(new[2, 2]) < 0.3


def test_scores_out_of_fold_do_not_know_the_own_target(scored):
    values, targets = scored
    encoder = TextEncoder.fit(values, 2, targets=targets)
    weights, folds = np.ones(120), np.arange(120) % 3
    scores = encoder.out_of_fold(values, targets, weights, folds)
    assert scores.shape == (120, 1)
    assert np.corrcoef(scores[:, 0], targets[:, 0])[0, 1] > 0.95
    other = np.where((folds == 1)[:, None], 50.0, targets)
    changed = encoder.out_of_fold(values, other, weights, folds)
    np.testing.assert_array_equal(scores[folds == 1], changed[folds == 1])
    assert (np.abs(scores - changed)[folds != 1] > 1).all()


def test_punctuation_separates_words_and_marks_are_words():
    text = "Don't stop!! (Win) \u00a35,000-now..."
    words = ["don", "t", "stop", "!", "!", "win", "\u00a3", "5", "000", "now"]
    assert words_of(text) == words
    assert words_of(None) == words_of(" .,\u2028") == []


def test_texts_are_scaled_to_length_one_with_counts_in_logarithms():
    encoder = TextEncoder(
        ("a", "b"), np.array([1.0, 2.0]), np.eye(2, dtype=np.float32), np.zeros(0)
    )
    plain, _ = encoder.transform(texts("a b a", "B", "c", "a a a"))
    first = np.array([1 + np.log(2), 2])
    expected = [first / np.linalg.norm(first), [0, 1], [0, 0], [1, 0]]
    np.testing.assert_allclose(plain, expected)


def test_texts_learned_from_other_rows_have_no_more_features(scored):
    values, targets = scored
    encoder = TextEncoder.fit(values, 4, targets=targets)
    for n in (1, 5, 50):
        fresh = encoder.refitted(values[:n], 0, targets[:n])
        assert fresh.n_features <= encoder.n_features
        assert fresh.n_target_features == 1
        assert np.isfinite(fresh.transform(values)[0]).all()


@pytest.mark.parametrize(
    "values",
    [
        [f"{i}" for i in range(9)],
        [f"invoice {i}" for i in range(9)],
        [f"your invoice number {i}" for i in range(9)],
        [None] * 9,
    ],
)
def test_words_that_are_the_same_in_all_rows_are_no_features(values):
    assert TextEncoder.fit(texts(*values), 4).n_features == (0, 0)


def test_no_features_of_texts_where_none_are_asked_for(reviews):
    assert TextEncoder.fit(reviews[0], 0).n_features == (0, 0)
