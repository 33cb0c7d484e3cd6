"""What is drawn for a trial, and what depends on the size of the table."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cerebros.estimators._settings import SpaceName
from cerebros.plan import NetworkPlan
from cerebros.spaces import Output, Ports, WideMLP, WideWiring
from cerebros.training.levels import Training

_SPACES: dict[str, WideWiring | WideMLP] = {
    "random_wiring": WideWiring(),
    "residual_mlp": WideMLP(is_residual=True),
    "mlp": WideMLP(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What all trials of a fit have in common.

    Attributes:
        is_classification: whether classes are told apart.
        n_folds: every trial is trained once for each, without its rows.
        n_epochs: of each training.
        batch_rows: rows of a batch.
        n_checkpoints: at which a training may be stopped afterwards.
        most_batches: after which an epoch ends before all rows had their turn; None
            for never.
        space: name of the space of networks, or a space.
        is_short: whether all networks of a named space have two hidden levels.
        seed: with the number of a trial it decides what is drawn.
    """

    is_classification: bool
    n_folds: int
    n_epochs: int
    batch_rows: int
    n_checkpoints: int = 16
    most_batches: int | None = None
    space: SpaceName | WideWiring | WideMLP = "random_wiring"
    is_short: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a trial is: a network, how it is trained, and what it reads.

    Attributes:
        number: of the trial.
        plan: the network.
        training: how it is trained.
        is_encoded: whether it reads the encoded features, too.
    """

    number: int
    plan: NetworkPlan
    training: Training
    is_encoded: bool


_NOMINAL_SPEED = 7e10  # products a second of the machine that fits are planned for
_SECONDS_OF_STARTING = 4.0
_SHORT = 20.0  # seconds, below which one compiled program must do
_TRIALS_WANTED = 10
_LEAST_STEPS = 600
_LEAST_EPOCHS = 32


def plan_recipe(
    *,
    n_rows: int,
    n_plain: int,
    n_encoded: int,
    n_outputs: int,
    is_classification: bool,
    n_folds: int | None,
    time_budget: float | None,
    space: SpaceName | WideWiring | WideMLP = "random_wiring",
    seed: int = 0,
) -> Recipe:
    """Folds, epochs and batches for a table, so that several trials fit the time.

    Small tables are trained for more epochs, with ten folds for numbers. Where ten
    trials would not fit the budget on a machine of usual speed, first five folds do,
    then fewer epochs, then fewer trials, down to five, then three folds. In a short
    time all networks have two hidden levels, because there is time to compile one
    program. Nothing is measured, so that the same call decides the same.

    Args:
        n_rows: of the table.
        n_plain: plain features.
        n_encoded: encoded ones.
        n_outputs: numbers or classes.
        is_classification: whether classes are told apart.
        n_folds: how many were asked for; None to decide.
        time_budget: seconds for everything; None for no limit.
        space: of networks.
        seed: of the fit.
    """
    if is_classification:
        epochs = 64 if n_rows < 1500 else 128
    else:
        epochs = 256 if n_rows < 2000 else 128
    batch = min(max(n_rows // 8 // 16 * 16, 32), 128 if n_rows < 4000 else 256)
    folds = n_folds or (10 if not is_classification and n_rows < 1500 else 5)
    if time_budget is not None:
        neurons = 64 if isinstance(space, str) else space.neurons
        row = neurons * (n_plain + n_encoded) + neurons * n_plain + neurons**2
        row += n_outputs * (2 * neurons + n_plain + n_encoded)
        products = _NOMINAL_SPEED * max(0.5, time_budget - _SECONDS_OF_STARTING)
        least = min(epochs, max(8, math.ceil(_LEAST_STEPS / max(1, n_rows // batch))))
        folds, epochs = _fitting(
            products / (6 * row * n_rows), folds, epochs, least, n_folds is not None
        )
    n_batches, most_batches = max(1, n_rows // batch), None
    if epochs < _LEAST_EPOCHS and n_batches > 1:
        # Shorter ones, so that a training can be stopped and judged in time.
        most_batches = -(-epochs * n_batches // _LEAST_EPOCHS)
        epochs = epochs * n_batches // most_batches
    return Recipe(
        is_classification=is_classification,
        n_folds=min(folds, n_rows),
        n_epochs=epochs,
        batch_rows=batch,
        most_batches=most_batches,
        space=space,
        is_short=time_budget is not None and time_budget < _SHORT,
        seed=seed,
    )


def _fitting(
    affordable: float, folds: int, epochs: int, least: int, is_fixed: bool
) -> tuple[int, int]:
    """Folds and epochs, so that trials × folds × epochs are affordable.

    Args:
        affordable: epochs of one network.
        folds: if possible.
        epochs: if possible.
        least: epochs that are too few for a good network.
        is_fixed: whether the folds must stay.
    """
    if _TRIALS_WANTED * folds * epochs <= affordable:
        return folds, epochs
    fewer = folds if is_fixed else min(folds, 5)
    fewest = folds if is_fixed else min(folds, 3)
    counts = range(_TRIALS_WANTED, _TRIALS_WANTED // 2 - 1, -1)
    for n_trials, n_folds in (*((n, fewer) for n in counts), (counts[-1], fewest)):
        fitting = int(affordable / (n_trials * n_folds))
        if fitting >= least:
            return n_folds, min(epochs, fitting)
    return fewest, max(1, min(least, int(affordable / (2 * fewest))))


@dataclass(frozen=True, slots=True)
class _Ranges:
    """What the training of a trial is drawn from."""

    learning_rate: tuple[float, float]
    weight_decay: tuple[float, float]
    dropout: tuple[float, ...]


_NUMBERS = _Ranges((3e-3, 1.2e-2), (1e-2, 0.15), (0.0, 0.0, 0.05, 0.1))
_CLASSES = _Ranges((2e-3, 1e-2), (1e-2, 0.3), (0.1, 0.2, 0.3))
_WITHOUT_ENCODING = 4  # one trial in so many does without the encoded features


def draw_trial(
    number: int, recipe: Recipe, *, n_plain: int, n_encoded: int, n_outputs: int
) -> Drawn:
    """The trial of a number; it depends on the seed and the number alone."""
    rng = np.random.default_rng([recipe.seed, number])
    ranges = _CLASSES if recipe.is_classification else _NUMBERS
    training = Training(
        learning_rate=_between(rng, *ranges.learning_rate),
        weight_decay=_between(rng, *ranges.weight_decay),
        schedule=("waves", "one_cycle")[int(rng.integers(2))],
    )
    dropout, is_direct = float(rng.choice(ranges.dropout)), bool(rng.integers(2))
    is_encoded = number % _WITHOUT_ENCODING != 2 and n_encoded > 0
    space = _space(recipe, number)
    if isinstance(recipe.space, str):  # one of the user's own is taken as it is
        space = replace(space, dropout=dropout, direct=is_direct)
    ports = Ports(
        (n_plain, n_encoded) if is_encoded else (n_plain,),
        (Output(n_outputs, "softmax" if recipe.is_classification else "linear"),),
    )
    plan = space.sample(ports, np.random.default_rng([recipe.seed, number, 1])).plan
    return Drawn(number, plan, training, is_encoded)


def _space(recipe: Recipe, number: int) -> WideWiring | WideMLP:
    if not isinstance(recipe.space, str):
        return recipe.space
    if recipe.space == "mixed":
        space = list(_SPACES.values())[number % len(_SPACES)]
    else:
        space = _SPACES[recipe.space]
    return replace(space, levels=(2, 2)) if recipe.is_short else space


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Uniform in the logarithm."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))
