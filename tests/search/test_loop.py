"""The loop of a search: what it does again, what it never does again, when it ends."""

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import made_up
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


def interrupt(store, kind, moment):
    """One run that does not get to its end; later ones go on from there."""
    if kind == "time is up":
        # Interrupted trials count as missing, so without a deadline it would go on.
        executor = MadeUpExecutor(out_of_time_from(moment))
        with suppress(Crash):
            run(CrashingStore(store, moment + 1, before=False), executor=executor)
    elif kind == "fewer trials":
        run(store, moment)
    else:
        with suppress(Crash):
            run(CrashingStore(store, moment, before=kind == "crash before"))


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
        run(store, n_trials, executor=MadeUpExecutor(block_size=size))
    run(store, N_TRIALS, executor=MadeUpExecutor(block_size=sizes[0]))
    assert contents(store) == undisturbed


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


def test_the_strategy_sees_final_trials_in_order_and_is_asked_for_the_missing():
    strategy, store = Asked(), new_store()
    with store.begin(definition_of(strategy, CONTEXT, seed=0, executor=EXECUTOR)):
        for number, status in ((4, Status.FINISHED), (1, Status.INTERRUPTED)):
            store.append(Trial(number, made_up.a_plan(), status, 1.0), None)
    run(store, 6, strategy=strategy, executor=MadeUpExecutor(block_size=2))
    assert strategy.asked == [
        ([4], [0, 1], 0),
        ([0, 1, 4], [2, 3], 0),
        ([0, 1, 2, 3, 4], [5], 0),
    ]


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
@pytest.mark.parametrize("population_size", [1, 2, 100])
def test_the_search_stops_when_the_time_is_up_and_goes_on_later(
    clock, undisturbed, deadline, n_done, population_size
):
    store = new_store()
    executor = MadeUpExecutor(pause=10, population_size=population_size)
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
