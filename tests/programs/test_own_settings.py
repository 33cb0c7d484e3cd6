"""What a user has set in JAX or Keras changes nothing, and stays."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cerebros.estimators import CerebrosRegressor, PopulationSettings
from cerebros.programs import each_in_own_settings, in_own_settings
from cerebros.search import search_networks
from cerebros.training import Problem, TrainingSettings

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
Y = 30_000 * (X[:, 0] + X[:, 1] + RNG.normal(size=80))


def fitted():
    settings = PopulationSettings(epochs=4, folds=2)
    model = CerebrosRegressor(time_budget=None, n_trials=1, population=settings)
    return model.fit(X, Y).predict(X)


def searched(executor):
    result = search_networks(
        Problem.regression(X, Y),
        n_architectures=1,
        training=TrainingSettings(epochs=2),
        executor=executor,
        show="none",
    )
    weights = result.store.weights(0)
    scores = result.scores()
    return result.best_trial.score, scores, {k: w.tolist() for k, w in weights.items()}


@pytest.fixture(scope="module")
def usual():
    return fitted(), {name: searched(name) for name in ("population", "keras")}


@pytest.fixture
def set_in_jax():
    before = {}

    def set_(**settings):
        for name, value in settings.items():
            before[name] = jax.config.values[name]
            jax.config.update(name, value)

    yield set_
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def keras_floats():
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def assert_usual(usual):
    np.testing.assert_array_equal(fitted(), usual[0])
    for name, theirs in usual[1].items():
        assert searched(name) == theirs, name


def test_64_bits_change_nothing(usual, set_in_jax):
    set_in_jax(jax_enable_x64=True)
    assert_usual(usual)
    assert jax.config.jax_enable_x64
    assert jnp.asarray(1.5).dtype == jnp.float64


def test_settings_that_forbid_or_round_change_nothing(usual, set_in_jax):
    settings = {
        "jax_debug_nans": True,
        "jax_numpy_dtype_promotion": "strict",
        "jax_numpy_rank_promotion": "raise",
        "jax_default_matmul_precision": "bfloat16",
        "jax_default_prng_impl": "rbg",
    }
    set_in_jax(**settings)
    assert_usual(usual)
    assert {str(jax.config.values[name]) for name in settings} >= {"True", "rbg"}


@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_floats_of_keras_change_nothing(policy, usual, keras_floats):
    keras.config.set_floatx("float64" if policy == "float64" else "float32")
    keras.config.set_dtype_policy(policy)
    assert_usual(usual)
    assert keras.config.dtype_policy().name == policy
    assert keras.config.floatx() == ("float64" if policy == "float64" else "float32")


def test_what_stands_between_the_items_of_a_generator_has_the_users_settings(
    set_in_jax,
):
    set_in_jax(jax_enable_x64=True)
    closed = []

    @each_in_own_settings
    def kinds():
        try:
            while True:
                yield jnp.asarray(1.5).dtype
        finally:
            closed.append(True)

    items = kinds()
    for _ in range(2):
        assert next(items) == jnp.float32
        assert jnp.asarray(1.5).dtype == jnp.float64
    items.close()
    assert closed


def test_an_error_leaves_the_users_settings(set_in_jax):
    set_in_jax(jax_enable_x64=True)

    @in_own_settings
    def failing():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert jnp.asarray(1.5).dtype == jnp.float64
