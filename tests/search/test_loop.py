"""The loop of a search: what it does again, what it never does again, when it ends."""

import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import made_up
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import (
    CONTEXT,
    EXECUTOR,
    STRATEGY,
    MadeUpExecutor,
    contents,
    made_up_outcome,
    run,
)

from cerebros.errors import StoreError
from cerebros.search import MemoryStore, Silent, SqlStore, Trial, _loop, definition_of
from cerebros.training import Outcome, Status, TrainingTask

N_TRIALS = 8
OBJECTIVE = CONTEXT.objective


def new_store(keep=3):
    return MemoryStore(OBJECTIVE, keep=keep)


@pytest.fixture(scope="module")
def undisturbed():
    store = new_store()
    run(store, N_TRIALS)
    return contents(store)


def test_a_search_stores_every_trial_once_in_order(undisturbed):
    trials, weights = undisturbed
    assert [trial[0] for trial in trials] == list(range(N_TRIALS))
    assert len({trial[1] for trial in trials}) > 1
    assert len(weights) == 3


def test_a_trial_has_what_was_drawn_and_what_came_of_it():
    store = new_store()
    (trial, *_) = run(store, 1, seed=7)
    (draw,) = STRATEGY.propose([], [0], seed=7)
    outcome = made_up_outcome(TrainingTask(draw.plan, 7, 0))
    assert trial.plan == draw.plan
    assert trial.repairs == tuple(str(repair) for repair in draw.repairs)
    assert (trial.status, trial.score) == (outcome.status, outcome.score)
    assert (trial.best_epoch, trial.error) == (outcome.best_epoch, outcome.error)
    assert trial.history == outcome.history


class Crash(BaseException):
    """As sudden as a kill: nothing catches it."""


class CrashingStore:
    """A store whose process dies before or after a trial is remembered."""

    def __init__(self, store, n_appends, *, before):
        self._store, self._left, self._before = store, n_appends, before

    def __getattr__(self, name):
        return getattr(self._store, name)

    def append_many(self, finished):
        self._left -= 1
        if self._left == 0 and self._before:
            raise Crash
        self._store.append_many(finished)
        if self._left == 0:
            raise Crash


def out_of_time_from(number):
    """Outcomes of which those from a trial on are interrupted halfway."""

    def outcome(task):
        whole = made_up_outcome(task)
        if task.number < number:
            return whole
        history = {name: values[:1] for name, values in whole.history.items()}
        return replace(whole, status=Status.INTERRUPTED, history=history, best_epoch=0)

    return outcome


interruptions = st.one_of(
    st.tuples(st.just("crash before"), st.integers(1, N_TRIALS)),
    st.tuples(st.just("crash after"), st.integers(1, N_TRIALS)),
    st.tuples(st.just("time is up"), st.integers(0, N_TRIALS)),
    st.tuples(st.just("fewer trials"), st.integers(1, N_TRIALS)),
)


def interrupt(store, kind, moment, *, executor=EXECUTOR, strategy=STRATEGY):
    """One run that does not get to its end; later ones go on from there."""
    if kind == "time is up":
        executor = replace(executor, outcome=out_of_time_from(moment))
        run(store, N_TRIALS, executor=executor, strategy=strategy)
    elif kind == "fewer trials":
        run(store, moment, executor=executor, strategy=strategy)
    else:
        crashing = CrashingStore(store, moment, before=kind == "crash before")
        with suppress(Crash):
            run(crashing, executor=executor, strategy=strategy)


@given(st.lists(interruptions, max_size=6))
def test_the_end_is_the_same_whatever_interrupts_it(undisturbed, kinds):
    store = new_store()
    for kind, moment in kinds:
        interrupt(store, kind, moment)
    run(store, N_TRIALS)
    assert contents(store) == undisturbed


