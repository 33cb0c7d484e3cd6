"""A saved model is plain Keras: it loads and predicts where there is no cerebros."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from agreement import (
    assert_agree,
    everything,
    example_of,
    predictions,
    random_inputs,
    random_weights,
)

from cerebros.lowering import OutputScale, to_keras
from cerebros.plan import ACTIVATIONS, GATES, Connection, Dense, NetworkPlan, Unit
from cerebros.spaces import LateralWiring, Output, Ports, RandomWiring

LOAD_AND_PREDICT = """
import pathlib, sys
import keras, numpy as np
for path in sorted(pathlib.Path().glob("*.keras")):
    model = keras.saving.load_model(path)
    with np.load(f"{path.stem} inputs.npz") as file:
        inputs = list(file.values())
    outputs = model(inputs if len(inputs) > 1 else inputs[0])
    outputs = outputs if isinstance(outputs, list) else [outputs]
    named = dict(zip(model.output_names, map(np.asarray, outputs), strict=True))
    np.savez(f"{path.stem} outputs.npz", **named)
assert "cerebros" not in sys.modules
"""


def with_every_activation():
    dense = [Unit(1, (Connection(0),), (Dense(2, a),)) for a in sorted(ACTIVATIONS)]
    gates = [Unit(1, (Connection(0, gate=a),), ()) for a in sorted(GATES)]
    units = (*dense, *gates)
    return NetworkPlan((2,), units, outputs=tuple(range(1, len(units) + 1)))


def randomly_wired():
    lateral = LateralWiring(probability=0.9, gate_after=1, between_outputs=True)
    space = RandomWiring(levels=(3, 3), copies="drawn", dropout=0.2, lateral=lateral)
    ports = Ports(input_widths=(3, 2), outputs=(Output(1), Output(2, "softmax")))
    return space.sample(ports, np.random.default_rng(0)).plan


def with_stem_and_scale():
    """A model of a picture and a table."""
    unit = Unit(1, (Connection(0, copies=2), Connection(1)), (Dense(2),))
    plan = NetworkPlan((8, 3), (unit,), (2,))
    rng = np.random.default_rng(0)
    stem = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, activation="relu")]
    )
    model = to_keras(
        plan,
        random_weights(plan, rng),
        stems=[stem, None],
        output_scales=[OutputScale((200.0, 1.0), (50.0, 3.0))],
    )
    pictures = rng.normal(size=(5, 4, 4, 1)).astype(np.float32)
    inputs = [pictures, random_inputs(plan, rng)[1]]
    return model, inputs, predictions(model, inputs)


def cases():
    """Name, model, inputs and what it predicts."""
    plans = {
        "everything": everything(),
        "every activation": with_every_activation(),
        "random wiring": randomly_wired(),
    }
    for name, plan in plans.items():
        example = example_of(plan)
        yield name, to_keras(plan, example.weights), example.inputs, example.outputs
    yield "stem and scale", *with_stem_and_scale()


@pytest.mark.filterwarnings("ignore:You are using a softmax:UserWarning")
def test_a_fresh_process_without_cerebros_predicts_the_same(tmp_path):
    expected = {}
    for name, model, inputs, outputs in cases():
        model.save(tmp_path / f"{name}.keras")
        np.savez(tmp_path / f"{name} inputs.npz", *inputs)
        expected[name] = dict(zip(model.output_names, outputs, strict=True))

    done = subprocess.run(
        [sys.executable, "-c", LOAD_AND_PREDICT],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": "numpy"},  # another backend will do, too
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    for name, named in expected.items():
        with np.load(tmp_path / f"{name} outputs.npz") as file:
            loaded = dict(file)
        assert list(loaded) == list(named)
        assert_agree(list(loaded.values()), list(named.values()), rtol=1e-5)
