"""Showing, copying and completing an estimator does nothing heavy."""

import subprocess
import sys

PROGRAM = """
import inspect, pickle, rlcompleter, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from sklearn.base import clone
from cerebros.estimators import CerebrosRegressor, PopulationSettings

x = np.random.default_rng(0).normal(size=(60, 3))
settings = PopulationSettings(epochs=2, folds=2)
model = CerebrosRegressor(time_budget=None, n_trials=1, population=settings)
model.fit(x, x[:, 0])
assert "keras" not in sys.modules, "by the fit"

assert "CerebrosRegressor" in model._repr_html_()
assert "text/html" in model._repr_mimebundle_()
assert "CerebrosRegressor" in repr(model)
dir(model), inspect.getmembers(model)
complete = rlcompleter.Completer({"model": model}).complete
names = []
while (name := complete("model.", len(names))) is not None:
    names.append(name)
assert any("to_keras" in name for name in names)
again = pickle.loads(pickle.dumps(model))
assert (again.predict(x) == model.predict(x)).all()
assert not hasattr(clone(model), "predictor_")
assert not hasattr(model, "model_")
assert "keras" not in sys.modules
"""


def test_a_fitted_model_is_shown_copied_and_completed_without_keras():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
