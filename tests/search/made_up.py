"""A search without training: outcomes that are made up at once, always the same."""

import time
from dataclasses import dataclass

import numpy as np

from cerebros.lowering import initial_weights
from cerebros.plan import Dense, Draft
from cerebros.search import RandomSearch, Silent, run_search
from cerebros.spaces import RandomWiring
from cerebros.training import Outcome, Problem, Status, TrainingSettings

PROBLEM = Problem.regression(
    np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
)
CONTEXT = PROBLEM.context(TrainingSettings(epochs=4, batch_size=4))
OBJECTIVE = CONTEXT.objective
METRIC = OBJECTIVE.metric
SPACE = RandomWiring(levels=(1, 3), units=(1, 2), neurons=(1, 3))
STRATEGY = RandomSearch(space=SPACE, ports=PROBLEM.ports)


def a_plan(width=3, output=1):
    net = Draft()
    return net.plan(net.unit(net.input(width), Dense(output)))


def made_up_outcome(task):
    """What a training of these numbers might have come to, for better or worse."""
    rng = np.random.default_rng([task.seed, task.number])
    curve = tuple(rng.uniform(1, 9, 4).tolist())
    best_epoch = int(np.argmin(curve))
    kind = rng.choice(["good", "early", "diverged", "failed"], p=[0.6, 0.2, 0.1, 0.1])
    if kind == "failed":
        return Outcome(
            Status.FAILED, error="RuntimeError: made up", seconds=time.time()
        )
    status = {"good": Status.FINISHED, "early": Status.STOPPED_EARLY}.get(
        kind, Status.DIVERGED
    )
    loss = (*curve[:3], float("nan")) if status is Status.DIVERGED else curve
    return Outcome(
        status,
        {"loss": loss, METRIC: curve},
        score=curve[best_epoch],
        best_epoch=best_epoch,
        weights=initial_weights(task.plan, rng),
        seconds=time.time(),  # the one thing that differs from run to run
        error="the loss was nan in epoch 3" if status is Status.DIVERGED else None,
    )


@dataclass
class MadeUpExecutor:
    """Hands out made-up outcomes.

    Attributes:
        outcome: what comes of a task.
        block_size: trials of a population.
        pause: seconds that a task takes.
        together: trials that are finished at the same moment.
    """

    outcome: object = made_up_outcome
    block_size: int = 1
    pause: float = 0.0
    together: int = 1

    def block(self, number):
        first = number - number % self.block_size
        return range(first, first + self.block_size)

    def definition(self):
        return {"trainer": "made up"}

    def train(self, tasks, context, *, wanted, deadline, report, checkpoints):
        finished = []
        for task in tasks:
            if task.number not in wanted:
                continue
            if deadline is not None and time.monotonic() >= deadline:
                break
            time.sleep(self.pause)
            outcome = self.outcome(task)
            for epoch in range(len(outcome.history.get("loss", ()))):
                values = {name: v[epoch] for name, v in outcome.history.items()}
                report(task.number, epoch, values)
            finished.append((task, outcome))
            if len(finished) == self.together:
                yield finished
                finished = []
        if finished:
            yield finished


EXECUTOR = MadeUpExecutor()


def run(store, n_trials=8, *, executor=None, strategy=STRATEGY, **arguments):
    """Search in a store with made-up outcomes."""
    return run_search(
        strategy,
        executor or MadeUpExecutor(),
        store,
        arguments.pop("context", CONTEXT),
        n_trials=n_trials,
        seed=arguments.pop("seed", 0),
        progress=arguments.pop("progress", Silent()),
        **arguments,
    )


def contents(store):
    """All that a store holds, to be compared: trials and weights, but no seconds."""
    weights = {}
    for trial in store.trials():
        try:
            arrays = store.weights(trial.number)
        except Exception:
            continue
        weights[trial.number] = {
            key: (array.dtype.str, array.shape, array.tobytes())
            for key, array in sorted(arrays.items())
        }
    trials = [
        (
            trial.number, trial.plan, trial.status, trial.score, trial.best_epoch,
            repr(trial.history), trial.repairs, trial.error,
        )
        for trial in store.trials()
    ]  # fmt: skip
    return trials, weights
