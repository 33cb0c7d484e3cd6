"""Neural architecture search over randomly wired networks.

Importing this package loads neither Keras nor JAX; each part loads what it needs when
it is used. Keras runs on JAX unless `KERAS_BACKEND` says otherwise.
"""

import os as _os

__version__ = "0.1.0"

_os.environ.setdefault("KERAS_BACKEND", "jax")
