"""JAX in forked processes: it works, or says at once why it cannot."""

import multiprocessing
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system does not fork"
)

PROGRAM = """
import multiprocessing, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from cerebros.estimators import CerebrosRegressor, PopulationSettings
from cerebros.search import search_networks
from cerebros.training import Problem, TrainingSettings

X = np.random.default_rng(0).normal(size=(60, 3))
y = X[:, 0] + X[:, 1]

def fitted():
    settings = PopulationSettings(epochs=2, folds=2)
    model = CerebrosRegressor(time_budget=None, n_trials=1, population=settings)
    return model.fit(X, y)

def fit():
    return fitted().predict(X[:2]).shape

def search():
    training = TrainingSettings(epochs=1)
    search_networks(
        Problem.regression(X, y), n_architectures=1, training=training, show="none"
    )

def in_child(function, *arguments):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        try:
            return pool.apply_async(function, arguments).get(60)
        except RuntimeError as error:
            return f"{type(error).__name__}: {error}"
"""


def lines_of(program):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


def test_a_child_of_a_process_that_has_fitted_says_how_to_fit_there():
    fit, search, answers = lines_of(
        "model = fitted()\n"
        "print(in_child(fit))\n"
        "print(in_child(search))\n"
        "print((in_child(model.predict, X) == model.predict(X)).all())\n"
    )
    for said in (fit, search):
        assert said.startswith("ForkError: ")
        assert 'get_context("spawn")' in said
    assert answers == "True"


def test_a_child_of_a_process_that_used_jax_by_itself_is_told_as_well():
    (said,) = lines_of("import jax; jax.devices()\nprint(in_child(fit))\n")
    assert said.startswith("ForkError: fit needs JAX")


def test_a_child_may_fit_where_the_parent_has_not():
    child, parent, child_again = lines_of(
        "print(in_child(fit)); print(fit()); print(in_child(fit)[:9])"
    )
    assert (child, parent, child_again) == ("(2,)", "(2,)", "ForkError")


def test_spawned_processes_are_no_copies():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(passes).get(60)


def passes():
    from cerebros.programs import check_not_forked

    check_not_forked("a test")
    return True
