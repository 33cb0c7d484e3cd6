"""Training in populations: blocks, what goes to Keras, and resuming with the engine."""

import logging
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import CONTEXT, OBJECTIVE, SPACE, a_plan, contents, made_up_outcome, run

from cerebros import training
from cerebros.plan import Dense, Draft, Dropout
from cerebros.search import (
    GivenPlans,
    KerasExecutor,
    MemoryStore,
    PopulationExecutor,
    RandomSearch,
    SqlStore,
)
from cerebros.training import NoCheckpoints, TrainingTask, population

# --- Blocks -------------------------------------------------------------------------


@given(st.integers(0, 100_000))
def test_blocks_follow_from_the_number_and_neither_overlap_nor_leave_gaps(number):
    executor = PopulationExecutor()
    block = executor.block(number)
    assert number in block
    assert {executor.block(n) for n in (block[0], block[-1])} == {block}
    assert executor.block(block.stop).start == block.stop


def test_the_first_blocks_are_small():
    executor, first, starts = PopulationExecutor(), 0, []
    while first < 4000:
        starts.append(first)
        first = executor.block(first).stop
    assert starts == [0, 8, 64, 256, 1024, 2048, 3072]


@given(st.integers(0, 100_000))
def test_with_keras_every_trial_stands_alone(number):
    assert KerasExecutor().block(number) == range(number, number + 1)


# --- What goes where ----------------------------------------------------------------


def plan_with_dropout():
    net = Draft()
    return net.plan(net.unit(net.input(3), Dropout(0.5), Dense(1)))


TASKS = [
    TrainingTask(plan_with_dropout() if n % 3 == 2 else a_plan(), 0, n)
    for n in range(9)
]
LOWERABLE = [0, 1, 3, 4, 6, 7]


@pytest.fixture
def calls(monkeypatch):
    """Made-up trainers, and what they were asked for."""
    calls = []

    def reason(plan, context):
        return "it has dropout" if plan == plan_with_dropout() else None

    def train(tasks, context, *, wanted, deadline, report, checkpoints):
        calls.append(("population", [task.number for task in tasks], sorted(wanted)))
        for task in tasks:
            if task.number in wanted:
                report(task.number, 0, {"loss": 1.0})
                yield [(task, made_up_outcome(task))]

    def train_with_keras(task, context, *, deadline, on_epoch, start_from):
        assert start_from is None
        calls.append(("keras", task.number))
        on_epoch(0, {"loss": 1.0})
        return made_up_outcome(task)

    monkeypatch.setattr(population, "reason_not_lowerable", reason, raising=False)
    monkeypatch.setattr(population, "train_population", train, raising=False)
    monkeypatch.setattr(training, "train_with_keras", train_with_keras, raising=False)
    return calls


def trained(wanted, *, deadline=None, report=lambda *_: None):
    finished = PopulationExecutor().train(
        TASKS,
        CONTEXT,
        wanted=wanted,
        deadline=deadline,
        report=report,
        checkpoints=NoCheckpoints(),
    )
    return [task.number for several in finished for task, _ in several]


def test_what_the_engine_cannot_train_is_trained_by_keras_and_the_reason_logged(
    calls, caplog
):
    caplog.set_level(logging.INFO)
    reports = []
    wanted = {0, 1, 2, 3, 5}
    assert trained(wanted, report=lambda *r: reports.append(r[:2])) == [0, 1, 3, 2, 5]
    assert calls == [
        ("population", LOWERABLE, sorted(wanted)),
        ("keras", 2),
        ("keras", 5),
    ]
    assert reports == [(n, 0) for n in (0, 1, 3, 2, 5)]
    assert [record.message for record in caplog.records] == [
        "2 networks are trained by Keras one by one: it has dropout"
    ]


def test_the_engine_sees_all_tasks_of_a_block_whatever_is_wanted(calls):
    assert trained({4}) == [4]
    assert calls == [("population", LOWERABLE, [4])]


def test_the_engine_is_not_asked_for_nothing(calls):
    assert trained({2}) == [2]
    assert calls == [("keras", 2)]


def test_keras_keeps_to_the_same_deadline(calls):
    assert trained({0, 2, 5}, deadline=time.monotonic() - 1) == [0]
    assert calls == [("population", LOWERABLE, [0, 2, 5])]


# --- With the engine ----------------------------------------------------------------


class Crash(BaseException):
    """As sudden as a kill."""


class CrashingStore(SqlStore):
    """A store whose process dies after some trials, or some states, are stored."""

    left = 0

    def append_many(self, finished):
        super().append_many(finished)
        self.step()

    def step(self):
        self.left -= 1
        if self.left == 0:
            raise Crash


STRATEGY = RandomSearch(
    space=replace(SPACE, levels=(1, 4), neurons=(1, 20)),
    ports=training.Problem.regression(
        CONTEXT.data.inputs[0], CONTEXT.data.targets[0]
    ).ports,
)


@pytest.mark.slow
def test_a_search_that_is_stopped_ends_the_same_bit_for_bit(tmp_path):
    arguments = {"executor": PopulationExecutor((0, 4)), "strategy": STRATEGY}
    whole = MemoryStore(OBJECTIVE, keep="all")
    run(whole, 9, **arguments)
    for left in (1, 2):
        store = CrashingStore.in_folder(tmp_path, OBJECTIVE, keep="all")
        store.left = left
        with suppress(Crash):
            run(store, 9, **arguments)
    run(
        SqlStore.in_folder(tmp_path, OBJECTIVE, keep="all"),
        6,
        deadline=time.monotonic() + 0.001,
        **arguments,
    )
    store = SqlStore.in_folder(tmp_path, OBJECTIVE, keep="all")
    run(store, 9, **arguments)
    assert contents(store) == contents(whole)
    assert not (tmp_path / "checkpoints").exists()


def test_what_has_dropout_is_trained_as_well():
    store = MemoryStore(OBJECTIVE)
    plans = (a_plan(), plan_with_dropout())
    trials = run(store, 2, executor=PopulationExecutor(), strategy=GivenPlans(plans))
    assert [trial.status.name for trial in trials] == ["FINISHED", "FINISHED"]


PROGRAM = """
import sys
import numpy as np
from cerebros.search import search_networks
from cerebros.spaces import RandomWiring
from cerebros.training import Problem, TrainingSettings

x = np.random.default_rng(0).normal(size=(60, 3))
found = search_networks(
    Problem.regression(x, x @ [1.0, -2.0, 0.5]),
    space=RandomWiring(levels=(1, 2), units=(1, 2), neurons=(1, 3)),
    n_architectures=3,
    training=TrainingSettings(epochs=2),
    out=sys.argv[1],
    show="lines",
)
assert len(found.leaderboard()) == 3
print("keras" in sys.modules)
found.best_model()
print("keras" in sys.modules)
"""


def test_a_search_does_not_load_keras_until_a_model_is_asked_for(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False", "True"]
