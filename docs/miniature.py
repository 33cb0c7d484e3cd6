"""The whole of cerebros in one file: plan, space, lowering, strategy, store, search.

Run it: `python docs/miniature.py`. It needs NumPy and scikit-learn's bundled data.
Nothing here is imported by the package; each part names the folder that holds the
grown-up version. One simplification is not in the package: hidden weights stay as
they were drawn, and only the output unit is fitted, by ridge regression, so that a
network trains in a millisecond and without gradients.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from sklearn.datasets import load_diabetes

# --- plan/ : what a network is ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connection:
    """One unit reads another node, `copies` times."""

    source: int
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Unit:
    """Concatenate what is read, normalize it, then one dense layer."""

    level: int
    width: int
    connections: tuple[Connection, ...]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network as plain data, checked when it is made.

    Nodes are numbered in order of computation, the inputs first; a unit reads only
    lower numbers, so no cycle can exist. The last unit is the output.
    """

    input_widths: tuple[int, ...]
    units: tuple[Unit, ...]

    def __post_init__(self) -> None:
        problems = [*_forward_reads(self), *_unread_nodes(self)]
        if problems:
            raise ValueError("This plan is not a network:\n- " + "\n- ".join(problems))

    @property
    def nodes(self) -> Iterator[tuple[int, Unit]]:
        return enumerate(self.units, start=len(self.input_widths))

    @property
    def widths(self) -> tuple[int, ...]:
        return (*self.input_widths, *(unit.width for unit in self.units))


def _forward_reads(plan: NetworkPlan) -> list[str]:
    return [
        f"unit {node} reads node {c.source}, but a unit reads only lower numbers"
        for node, unit in plan.nodes
        for c in unit.connections
        if not 0 <= c.source < node
    ]


def _unread_nodes(plan: NetworkPlan) -> list[str]:
    read = {c.source for unit in plan.units for c in unit.connections}
    hidden = range(len(plan.widths) - 1)
    return [f"nothing reads node {node}" for node in hidden if node not in read]


# --- spaces/ : where plans come from ------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomWiring:
    """Levels of parallel units; each unit draws sources from every earlier level.

    Attributes:
        levels, units, neurons: closed ranges that are drawn from uniformly.
        density: draws per unit of the level above, times `decay` a further level.
        p_lateral: chance that a unit reads an earlier unit of its own level.
    """

    levels: tuple[int, int] = (2, 5)
    units: tuple[int, int] = (1, 4)
    neurons: tuple[int, int] = (4, 16)
    density: float = 0.7
    decay: float = 0.7
    p_lateral: float = 0.2

    def sample(self, n_features: int, rng: np.random.Generator) -> NetworkPlan:
        widths = [[n_features], *self._hidden_widths(rng), [1]]
        levels = _number_nodes(widths)
        drawn = {
            node: self._draw_sources(levels, depth, node, rng)
            for depth in range(1, len(levels))
            for node in levels[depth]
        }
        _adopt_unread_nodes(drawn, levels, rng)
        units = tuple(
            Unit(depth, width, _connections(drawn[node]))
            for depth in range(1, len(levels))
            for node, width in zip(levels[depth], widths[depth], strict=True)
        )
        return NetworkPlan((n_features,), units)

    def _hidden_widths(self, rng: np.random.Generator) -> list[list[int]]:
        counts = [_draw(self.units, rng) for _ in range(_draw(self.levels, rng) - 1)]
        return [[_draw(self.neurons, rng) for _ in range(n)] for n in counts]

    def _draw_sources(
        self, levels: list[range], depth: int, node: int, rng: np.random.Generator
    ) -> Counter[int]:
        sources: Counter[int] = Counter()
        for distance, level in enumerate(reversed(levels[:depth])):
            n_draws = math.ceil(self.density * self.decay**distance * len(level))
            sources.update(rng.choice(level, size=n_draws).tolist())
        laterals = range(levels[depth].start, node)
        sources.update(n for n in laterals if rng.random() < self.p_lateral)
        return sources


def _draw(closed_range: tuple[int, int], rng: np.random.Generator) -> int:
    low, high = closed_range
    return int(rng.integers(low, high + 1))


def _number_nodes(widths: Sequence[Sequence[int]]) -> list[range]:
    starts = np.cumsum([0, *(len(level) for level in widths)]).tolist()
    return [range(a, b) for a, b in pairwise(starts)]


def _adopt_unread_nodes(
    drawn: dict[int, Counter[int]], levels: list[range], rng: np.random.Generator
) -> None:
    read = set().union(*drawn.values())
    for depth, level in enumerate(levels[:-1]):
        for node in (node for node in level if node not in read):
            drawn[int(rng.choice(levels[depth + 1]))][node] += 1


def _connections(sources: Counter[int]) -> tuple[Connection, ...]:
    return tuple(Connection(node, copies) for node, copies in sorted(sources.items()))


