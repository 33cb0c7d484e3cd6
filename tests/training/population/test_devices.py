"""Where there is nothing to compute on, that is said."""

import os
import subprocess
import sys

SCRIPT = """
import numpy as np
from cerebros.search import search_networks
from cerebros.training import Problem, TrainingSettings

x = np.random.default_rng(0).normal(size=(60, 3))
search_networks(
    Problem.regression(x, x[:, 0]),
    n_architectures=1,
    training=TrainingSettings(epochs=1),
    show="none",
)
"""


def test_no_device_is_an_error_with_the_way_out():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"JAX_PLATFORMS": "abacus"},
    )
    assert done.returncode
    last = done.stderr.strip().splitlines()[-1]
    assert "JAX has no device to compute on: JAX_PLATFORMS is 'abacus'" in last
    assert last.endswith("unset it, or set it to 'cpu'")
