"""How the learning rate changes in the course of a training."""

import subprocess
import sys

import numpy as np
import pytest

from cerebros.training import SCHEDULES, schedule_factor

START, HIGHEST = 1 / 25, 1.0

KNOWN_VALUES = {
    "constant": {0.0: 1, 0.5: 1, 0.999: 1},
    "cosine": {0.0: 1, 1 / 3: 0.75, 0.5: 0.5, 2 / 3: 0.25, 1.0: 0},
    "cosine_of_log": {0.0: 0, 1 / 15: 0, 3 / 15: 0, 7 / 15: 0, 1.0: 0}
    # At the middle of a wave, on the scale of the logarithm.
    | {(2 ** (i + 0.5) - 1) / 15: 1 for i in range(4)}
    | {(2 ** (i + 0.25) - 1) / 15: 0.5 for i in range(4)},
    "one_cycle": {
        0.0: START,
        0.15: (START + HIGHEST) / 2,
        0.3: HIGHEST,
        0.65: (HIGHEST + 1e-4) / 2,
        1.0: 1e-4,
    },
}
ALL_VALUES = [
    (name, progress, factor)
    for name, values in KNOWN_VALUES.items()
    for progress, factor in values.items()
]


@pytest.mark.parametrize(("name", "progress", "factor"), ALL_VALUES)
def test_the_factor_is_the_published_one(name, progress, factor):
    assert schedule_factor(name, progress) == pytest.approx(factor, abs=1e-12)


def test_every_schedule_has_known_values():
    assert set(SCHEDULES) == set(KNOWN_VALUES)


@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_lie_between_0_and_1_and_change_continuously(name):
    progress = np.linspace(0, 1, 100_001)[:-1]
    factors = schedule_factor(name, progress)
    assert factors.shape == progress.shape
    assert factors.min() >= 0
    assert factors.max() <= 1 + 1e-12
    assert np.abs(np.diff(factors)).max() < 1e-3


@pytest.mark.parametrize("name", SCHEDULES)
def test_numbers_arrays_and_jax_agree(name):
    import jax
    import jax.numpy as jnp

    progress = np.linspace(0, 0.999, 37)
    one_by_one = [float(schedule_factor(name, float(p))) for p in progress]
    np.testing.assert_array_equal(schedule_factor(name, progress), one_by_one)
    in_jax = jax.jit(lambda p: schedule_factor(name, p, jnp))(jnp.asarray(progress))
    np.testing.assert_allclose(in_jax, one_by_one, atol=2e-5)


def test_a_slip_is_answered_with_what_was_meant_and_all_that_are_known():
    with pytest.raises(ValueError, match=r"'cosinus' is not known.*'cosine'") as caught:
        schedule_factor("cosinus", 0.5)
    assert all(name in str(caught.value) for name in SCHEDULES)


def test_neither_jax_nor_keras_is_loaded():
    code = (
        "import sys; from cerebros.training import schedule_factor;"
        "schedule_factor('one_cycle', 0.4);"
        "sys.exit(bool({'jax', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