# --- lowering/ : how a plan runs ----------------------------------------------


@dataclass(slots=True)
class Kernel:
    """What one unit learned: `(merged feature, neuron)` and one bias per neuron."""

    weights: np.ndarray
    bias: np.ndarray


def initial_weights(plan: NetworkPlan, rng: np.random.Generator) -> dict[int, Kernel]:
    kernels = {}
    for node, unit in plan.nodes:
        fan_in = sum(plan.widths[c.source] * c.copies for c in unit.connections)
        limit = math.sqrt(6 / (fan_in + unit.width))
        kernel = rng.uniform(-limit, limit, (fan_in, unit.width))
        kernels[node] = Kernel(kernel, np.zeros(unit.width))
    return kernels


def merged(plan: NetworkPlan, kernels: dict[int, Kernel], x: np.ndarray) -> np.ndarray:
    """What the output unit reads, `(row, merged feature)`."""
    values = [x]
    for _, unit in plan.nodes:
        arriving = [values[c.source] for c in unit.connections for _ in range(c.copies)]
        merge = _normalize(np.concatenate(arriving, axis=1))
        kernel = kernels[len(values)]
        values.append(_elu(merge @ kernel.weights + kernel.bias))
    return merge


def evaluate(
    plan: NetworkPlan, kernels: dict[int, Kernel], x: np.ndarray
) -> np.ndarray:
    output = kernels[len(plan.widths) - 1]
    return merged(plan, kernels, x) @ output.weights + output.bias


def _normalize(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3)


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


# --- training/ : data + plan + seed -> outcome ---------------------------------


@dataclass(frozen=True, slots=True)
class Data:
    """Rows to fit, rows to choose by, and rows that only judge."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Trial:
    """A plan, its seed, and what came of it."""

    number: int
    plan: NetworkPlan
    score: float
    kernels: dict[int, Kernel] = field(compare=False, repr=False)


def train(plan: NetworkPlan, data: Data, *, number: int, seed: int) -> Trial:
    kernels = initial_weights(plan, np.random.default_rng([seed, 1, number]))
    x, y = data.train
    features = merged(plan, kernels, x)
    gram = features.T @ features + 10.0 * np.eye(features.shape[1])
    fitted = np.linalg.solve(gram, features.T @ (y - y.mean()))
    kernels[len(plan.widths) - 1] = Kernel(fitted[:, None], np.array([y.mean()]))
    return Trial(number, plan, rmse(plan, kernels, data.validation), kernels)


def rmse(
    plan: NetworkPlan, kernels: dict[int, Kernel], rows: tuple[np.ndarray, np.ndarray]
) -> float:
    x, y = rows
    return float(np.sqrt(np.mean((evaluate(plan, kernels, x)[:, 0] - y) ** 2)))


# --- search/ : the loop -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RandomSearch:
    """A strategy: the next plans, from the trials so far (which it ignores)."""

    space: RandomWiring
    n_features: int

    def propose(self, history: Sequence[Trial], n: int, seed: int) -> list[NetworkPlan]:
        numbers = range(len(history), len(history) + n)
        rngs = (np.random.default_rng([seed, 0, number]) for number in numbers)
        return [self.space.sample(self.n_features, rng) for rng in rngs]


class MemoryStore:
    """Remembers trials; the package's own stores keep them in a database."""

    def __init__(self) -> None:
        self._trials: list[Trial] = []

    def append(self, trials: Sequence[Trial]) -> None:
        self._trials.extend(trials)

    def trials(self) -> list[Trial]:
        return list(self._trials)


def search(
    strategy: RandomSearch, data: Data, store: MemoryStore, *, n_trials: int, seed: int
) -> Trial:
    """Fill the store up to `n_trials`, and return the best; all state is in it."""
    while (n_missing := n_trials - len(history := store.trials())) > 0:
        plans = strategy.propose(history, min(n_missing, 8), seed)
        numbers = range(len(history), len(history) + len(plans))
        trained = zip(plans, numbers, strict=True)
        store.append([train(p, data, number=n, seed=seed) for p, n in trained])
    return min(store.trials(), key=lambda trial: trial.score)


def main() -> None:
    x, y = load_diabetes(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(len(x))
    data = Data(*((x[rows], y[rows]) for rows in np.split(shuffled, [280, 360])))
    strategy = RandomSearch(RandomWiring(), n_features=x.shape[1])
    store = MemoryStore()
    best = search(strategy, data, store, n_trials=50, seed=0)
    mean_only = float(np.sqrt(np.mean((data.test[1] - data.train[1].mean()) ** 2)))
    print(f"best of {len(store.trials())} networks: trial {best.number}")
    print(f"  RMSE it was chosen by {best.score:.1f}")
    print(f"  RMSE on unseen rows   {rmse(best.plan, best.kernels, data.test):.1f}")
    print(f"  RMSE of the mean      {mean_only:.1f}")


if __name__ == "__main__":
    main()
