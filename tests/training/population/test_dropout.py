"""Dropout in the engine: the right rate, independent draws, and the right algebra."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from population_agreement import (
    context_of,
    differences,
    trained_by_engine,
    trained_by_keras,
)

from cerebros.lowering.population import kept, keys_of, row_bits
from cerebros.plan import Dense, Draft, Dropout, NetworkPlan, Normalize
from cerebros.spaces import LateralWiring, Output, Ports, RandomWiring
from cerebros.training import TrainingTask

PORTS = Ports(input_widths=(3, 2), outputs=(Output(2), Output(1)))


def with_rates(plan, rate):
    """The same network with another rate everywhere."""
    units = tuple(
        replace(
            unit,
            steps=tuple(
                Dropout(rate) if isinstance(step, Dropout) else step
                for step in unit.steps
            ),
        )
        for unit in plan.units
    )
    return NetworkPlan(plan.input_widths, units, plan.outputs)


def wired(seed=0, **arguments):
    space = RandomWiring(
        levels=(3, 3),
        units=(2, 3),
        neurons=(2, 4),
        lateral=LateralWiring(probability=0.9, gate_after=1, tries=2),
        dropout=0.3,
        **arguments,
    )
    return space.sample(PORTS, np.random.default_rng(seed)).plan


def by_hand():
    """Dropout in front of a normalization, behind a dense step, and read twice."""
    net = Draft()
    table, text = net.input(3), net.input(2)
    a = net.unit(table, Dropout(0.2), Normalize(), Dense(4, "elu"), Dropout(0.5))
    b = net.unit([a, text], Dropout(0.3), Dense(3, "tanh"))
    c = net.unit([a, b.gated("sigmoid")], Normalize(False), Dropout(0.4), Dense(2))
    return net.plan([c, net.unit([b, c], Dropout(0.1), Dense(1))])


# Rates so small that nothing is dropped in a test: what is left is the algebra.
NEVER = 1e-12


@pytest.mark.parametrize(
    "plan", [wired(), wired(1, scale_shift=False), by_hand()], ids=["a", "b", "hand"]
)
def test_where_nothing_is_dropped_it_trains_as_without_dropout(plan):
    context = context_of((3, 2), (2, 1), epochs=3, optimizer="sgd")
    dropping = TrainingTask(with_rates(plan, NEVER), seed=0, number=1)
    plain = TrainingTask(with_rates(plan, 0.0), seed=0, number=1)
    ours = trained_by_engine([dropping], context)[1]
    theirs = trained_by_keras([plain], context)[1]
    assert max(differences(ours, theirs).values()) < 1e-4


def test_dropout_drops():
    context = context_of((3, 2), (2, 1), epochs=2, optimizer="sgd")
    plan = wired()
    histories = [
        trained_by_engine([TrainingTask(with_rates(plan, r), 0, 1)], context)[1].history
        for r in (0.0, 0.3)
    ]
    assert histories[0]["loss"] != histories[1]["loss"]


def test_what_is_dropped_follows_from_seed_and_number_alone():
    context = context_of((3, 2), (2, 1), epochs=3)
    tasks = [TrainingTask(wired(i), 0, i) for i in range(5)]
    together = trained_by_engine(tasks, context)
    again = trained_by_engine(tasks, context, wanted={3})
    assert again[3].history == together[3].history
    twin = trained_by_engine([replace(tasks[3], seed=1)], context)
    assert twin[3].history != together[3].history


def masks(n_keys=400, batch=500, rate=0.3, steps=(0, 1)):
    """`(step, key, row)` of zeros and ones."""
    keys = jnp.asarray(keys_of(5, "unit_7_dropout", 0, n_keys))[None]
    rates = jnp.full(keys.shape, rate, jnp.float32)
    drawn = [kept(keys, rates, row_bits(jnp.int32(step), batch))[0] for step in steps]
    values = np.array(drawn)
    assert set(np.unique(values)) <= {0.0, np.float32(1 / (1 - np.float32(rate)))}
    return values > 0


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_the_rate_is_right_for_every_feature_row_and_step(rate):
    kept_ = masks(rate=rate)
    for axis, n in (((1, 2), 2), ((0, 2), 400), ((0, 1), 500)):
        shares = kept_.mean(axis=axis)
        error = np.sqrt(rate * (1 - rate) / (kept_.size / n))
        assert np.abs(shares - (1 - rate)).max() < 5 * error


def test_draws_of_features_rows_and_steps_are_independent():
    kept_ = masks(rate=0.5).astype(float) - 0.5
    n = kept_[0].size
    for ours, theirs in (
        (kept_[0], kept_[1]),  # steps
        (kept_[0, 1:], kept_[0, :-1]),  # neighboring features
        (kept_[0, :, 1:], kept_[0, :, :-1]),  # neighboring rows
        (kept_[0, 2:, 2:], kept_[0, :-2, :-2]),
    ):
        assert abs((ours * theirs).sum()) < 5 * 0.25 * np.sqrt(n)


def test_readers_draw_for_themselves():
    """The same features of two units, and of two networks, have other keys."""
    keys = [
        keys_of(seed, name, 0, 1000).tolist()
        for seed in (1, 2)
        for name in ("unit_3_dropout", "unit_4_dropout")
    ]
    assert len({key for own in keys for key in own}) > 3990
