"""The seed decides: golden plans, in this process and in fresh ones.

A change of the rules, or of the order in which random numbers are taken, shows here.
If it is meant, say so in the changelog and write the file anew:
`python tests/spaces/test_golden_wirings.py`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cerebros.plan import plan_from_json, plan_id, plan_to_json
from cerebros.spaces import (
    ExponentialDecay,
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    TabulatedDecay,
    VerticalWiring,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "wirings.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))


def sampled(case):
    """The draw that a case of the golden file describes."""
    settings = dict(case["settings"])
    vertical = dict(settings.pop("vertical", {}))
    lateral = dict(settings.pop("lateral", {}))
    for part in (vertical, lateral):
        if "decay" in part:
            part["decay"] = decay(**part["decay"])
    space = RandomWiring(
        vertical=VerticalWiring(**vertical),
        lateral=LateralWiring(**lateral),
        **{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()},
    )
    outputs = tuple(Output(width, name) for width, name in case["outputs"])
    ports = Ports(tuple(case["inputs"]), outputs)
    return space.sample(ports, np.random.default_rng(case["seed"]))


def decay(base=None, factors=None):
    return ExponentialDecay(base) if factors is None else TabulatedDecay(tuple(factors))


def result(case):
    draw = sampled(case)
    return {
        "plan_id": plan_id(draw.plan),
        "repairs": [[repair.node, repair.reader] for repair in draw.repairs],
        "plan": json.loads(plan_to_json(draw.plan)),
    }


@pytest.mark.parametrize("name", CASES)
def test_golden_plan(name):
    case = CASES[name]
    expected = {key: case[key] for key in ("plan_id", "repairs", "plan")}
    assert result(case) == expected
    assert plan_from_json(json.dumps(case["plan"])) == sampled(case).plan


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_fresh_processes_draw_the_same(hash_seed):
    program = (
        "from test_golden_wirings import CASES, result;"
        "print(*(result(case)['plan_id'] for case in CASES.values()))"
    )
    done = run(program, PYTHONHASHSEED=hash_seed)
    assert done.split() == [case["plan_id"] for case in CASES.values()]


def test_spaces_load_numpy_and_nothing_else():
    program = (
        "import sys; before = set(sys.modules);"
        "import cerebros.spaces;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    loaded = set(run(program).split()) - set(sys.stdlib_module_names)
    assert loaded == {"cerebros", "numpy"}


def run(program, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_other_seeds_draw_other_plans():
    case = CASES["the Ames example"]
    ids = {plan_id(sampled({**case, "seed": seed}).plan) for seed in range(20)}
    assert len(ids) == 20


def file_text(cases):
    """One line for each entry of a case."""
    parts = []
    for name, case in cases.items():
        lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in case.items()]
        parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    anew = {name: {**case, **result(case)} for name, case in CASES.items()}
    GOLDEN.write_text(file_text(anew), encoding="utf-8")
