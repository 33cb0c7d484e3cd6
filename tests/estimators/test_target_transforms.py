import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cerebros.estimators._targets import TargetTransform, candidate_transforms

KINDS = ("identity", "log", "quantile")
DRAWN = np.random.default_rng(3)
NORMAL = DRAWN.normal(size=400)
SKEWED = np.exp(1.5 * NORMAL)
HEAVY = np.append(NORMAL[:399], 1e4)


def kinds_of(target):
    return candidate_transforms(np.asarray(target, float))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_back_undoes_forward(kind, size):
    target = SKEWED * size
    transform = TargetTransform.fit(kind, target)
    standardized = transform.forward(target)
    assert abs(standardized.mean()) < 1e-9
    assert standardized.std() == pytest.approx(1)
    np.testing.assert_allclose(transform.back(standardized), target, rtol=1e-6)


def test_answers_stay_near_what_training_had():
    span = np.ptp(NORMAL)
    near = NORMAL.min() - 0.1 * span, NORMAL.max() + 0.1 * span
    transform = TargetTransform.fit("identity", NORMAL)
    answers = transform.back(np.array([[-1e9, 1e9]], np.float32))
    assert answers.shape == (1, 2)
    np.testing.assert_allclose(answers, [near])


def test_what_is_never_negative_stays_so():
    answers = TargetTransform.fit("identity", SKEWED).back(np.array([-1e9, 1e9]))
    assert abs(answers[0]) < 1e-9
    assert answers[1] == pytest.approx(SKEWED.max() + 0.1 * np.ptp(SKEWED))


@pytest.mark.parametrize("kind", ["identity", "linear"])
def test_unbounded_answers_go_on(kind):
    line = np.arange(400.0)
    transform = TargetTransform.fit(kind, SKEWED, line, is_bounded=False)
    found = transform.back(np.array([100.0]), np.array([7.0]))
    at_zero = transform.back(np.array([0.0]), np.array([7.0]))
    assert found - at_zero == pytest.approx(100 * transform.scale)


def test_the_linear_transform_is_what_a_line_leaves_open():
    line = np.linspace(0, 50, 400)
    transform = TargetTransform.fit("linear", NORMAL + line, line)
    standardized = transform.forward(NORMAL + line, line)
    np.testing.assert_allclose(
        standardized, (NORMAL - NORMAL.mean()) / NORMAL.std(), atol=1e-9
    )
    np.testing.assert_allclose(transform.back(standardized, line), NORMAL + line)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_bounded", [True, False])
def test_no_answer_overflows(kind, is_bounded):
    transform = TargetTransform.fit(kind, SKEWED, is_bounded=is_bounded)
    assert np.isfinite(transform.back(np.array([-1e30, 1e30]))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_transform_is_its_state(kind):
    transform = TargetTransform.fit(kind, SKEWED)
    again = TargetTransform.from_state(json.loads(json.dumps(transform.state())))
    np.testing.assert_array_equal(again.forward(SKEWED), transform.forward(SKEWED))
    np.testing.assert_array_equal(again.back(NORMAL), transform.back(NORMAL))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [7.0, 0.1, 1e-12, 1e12])
def test_a_constant_target_is_answered_exactly(kind, value):
    target = np.full(30, value)
    transform = TargetTransform.fit(kind, target)
    assert np.abs(transform.forward(target)).max() < 1e-6
    np.testing.assert_allclose(transform.back(np.array([-5.0, 0, 5])), value, rtol=1e-9)


def test_constant_zero_is_answered_exactly():
    transform = TargetTransform.fit("identity", np.zeros(30))
    np.testing.assert_array_equal(transform.back(np.array([-5.0, 5])), 0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_quantiles_keep_the_order(values):
    target = np.array(values)
    transform = TargetTransform.fit("quantile", target)
    assert (np.diff(transform.values) > 0).all()
    assert (np.diff(transform.knots) > 0).all()
    assert (np.diff(transform.forward(np.sort(target))) >= 0).all()


def test_quantiles_make_heavy_tails_normal():
    forward = TargetTransform.fit("quantile", HEAVY).forward(HEAVY)
    assert (forward**4).mean() < 4


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        (NORMAL, ["identity"]),
        (SKEWED, ["identity", "log"]),
        (SKEWED * 1e-12, ["identity", "log"]),
        (SKEWED * 1e12, ["identity", "log"]),
        (SKEWED - 1, ["identity", "quantile"]),  # skewed, but not all positive
        (-SKEWED, ["identity", "quantile"]),
        (HEAVY, ["identity", "quantile"]),
        (SKEWED[:19], ["identity"]),  # too few to tell
        (np.full(50, 3.0), ["identity"]),
        (np.full(50, 0.1), ["identity"]),
        (np.full(49, 0.7), ["identity"]),
        (np.zeros(50), ["identity"]),
    ],
)
def test_candidates_fit_the_shape_of_the_target(target, kinds):
    assert kinds_of(target) == kinds