@given(st.lists(st.sampled_from([1, 2, 3, 5, 99]), min_size=1, max_size=5))
def test_the_end_is_the_same_however_many_are_trained_at_once(undisturbed, sizes):
    store = new_store()
    for n_trials, size in enumerate(sizes, start=1):
        executor = MadeUpExecutor(block_size=size, together=size // 2 + 1)
        run(store, n_trials, executor=executor)
    run(store, N_TRIALS, executor=MadeUpExecutor(block_size=sizes[0]))
    assert contents(store) == undisturbed


@dataclass(frozen=True)
class Learning:
    """Draws that depend on every number and score of the history."""

    def propose(self, history, numbers, *, seed):
        known = repr([(trial.number, trial.score) for trial in history])
        return STRATEGY.propose(history, numbers, seed=zlib.crc32(known.encode()))


@given(
    st.sampled_from([1, 3, 5]),
    st.sampled_from([1, 2]),
    st.lists(interruptions, max_size=6),
)
def test_a_strategy_that_learns_proposes_the_same_whatever_interrupts_it(
    block_size, together, kinds
):
    executor = MadeUpExecutor(block_size=block_size, together=together)
    at_once, store = new_store(), new_store()
    run(at_once, N_TRIALS, executor=executor, strategy=Learning())
    for kind, moment in kinds:
        interrupt(store, kind, moment, executor=executor, strategy=Learning())
    run(store, N_TRIALS, executor=executor, strategy=Learning())
    assert contents(store) == contents(at_once)


def test_in_a_folder_the_end_is_the_same_too(undisturbed, tmp_path):
    for moment in (1, 3, 2):
        store = SqlStore.in_folder(tmp_path, OBJECTIVE, keep=3)
        with suppress(Crash):
            run(CrashingStore(store, moment, before=moment == 3))
    store = SqlStore.in_folder(tmp_path, OBJECTIVE, keep=3)
    run(store, N_TRIALS)
    assert contents(store) == undisturbed
    names = {path.name for path in (tmp_path / "weights").iterdir()}
    assert names == {f"trial_{number:05d}.safetensors" for number in undisturbed[1]}


class Recording:
    """Made-up outcomes, and the numbers of the trials that were trained."""

    def __init__(self):
        self.trained = []

    def __call__(self, task):
        self.trained.append(task.number)
        return made_up_outcome(task)


def trained_in(store, n_trials):
    recording = Recording()
    run(store, n_trials, executor=MadeUpExecutor(recording))
    return recording.trained


def test_a_finished_search_trains_nothing_again():
    store = new_store()
    run(store, 5)
    assert trained_in(store, 5) == []
    assert trained_in(store, 3) == []
    assert len(store.trials()) == 5


def test_more_trials_go_on_after_those_that_are_there():
    store = new_store()
    run(store, 3)
    assert trained_in(store, 6) == [3, 4, 5]


def test_a_gap_is_filled():
    store = new_store()
    plan = made_up.a_plan()
    with store.begin(definition_of(STRATEGY, CONTEXT, seed=0, executor=EXECUTOR)):
        for number in (0, 2):
            store.append(Trial(number, plan, Status.FINISHED, 1.0), None)
    assert trained_in(store, 5) == [1, 3, 4]


def test_a_failed_trial_is_remembered_and_the_search_goes_on():
    def outcome(task):
        if task.number % 2:
            return made_up_outcome(task)
        return Outcome(Status.FAILED, error=f"RuntimeError: {task.number}")

    trials = run(new_store(), 4, executor=MadeUpExecutor(outcome))
    assert [(trial.status, trial.error) for trial in trials[::2]] == [
        (Status.FAILED, "RuntimeError: 0"),
        (Status.FAILED, "RuntimeError: 2"),
    ]
    assert trials[1].score is not None


@dataclass(frozen=True)
class Asked:
    """Random search that remembers what it was asked."""

    asked: list = field(default_factory=list, init=False)

    def propose(self, history, numbers, *, seed):
        self.asked.append(([trial.number for trial in history], list(numbers), seed))
        return STRATEGY.propose(history, numbers, seed=seed)


def test_a_strategy_is_asked_for_whole_blocks_and_sees_the_blocks_before():
    strategy, store = Asked(), new_store()
    with store.begin(definition_of(strategy, CONTEXT, seed=0, executor=EXECUTOR)):
        for number, status in ((4, Status.FINISHED), (1, Status.INTERRUPTED)):
            store.append(Trial(number, made_up.a_plan(), status, 1.0), None)
    run(store, 8, strategy=strategy, executor=MadeUpExecutor(block_size=3))
    assert strategy.asked == [
        ([], [0, 1, 2], 0),
        ([0, 1, 2], [3, 4, 5], 0),
        ([0, 1, 2, 3, 4, 5], [6, 7, 8], 0),
    ]


@dataclass
class Watched(MadeUpExecutor):
    """Made-up outcomes, and what was asked for."""

    asked: list = field(default_factory=list)

    def train(self, tasks, context, *, wanted, **others):
        self.asked.append(([task.number for task in tasks], sorted(wanted)))
        yield from super().train(tasks, context, wanted=wanted, **others)


def test_an_executor_gets_whole_blocks_and_trains_what_is_missing_below_the_number():
    store, executor = new_store(), Watched(block_size=4)
    run(store, 2, executor=executor)
    run(store, 6, executor=executor)
    run(store, 6, executor=executor)
    assert executor.asked == [
        ([0, 1, 2, 3], [0, 1]),
        ([0, 1, 2, 3], [2, 3]),
        ([4, 5, 6, 7], [4, 5]),
    ]
    assert [trial.number for trial in store.trials()] == list(range(6))


def test_a_block_that_stays_incomplete_ends_the_run():
    store, executor = new_store(), Watched(out_of_time_from(2), block_size=2)
    run(store, N_TRIALS, executor=executor)
    assert executor.asked == [([0, 1], [0, 1]), ([2, 3], [2, 3])]
    assert [trial.number for trial in store.trials()] == [0, 1, 2, 3]


def test_trials_that_are_finished_together_are_stored_together():
    calls = []

    class Counting(MemoryStore):
        def append_many(self, finished):
            calls.append([trial.number for trial, _ in finished])
            super().append_many(finished)

    executor = MadeUpExecutor(block_size=8, together=3)
    run(Counting(OBJECTIVE), 8, executor=executor)
    assert calls == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_an_executor_has_ended_its_work_before_an_error_goes_on():
    events = []

    class Working(MadeUpExecutor):
        def train(self, tasks, context, **others):
            try:
                yield from super().train(tasks, context, **others)
            finally:
                events.append("ended")

    with pytest.raises(Crash) as caught:  # which keeps the frames alive
        run(CrashingStore(new_store(), 1, before=True), executor=Working())
    assert events == ["ended"]
    assert caught.value is not None


# --- Checkpoints --------------------------------------------------------------------


@dataclass
class Keeping(MadeUpExecutor):
    """Keeps the state of each block, and notes what it finds."""

    found: list = field(default_factory=list)

    def train(self, tasks, context, *, checkpoints, **others):
        key = f"block_{tasks[0].number}"
        self.found.append(checkpoints.read(key) is not None)
        checkpoints.write(key, {"state": np.arange(3)})
        yield from super().train(tasks, context, checkpoints=checkpoints, **others)


def in_folder(path):
    return SqlStore.in_folder(path, OBJECTIVE, keep=3)


def checkpoint_files(path):
    folder = path / "checkpoints"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def test_a_checkpoint_outlives_a_crash_and_goes_with_its_block(tmp_path):
    crashing = CrashingStore(in_folder(tmp_path), 2, before=True)
    with suppress(Crash):
        run(crashing, executor=Keeping(block_size=4))
    assert checkpoint_files(tmp_path) == ["block_0.safetensors"]
    executor = Keeping(block_size=4)
    run(in_folder(tmp_path), N_TRIALS, executor=executor)
    assert executor.found == [True, False]
    assert checkpoint_files(tmp_path) == []
    assert not (tmp_path / "checkpoints").exists()


def test_a_checkpoint_is_kept_when_the_time_is_up(tmp_path):
    executor = Keeping(out_of_time_from(5), block_size=4)
    run(in_folder(tmp_path), N_TRIALS, executor=executor)
    assert checkpoint_files(tmp_path) == ["block_4.safetensors"]


def test_checkpoints_that_a_kill_left_behind_go_when_nothing_is_missing(tmp_path):
    run(in_folder(tmp_path), N_TRIALS)
    in_folder(tmp_path).checkpoints().write("stale", {"state": np.arange(3)})
    run(in_folder(tmp_path), N_TRIALS)
    assert checkpoint_files(tmp_path) == []


# --- Time ---------------------------------------------------------------------------


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    time = monotonic

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(made_up, "time", clock)
    monkeypatch.setattr(_loop, "time", clock)
    return clock


@pytest.mark.parametrize(("deadline", "n_done"), [(0, 0), (1, 1), (25, 3), (30, 3)])
@pytest.mark.parametrize("block_size", [1, 2, 100])
@pytest.mark.parametrize("together", [1, 2, 100])
def test_the_search_stops_when_the_time_is_up_and_goes_on_later(
    clock, undisturbed, deadline, n_done, block_size, together
):
    store = new_store()
    executor = MadeUpExecutor(pause=10, block_size=block_size, together=together)
    trials = run(store, N_TRIALS, executor=executor, deadline=deadline)
    assert [trial.number for trial in trials] == list(range(n_done))
    run(store, N_TRIALS)
    assert contents(store) == undisturbed


def test_a_trial_that_ran_out_of_time_is_trained_again(clock, undisturbed):
    store = new_store()
    executor = MadeUpExecutor(out_of_time_from(2), pause=10)
    *_, last = run(store, N_TRIALS, executor=executor, deadline=30)
    assert (last.number, last.status) == (2, Status.INTERRUPTED)
    assert trained_in(store, N_TRIALS) == list(range(2, N_TRIALS))
    assert contents(store) == undisturbed


# --- Progress -----------------------------------------------------------------------


class Recorder(Silent):
    def __init__(self):
        self.events = []

    @contextmanager
    def running(self, n_trials, done, context):
        self.events.append(("running", n_trials, [trial.number for trial in done]))
        yield
        self.events.append(("end",))

    def epoch(self, number, epoch, metrics):
        self.events.append(("epoch", number, epoch))

    def trial(self, trial):
        self.events.append(("trial", trial.number))


def test_progress_is_told_of_every_epoch_and_every_stored_trial():
    store, recorder = new_store(), Recorder()
    run(store, 1)
    run(store, 2, progress=recorder)
    assert recorder.events == [
        ("running", 2, [0]),
        *(("epoch", 1, epoch) for epoch in range(4)),
        ("trial", 1),
        ("end",),
    ]


def test_a_store_of_another_search_is_refused_before_any_training():
    store = new_store()
    run(store, 2)

    def never(task):
        pytest.fail("it trained in a store of another search")

    with pytest.raises(StoreError, match=r"seed \(0 there, 1 now\)"):
        run(store, 3, seed=1, executor=MadeUpExecutor(never))
    assert len(store.trials()) == 2
