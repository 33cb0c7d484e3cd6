"""A plan as JSON: unchanged by the way there and back; damage is named, never worse."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cerebros.errors import PlanError
from cerebros.plan import (
    Connection,
    Dense,
    Draft,
    Dropout,
    NetworkPlan,
    Normalize,
    Unit,
    plan_from_json,
    plan_id,
    plan_to_json,
)
from cerebros.testing import plans

GOLDEN = Path(__file__).parents[1] / "golden" / "plans.json"


@given(plans())
def test_json_brings_a_plan_back_unchanged(plan):
    for indent in (None, 2):
        text = plan_to_json(plan, indent=indent)
        assert plan_from_json(text) == plan
        assert plan_from_json(text.encode()) == plan
        assert plan_to_json(plan_from_json(text), indent=indent) == text


@given(plans())
def test_equal_plans_have_equal_ids(plan):
    again = plan_from_json(plan_to_json(plan))
    assert plan_id(again) == plan_id(plan)
    assert len(plan_id(plan)) == 16
    assert int(plan_id(plan), 16) >= 0


@given(plans(), plans())
def test_unequal_plans_have_unequal_ids(one, other):
    assert (one == other) == (plan_id(one) == plan_id(other))


@pytest.mark.parametrize("rate", [0, -0.0])
def test_rates_that_are_equal_have_one_id(rate):
    def plan(rate):
        return NetworkPlan((1,), (Unit(1, (Connection(0),), (Dropout(rate),)),), (1,))

    assert plan(rate) == plan(0.0)
    assert plan_id(plan(rate)) == plan_id(plan(0.0))
    assert plan_to_json(plan(rate)) == plan_to_json(plan(0.0))


def golden_plans():
    """A few plans written by hand, with every part that a file can hold."""
    line = Draft()
    yield "line", line.plan(line.unit(line.input(4), Dense(1)))

    wired = Draft()
    x = wired.input(38)
    a = wired.unit(x.times(5), Normalize(), Dense(8, "elu"))
    b = wired.unit(
        [x.times(4), a.gated("sigmoid")], Normalize(), Dense(8, "elu"), level=1
    )
    c = wired.unit([b.times(2), a, x], Normalize(), Dense(1), level=2)
    yield "random wiring", wired.plan(c)

    residual = Draft()
    x = residual.input(12)
    deep = residual.unit(x, Dense(5, "relu"), Normalize(), Dense(4, "relu"))
    bypass = residual.unit(x, Dropout(0.25), Dense(3, "gelu"))
    head = residual.unit([deep, bypass], Dropout(0.4), Dense(3, "softmax"))
    yield "residual block", residual.plan(head)

    many = Draft()
    table, text = many.input(6), many.input(2)
    both = many.unit([table, text], merge="concatenate")
    flat = many.unit(both, Normalize(scale_shift=False), Dense(2, "hard_silu"))
    total = many.unit([flat.times(3), text, text.gated("tanh")], merge="add")
    price = many.unit(total, Dense(1, "softplus"), level=7)
    yield "many inputs and outputs", many.plan([price, flat])


GOLDEN_PLANS = dict(golden_plans())


@pytest.mark.parametrize("name", GOLDEN_PLANS)
def test_golden_plans_keep_their_text_and_id(name):
    """Ids name trials in stores that outlive a release, so they must never change."""
    stored = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    plan = GOLDEN_PLANS[name]
    assert plan_id(plan) == stored["id"]
    assert json.loads(plan_to_json(plan)) == stored["plan"]
    assert plan_from_json(json.dumps(stored["plan"])) == plan


def test_every_golden_plan_is_written_above():
    assert set(json.loads(GOLDEN.read_text(encoding="utf-8"))) == set(GOLDEN_PLANS)


def test_ids_do_not_depend_on_the_process():
    """Neither on the random order of sets and hashes, nor on the locale."""
    program = (
        "import sys; from cerebros.plan import plan_from_json, plan_id;"
        "print(plan_id(plan_from_json(sys.stdin.read())))"
    )
    plan = GOLDEN_PLANS["random wiring"]
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C"}
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=plan_to_json(plan),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == plan_id(plan)


def test_the_shape_of_a_file():
    assert json.loads(plan_to_json(GOLDEN_PLANS["random wiring"])) == {
        "format": "cerebros.plan",
        "version": 1,
        "inputs": [38],
        "units": [
            {
                "level": 1,
                "connections": [{"source": 0, "copies": 5}],
                "merge": "concatenate",
                "steps": [
                    {"normalize": {"scale_shift": True}},
                    {"dense": {"width": 8, "activation": "elu"}},
                ],
            },
            {
                "level": 1,
                "connections": [
                    {"source": 0, "copies": 4},
                    {"source": 1, "gate": "sigmoid"},
                ],
                "merge": "concatenate",
                "steps": [
                    {"normalize": {"scale_shift": True}},
                    {"dense": {"width": 8, "activation": "elu"}},
                ],
            },
            {
                "level": 2,
                "connections": [
                    {"source": 2, "copies": 2},
                    {"source": 1},
                    {"source": 0},
                ],
                "merge": "concatenate",
                "steps": [
                    {"normalize": {"scale_shift": True}},
                    {"dense": {"width": 1, "activation": "linear"}},
                ],
            },
        ],
        "outputs": [3],
    }


def test_what_has_a_default_may_be_left_out():
    text = json.dumps(
        {
            "format": "cerebros.plan",
            "version": 1,
            "inputs": [4],
            "units": [
                {
                    "level": 1,
                    "connections": [{"source": 0}],
                    "steps": [{"normalize": {}}, {"dense": {"width": 1}}],
                }
            ],
            "outputs": [1],
        }
    )
    net = Draft()
    plan = net.plan(net.unit(net.input(4), Normalize(), Dense(1)))
    assert plan_from_json(text) == plan


def file(**changes):
    return {
        "format": "cerebros.plan",
        "version": 1,
        "inputs": [4, 2],
        "units": [unit(), unit(connections=[{"source": 2}, {"source": 1}])],
        "outputs": [3],
        **changes,
    }


def unit(**changes):
    return {
        "level": 1,
        "connections": [{"source": 0, "copies": 2, "gate": "tanh"}],
        "merge": "concatenate",
        "steps": [{"dense": {"width": 3, "activation": "relu"}}],
        **changes,
    }


def with_unit(**changes):
    """A file whose second unit, node 3, is damaged."""
    reads = {"connections": [{"source": 2}, {"source": 1}]}
    return file(units=[unit(), unit(**(reads | changes))])


def without(data, key):
    return {k: v for k, v in data.items() if k != key}


TEXT = json.dumps(file())

DAMAGED = {
    "empty": ("", ["not a plan file", "no valid JSON"]),
    "cut off": (TEXT[:-5], ["not a plan file", "no valid JSON"]),
    "cut in the middle": (TEXT[: len(TEXT) // 2], ["no valid JSON"]),
    "binary": (b"\x93\xff\x00PLAN", ["no valid JSON"]),
    "nested without end": ("[" * 200_000, ["no valid JSON"]),
    "endless number": ("9" * 5_000, ["no valid JSON"]),
    "null": ("null", ['lacks "format": "cerebros.plan"']),
    "a list": ("[]", ['lacks "format"']),
    "text": ('"cerebros.plan"', ['lacks "format"']),
    "no format": (without(file(), "format"), ['lacks "format": "cerebros.plan"']),
    "other format": (file(format="onnx"), ['lacks "format": "cerebros.plan"']),
    "format is a list": (file(format=["cerebros.plan"]), ['lacks "format"']),
    "no version": (without(file(), "version"), ["version None", "damaged"]),
    "version 0": (file(version=0), ["version 0", "damaged"]),
    "version is text": (file(version="1"), ["version '1'", "damaged"]),
    "version is a bool": (file(version=True), ["version True", "damaged"]),
    "version is a float": (file(version=1.0), ["version 1.0", "damaged"]),
    "newer version": (
        file(version=2, networks=[]),
        ["version 2", "reads version 1", "upgrade cerebros"],
    ),
    "unknown entry": (
        file(author="me", Units=[]),
        ["the plan has unknown entries ['Units', 'author']", "known: ", "'inputs'"],
    ),
    "no inputs": (
        without(file(), "inputs"),
        ['the plan needs a list "inputs", but has None'],
    ),
    "inputs are a number": (
        file(inputs=4),
        ['the plan needs a list "inputs", but has 4'],
    ),
    "units are an object": (
        file(units={"0": unit()}),
        ['the plan needs a list "units", but has {'],
    ),
    "outputs are null": (
        file(outputs=None),
        ['the plan needs a list "outputs", but has None'],
    ),
    "input width is a bool": (file(inputs=[4, True]), ["input 1 has width True"]),
    "input width is a float": (file(inputs=[4.0, 2]), ["input 0 has width 4.0"]),
    "input width is text": (file(inputs=["4", 2]), ["input 0 has width '4'"]),
    "input width is a list": (file(inputs=[[4], 2]), ["input 0 has width [4]"]),
    "output is a float": (file(outputs=[3.0]), ["output 3.0 is not a unit"]),
    "output is a list": (file(outputs=[[3]]), ["output [3] is not a unit"]),
    "output is an input": (file(outputs=[0]), ["output 0 is not a unit"]),
    "unit is null": (file(units=[unit(), None]), ["unit 3 is None", "an object with"]),
    "unit is a list": (file(units=[[], unit()]), ["unit 2 is []", "an object with"]),
    "unknown entry of a unit": (
        with_unit(name="last"),
        ["unit 3 has unknown entries ['name']", "'connections', 'level'"],
    ),
    "no level": (
        file(units=[without(unit(), "level")]),
        ["unit 2 (level None) must stand in a level ≥ 1"],
    ),
    "level is a bool": (with_unit(level=True), ["unit 3 (level True)"]),
    "level is text": (with_unit(level="1"), ["unit 3 (level 1) must stand"]),
    "unknown merge": (with_unit(merge="sum"), ["unit 3 (level 1) merges by 'sum'"]),
    "merge is a list": (with_unit(merge=["add"]), ["unit 3", "merges by ['add']"]),
    "no connections": (
        file(units=[without(unit(), "connections")]),
        ['unit 2 needs a list "connections", but has None'],
    ),
    "connection is a number": (
        with_unit(connections=[2, 1]),
        ["a connection of unit 3 is 2", "an object with"],
    ),
    "unknown entry of a connection": (
        with_unit(connections=[{"source": 2, "weight": 0.5}]),
        ["a connection of unit 3 has unknown entries ['weight']", "'source'"],
    ),
    "no source": (
        with_unit(connections=[{"copies": 2}]),
        ['a connection of unit 3 lacks "source"', "damaged"],
    ),
    "source is null": (
        with_unit(connections=[{"source": None}]),
        ["unit 3 (level 1) reads node None"],
    ),
    "source is a bool": (
        with_unit(connections=[{"source": True}]),
        ["unit 3 (level 1) reads node True"],
    ),
    "source is an object": (
        with_unit(connections=[{"source": {}}]),
        ["unit 3 (level 1) reads node {}"],
    ),
    "a cycle": (
        file(units=[unit(connections=[{"source": 3}]), unit()]),
        ["unit 2 (level 1) reads node 3", "numbered below its own"],
    ),
    "copies are a bool": (
        with_unit(connections=[{"source": 2, "copies": True}]),
        ["unit 3 (level 1) reads node 2 with copies True"],
    ),
    "copies are null": (
        with_unit(connections=[{"source": 2, "copies": None}]),
        ["unit 3 (level 1) reads node 2 with copies None"],
    ),
    "gate is a list": (
        with_unit(connections=[{"source": 2, "gate": []}]),
        ["unit 3 (level 1) reads node 2 through a gate", "gate [] is not known"],
    ),
    "no steps": (
        file(units=[without(unit(), "steps")]),
        ['unit 2 needs a list "steps", but has None'],
    ),
    "step is text": (with_unit(steps=["dense"]), ["unit 3 has a step 'dense'"]),
    "step is an empty object": (with_unit(steps=[{}]), ["unit 3 has a step {}"]),
    "step is two": (
        with_unit(steps=[{"dense": {"width": 1}, "dropout": {"rate": 0.1}}]),
        ["unit 3 has a step", "one of ['dense', 'dropout', 'normalize']"],
    ),
    "unknown step": (
        with_unit(steps=[{"convolve": {"width": 1}}]),
        ["unit 3 has a step {'convolve'", "one of ['dense'"],
    ),
    "step without settings": (
        with_unit(steps=[{"dense": {}}]),
        ["unit 3 has a damaged dense step", "width"],
    ),
    "settings are a number": (
        with_unit(steps=[{"dropout": 0.5}]),
        ["unit 3 has a damaged dropout step"],
    ),
    "settings are null": (
        with_unit(steps=[{"normalize": None}]),
        ["unit 3 has a damaged normalize step"],
    ),
    "unknown setting": (
        with_unit(steps=[{"dense": {"width": 1, "bias": True}}]),
        ["unit 3 has a damaged dense step", "bias"],
    ),
    "dense width is a bool": (
        with_unit(steps=[{"dense": {"width": True}}]),
        ["unit 3 (level 1): dense width True"],
    ),
    "activation is null": (
        with_unit(steps=[{"dense": {"width": 1, "activation": None}}]),
        ["unit 3 (level 1): activation None is not known"],
    ),
    "activation is an object": (
        with_unit(steps=[{"dense": {"width": 1, "activation": {}}}]),
        ["unit 3 (level 1): activation {} is not known"],
    ),
    "rate is text": (
        with_unit(steps=[{"dropout": {"rate": "0.5"}}]),
        ["unit 3 (level 1): dropout rate '0.5'"],
    ),
    "rate is NaN": (
        with_unit(steps=[{"dropout": {"rate": float("nan")}}]),
        ["unit 3 (level 1): dropout rate nan"],
    ),
    "scale_shift is a number": (
        with_unit(steps=[{"normalize": {"scale_shift": 1}}]),
        ["unit 3 (level 1): scale_shift 1"],
    ),
}


def test_the_undamaged_file_is_read():
    assert plan_from_json(TEXT).output_widths == (3,)


@pytest.mark.parametrize(("data", "fragments"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_named(data, fragments):
    text = data if isinstance(data, str | bytes) else json.dumps(data)
    with pytest.raises(PlanError) as caught:
        plan_from_json(text)
    for fragment in fragments:
        assert fragment in str(caught.value)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.floats(), st.text(max_size=5)
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda values: st.one_of(
        st.lists(values, max_size=3),
        st.dictionaries(st.text(max_size=5), values, max_size=3),
    ),
    max_leaves=5,
)


def places(data, path=()):
    """The path of every value in nested lists and objects."""
    yield path
    if isinstance(data, dict | list):
        items = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in items:
            yield from places(value, (*path, key))


def damage(draw, data):
    """Replace, remove, repeat or rename what stands at some place."""
    path = draw(st.sampled_from([*places(data)]))
    if not path:
        return draw(JSON_VALUES)
    *above, last = path
    holder = data
    for key in above:
        holder = holder[key]
    how = draw(st.sampled_from(["replace", "remove", "repeat", "rename"]))
    if how == "replace":
        holder[last] = draw(JSON_VALUES)
    elif how == "remove":
        del holder[last]
    elif how == "repeat" and isinstance(holder, list):
        holder.insert(last, holder[last])
    elif isinstance(holder, dict):
        holder[draw(st.text(max_size=5))] = holder.pop(last)
    return data


@st.composite
def damaged_files(draw):
    data = json.loads(plan_to_json(draw(plans(max_units=3))))
    for _ in range(draw(st.integers(1, 3))):
        data = damage(draw, data)
    return json.dumps(data)


@settings(max_examples=200)
@given(damaged_files())
def test_a_damaged_file_is_a_plan_or_a_plan_error(text):
    try:
        plan = plan_from_json(text)
    except PlanError:
        return
    assert plan_from_json(plan_to_json(plan)) == plan


@given(plans(max_units=3), st.data())
def test_a_file_with_other_bytes_is_a_plan_or_a_plan_error(plan, data):
    raw = bytearray(plan_to_json(plan).encode())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(position, len(raw)))
    with contextlib.suppress(PlanError):
        plan_from_json(bytes(raw[:cut]))
