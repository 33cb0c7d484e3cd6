"""On every backend of Keras, random networks predict what the reference says.

Each runs in a process of its own, since Keras chooses its backend when it is loaded.
JAX is compared in `test_to_keras.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("agreement.py")


@pytest.mark.parametrize(
    ("backend", "n_examples"),
    [
        ("numpy", 100),  # compiles nothing, so it can see more networks
        pytest.param("tensorflow", 25, marks=pytest.mark.tensorflow),
        pytest.param("torch", 25, marks=pytest.mark.torch),
    ],
)
def test_random_networks_are_the_same_on_the_backend(backend, n_examples, tmp_path):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(n_examples)],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    name, n_compared = done.stdout.split()
    assert name == backend
    assert int(n_compared) >= n_examples
