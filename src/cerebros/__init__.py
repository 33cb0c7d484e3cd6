"""Neural architecture search over randomly wired networks.

Importing this package loads neither Keras nor JAX; each part loads what it needs when
it is used. Keras runs on JAX unless `KERAS_BACKEND` says otherwise, and XLA computes
the same bits on a GPU every time unless `XLA_FLAGS` says otherwise.
"""

import os as _os

import cerebros.programs as _programs  # noqa: F401  # it learns of forks from now on

__version__ = "0.1.0"

_os.environ.setdefault("KERAS_BACKEND", "jax")

# Without a home folder Keras would make a folder named `~`; so it keeps nothing.
if _os.path.expanduser("~") == "~":
    _os.environ.setdefault("KERAS_HOME", _os.path.join(_os.devnull, "keras"))

# On a GPU, XLA otherwise adds numbers in whatever order they come, and the same seed
# gives other results each time. What a user has said about it holds.
if "xla_gpu_deterministic_ops" not in _os.environ.get("XLA_FLAGS", ""):
    _os.environ["XLA_FLAGS"] = (
        _os.environ.get("XLA_FLAGS", "") + " --xla_gpu_deterministic_ops=true"
    ).strip()
