"""What every test runs in: the environment, Hypothesis, and what may be skipped."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Read by Keras, JAX, TensorFlow and the BLAS libraries when they are loaded, and by
# the processes that tests start; so set before any test module is imported.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")  # so that sharding is exercised
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # one thread each, or workers wait in turns
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# Examples are neither timed (the machine may be busy) nor, in CI, random.
PROFILE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("local", **PROFILE)
settings.register_profile("ci", **PROFILE, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data sets beside the repository; for tests with the marker `shared`."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the data sets of ../shared/data")
    return SHARED_DATA


@pytest.hookimpl(trylast=True)  # after -m and -k have taken out what they take out
def pytest_collection_modifyitems(items):
    """Skip what this machine cannot run, and say what it would need."""
    for item in items:
        for marker, reason in MISSING.items():
            if item.get_closest_marker(marker) and (missing := reason()):
                item.add_marker(pytest.mark.skip(reason=missing))


def _shared_missing() -> str | None:
    return None if SHARED_DATA.is_dir() else "needs the data sets of ../shared/data"


def _package_missing(name: str) -> str | None:
    if find_spec(name):
        return None
    return f"needs the extra `{name}`: pip install 'cerebros[{name}]'"


@cache
def _gpu_missing() -> str | None:
    import jax

    if any(device.platform == "gpu" for device in jax.local_devices()):
        return None
    return "needs a GPU, and a JAX that finds it: pip install 'jax[cuda12]'"


MISSING = {
    "shared": _shared_missing,
    "tensorflow": lambda: _package_missing("tensorflow"),
    "torch": lambda: _package_missing("torch"),
    "gpu": _gpu_missing,
}
