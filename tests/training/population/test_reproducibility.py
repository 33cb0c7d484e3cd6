"""What comes of a task follows from the definition, whatever else happens."""

import numpy as np
import pytest
from population_agreement import context_of, trained_by_engine
from scipy.stats import ks_2samp

from cerebros.spaces import Output, Ports, RandomWiring
from cerebros.training import NoCheckpoints, TrainingTask
from cerebros.training.population import _run, _trainer

PORTS = Ports(input_widths=(4,), outputs=(Output(1),))
SPACE = RandomWiring(levels=(2, 4), units=(1, 3), neurons=(1, 4))
CONTEXT = context_of((4,), (1,), epochs=6)


def tasks_of(n, *, seed=0):
    return [
        TrainingTask(SPACE.sample(PORTS, np.random.default_rng([9, i])).plan, seed, i)
        for i in range(n)
    ]


TASKS = tasks_of(20)


@pytest.fixture(scope="module")
def undisturbed():
    return trained_by_engine(TASKS, CONTEXT)


def bits(outcome):
    """All of an outcome that must not change, to be compared bit for bit."""
    weights = {key: array.tobytes() for key, array in outcome.weights.items()}
    return outcome.status, dict(outcome.history), outcome.score, weights


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for number, outcome in ours.items():
        assert bits(outcome) == bits(theirs[number]), f"trial {number} differs"


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_cores_change_nothing(undisturbed, n_workers, monkeypatch):
    import jax

    device = jax.local_devices()[0]
    monkeypatch.setattr(_trainer, "worker_devices", lambda n: [device] * n_workers)
    assert_equal(trained_by_engine(TASKS, CONTEXT), undisturbed)


def test_the_second_device_of_a_machine_gives_the_same_bits(undisturbed, monkeypatch):
    import jax

    devices = jax.local_devices()
    if len(devices) < 2:
        pytest.skip("needs two devices: JAX_NUM_CPU_DEVICES=2")
    monkeypatch.setattr(_trainer, "worker_devices", lambda n: devices[::-1])
    assert_equal(trained_by_engine(TASKS, CONTEXT), undisturbed)


@pytest.mark.parametrize("wanted", [{3}, {0, 7, 19}, set(range(5, 15))])
def test_what_was_finished_before_changes_nothing(undisturbed, wanted):
    found = trained_by_engine(TASKS, CONTEXT, wanted=wanted)
    assert_equal(found, {number: undisturbed[number] for number in wanted})


@pytest.mark.parametrize("seconds", [0.0, 1e-3])
def test_the_length_of_segments_changes_nothing(undisturbed, seconds, monkeypatch):
    monkeypatch.setattr(_run, "SEGMENT_SECONDS", seconds)
    assert_equal(trained_by_engine(TASKS, CONTEXT), undisturbed)


class Crash(BaseException):
    """Stands for the death of a process."""


class CrashingCheckpoints:
    """Keeps states; the process dies after some of them were written."""

    def __init__(self):
        self.kept, self.left = {}, None

    def read(self, key):
        return self.kept.get(key)

    def write(self, key, arrays):
        self.kept[key] = {name: np.array(array) for name, array in arrays.items()}
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise Crash

    def remove(self, key):
        self.kept.pop(key, None)


def test_a_killed_training_goes_on_where_it_was(undisturbed, monkeypatch):
    monkeypatch.setattr(_run, "SEGMENT_SECONDS", 0.0)  # an epoch each
    checkpoints, found, told = CrashingCheckpoints(), {}, []
    for n_writes in (1, 4, 7, None):
        checkpoints.left = n_writes
        missing = {task.number for task in TASKS} - found.keys()
        try:
            found |= trained_by_engine(
                TASKS,
                CONTEXT,
                wanted=missing,
                checkpoints=checkpoints,
                report=lambda number, epoch, _: told.append((number, epoch)),
            )
        except Crash:
            assert checkpoints.kept
    assert_equal(found, undisturbed)
    # No more than one epoch of the chunks in training was done twice in each crash.
    most_in_training = 2 * 16
    assert len(told) - len(set(told)) <= 3 * most_in_training


def test_a_checkpoint_of_something_else_is_not_used(undisturbed):
    class Nonsense(NoCheckpoints):
        def read(self, key):
            return {"state_0000": np.zeros(3), "epoch": np.array(5)}

    found = trained_by_engine(TASKS, CONTEXT, checkpoints=Nonsense())
    assert_equal(found, undisturbed)


def test_alone_and_among_others_agree_to_rounding():
    context = context_of((4,), (1,), epochs=6, batch_size=13, optimizer="sgd")
    among = trained_by_engine(TASKS, context)  # 18 steps
    for task in TASKS[::4]:
        alone = trained_by_engine([task], context)[task.number]
        for name, values in alone.history.items():
            expected = among[task.number].history[name]
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_scores_have_the_same_distribution_in_other_groupings():
    context = context_of((4,), (1,), epochs=20, n_rows=120, learning_rate=0.05)
    tasks = tasks_of(200, seed=1)
    together = trained_by_engine(tasks, context)
    apart = {}
    for first in range(0, 200, 40):
        apart |= trained_by_engine(tasks[first : first + 40], context)
    ours, theirs = (
        np.array([found[i].score for i in range(200)]) for found in (together, apart)
    )
    assert ks_2samp(ours, theirs, method="asymp").pvalue > 0.5
    assert np.median(np.abs(ours / theirs - 1)) < 0.05


def test_what_idled_before_an_interrupt_is_trained_as_if_it_had_not(monkeypatch):
    """A time budget ends a search of one trial; then three are asked for."""
    monkeypatch.setattr(_run, "SEGMENT_SECONDS", 0.0)
    checkpoints = CrashingCheckpoints()
    checkpoints.left = 2
    with pytest.raises(Crash):
        trained_by_engine(TASKS[:3], CONTEXT, wanted={0}, checkpoints=checkpoints)
    checkpoints.left = None
    found = trained_by_engine(TASKS[:3], CONTEXT, checkpoints=checkpoints)
    assert_equal(found, trained_by_engine(TASKS[:3], CONTEXT))


def test_checkpoints_are_removed_when_their_trials_are_done(monkeypatch):
    monkeypatch.setattr(_run, "SEGMENT_SECONDS", 0.0)
    checkpoints = CrashingCheckpoints()
    trained_by_engine(TASKS, CONTEXT, checkpoints=checkpoints)
    assert not checkpoints.kept


def test_an_interrupt_stops_between_segments_and_loses_no_finished_chunk(monkeypatch):
    monkeypatch.setattr(_run, "SEGMENT_SECONDS", 0.0)
    long = context_of((4,), (1,), epochs=100_000)
    checkpoints = CrashingCheckpoints()
    told = []

    def report(number, epoch, metrics):
        told.append(epoch)
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained_by_engine(TASKS, long, checkpoints=checkpoints, report=report)
    assert max(told) < 1000
    assert checkpoints.kept
