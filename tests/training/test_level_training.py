"""Training of chunks: the rule, and what a network's matrices depend on."""

import threading
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cerebros.errors import LoweringError
from cerebros.lowering import evaluate_reference
from cerebros.lowering.levels import holes_of, unpack_weights
from cerebros.plan import Connection, Dense, Dropout, NetworkPlan, Unit
from cerebros.programs import Programs
from cerebros.spaces import Output, Ports, WideMLP, WideWiring
from cerebros.training.levels import (
    Chunk,
    Member,
    Rows,
    Training,
    checkpoint_epochs,
    first_state,
    train_chunk,
)
from cerebros.training.levels import _chunk as chunks
from cerebros.training.levels import _segment as segments

N_ROWS, N_PLAIN, N_ENCODED, WIDTH = 90, 5, 7, 12
INITIAL = np.random.default_rng(4)
PLAIN = INITIAL.normal(size=(N_ROWS, N_PLAIN)).astype(np.float32)
ENCODED = np.tanh(INITIAL.normal(size=(N_ROWS, N_ENCODED))).astype(np.float32)
NUMBERS = np.stack([PLAIN[:, 0] * PLAIN[:, 1], PLAIN[:, 2]], 1).astype(np.float32)
CLASSES = np.eye(2, dtype=np.float32)[(NUMBERS[:, 0] > 0).astype(int)]
WEIGHTS = INITIAL.uniform(0.2, 2, N_ROWS).astype(np.float32)
HELD = np.arange(0, N_ROWS, 5)


def rows_of(**more):
    settings = {
        "plain": PLAIN,
        "encoded": ENCODED,
        "targets": NUMBERS,
        "is_classification": False,
        "n_valid": len(HELD),
        "batch_rows": 32,
        "n_epochs": 4,
        "n_checkpoints": 2,
        "seed": 1,
    }
    return Rows(**settings | more)


def drawn(number, space=None, n_inputs=2, **more):
    space = space or WideWiring(levels=(2, 2), units=(2, 2), neurons=WIDTH, **more)
    ports = Ports((N_PLAIN, N_ENCODED)[:n_inputs], (Output(2),))
    return space.sample(ports, np.random.default_rng(number)).plan


def member(plan, *, seed=(0,), held=HELD, **training):
    weights = WEIGHTS.copy()
    weights[held] = 0
    return Member(
        plan=plan,
        training=Training(**training),
        seed=seed,
        weights=weights,
        valid=held,
    )


def chunk_of(*members, width=WIDTH):
    return Chunk(members, width)


def trained(chunk, rows, state=None):
    return list(train_chunk(chunk, rows, state))


def last(chunk, rows):
    return trained(chunk, rows)[-1].state.matrices


def same_bits(one, other):
    assert one.keys() == other.keys()
    for key, values in one.items():
        np.testing.assert_array_equal(values, other[key], err_msg=key)


# --- The rule, written a second time -----------------------------------------------

PLAN = NetworkPlan(
    (N_PLAIN, N_ENCODED),
    (
        Unit(1, (Connection(0), Connection(1)), (Dense(4, "mish"),)),
        Unit(2, (Connection(0), Connection(2)), (Dense(3, "mish"),)),
        Unit(3, tuple(map(Connection, range(4))), (Dense(2),)),
    ),
    outputs=(4,),
)
PACES = {"scale": 3.0, "b1": 0.3, "b2": 0.3, "direct": 0.3, "c": 0.3}
KERNELS = {"first", "plain", "hidden", "out1", "out2", "direct"}


def parts(matrices, rows):
    """What the network of `PLAN` has, cut out of the matrices by hand."""
    own = {key: value[0] for key, value in matrices.items()}
    n = rows.n_plain
    inputs = [*range(N_PLAIN), *range(n, n + N_ENCODED)]
    return {
        "first": own["features"][:4, inputs],
        "scale": own["scale"][inputs],
        "plain": own["plain"][0, :3, :N_PLAIN],
        "hidden": own["hidden_1"][:3, :4],
        "b1": own["bias"][0, :4],
        "b2": own["bias"][1, :3],
        "out1": own["output"][:, :4],
        "out2": own["output"][:, WIDTH : WIDTH + 3],
        "direct": own["direct"][:, inputs],
        "c": own["output_bias"],
    }


def answer_of(p):
    def mish(x):
        return x * jnp.tanh(jax.nn.softplus(x))

    x = np.concatenate([PLAIN, ENCODED], axis=1)
    one = mish(x @ (p["first"] * p["scale"]).T + p["b1"])
    two = mish(PLAIN @ p["plain"].T + one @ p["hidden"].T + p["b2"])
    return one @ p["out1"].T + two @ p["out2"].T + x @ p["direct"].T + p["c"]


def loss_of(p, rows, weights):
    answer = answer_of(p)
    if rows.is_classification:
        wrong = -(jax.nn.log_softmax(answer) * rows.targets).sum(axis=1)
    else:
        wrong = ((answer - rows.targets) ** 2).mean(axis=1)
    return (weights * wrong).sum() / weights.sum()


def factor(done, schedule):
    if schedule == "waves":
        return 0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * done)))
    up, down = min(done / 0.1, 1), max(0, (done - 0.1) / 0.9)
    return up * 0.5 * (1 + np.cos(np.pi * down))


@pytest.mark.parametrize(
    ("is_classification", "schedule"), [(False, "waves"), (True, "one_cycle")]
)
def test_steps_are_those_of_adam_with_decoupled_decay(is_classification, schedule):
    rows = rows_of(
        targets=CLASSES if is_classification else NUMBERS,
        is_classification=is_classification,
        batch_rows=96,  # all rows at once, so that their order does not matter
        n_epochs=8,
        n_checkpoints=8,
    )
    rate, decay = 0.02, 0.5
    own = member(PLAN, learning_rate=rate, weight_decay=decay, schedule=schedule)
    chunk = chunk_of(own)
    p = parts(first_state(chunk, rows).matrices, rows)
    first = {key: np.zeros_like(value) for key, value in p.items()}
    second = {key: np.zeros_like(value) for key, value in p.items()}
    gradient = jax.jit(jax.grad(lambda p: loss_of(p, rows, own.weights)))
    for checkpoint in trained(chunk, rows)[:4]:
        step = checkpoint.number + 1
        assert checkpoint.state.n_steps == step
        gradients = gradient(p)
        for key, g in gradients.items():
            first[key] = 0.9 * first[key] + 0.1 * np.asarray(g)
            second[key] = 0.95 * second[key] + 0.05 * np.asarray(g) ** 2
            change = (first[key] / (1 - 0.9**step)) / (
                np.sqrt(second[key] / (1 - 0.95**step)) + 1e-8
            )
            if key in KERNELS:
                change = change + decay * p[key]
            pace = rate * factor(step / 8, schedule) * PACES.get(key, 1)
            p[key] = p[key] - pace * change
        found = parts(checkpoint.state.matrices, rows)
        for key, expected in p.items():
            np.testing.assert_allclose(
                found[key], expected, rtol=1e-3, atol=2e-5, err_msg=key
            )
        answers = np.asarray(answer_of(p))[HELD]
        if is_classification:
            answers = np.asarray(jax.nn.softmax(answers))
        np.testing.assert_allclose(
            checkpoint.answers[0, : len(HELD)], answers, atol=2e-4
        )


# --- What matrices depend on -------------------------------------------------------

MIXED = WideWiring(levels=(1, 3), units=(1, 3), neurons=WIDTH, dropout=0.2)


@pytest.fixture(scope="module")
def several():
    """Three different networks, one without encoded features, and other held rows."""
    return [
        member(drawn(1, MIXED), seed=(1,), held=HELD + 1),
        member(drawn(2, MIXED, n_inputs=1), seed=(2,), schedule="one_cycle"),
        member(drawn(6, WideMLP(levels=(3, 3), neurons=20)), seed=(3,)),
    ]


@pytest.fixture(scope="module")
def together(several):
    """The same, trained as one chunk."""
    rows = rows_of()
    chunk = chunk_of(*several, width=20)
    return chunk, rows, trained(chunk, rows)


def own_weights(matrices, place, chunk, rows):
    one = {key: value[place] for key, value in matrices.items()}
    return unpack_weights(chunk.members[place].plan, one, chunk.layout(rows))


def test_holes_stay_zero(together):
    chunk, rows, checkpoints = together
    layout = chunk.layout(rows)
    states = [first_state(chunk, rows), *(c.state for c in checkpoints)]
    for place, own in enumerate(chunk.members):
        for key, hole in holes_of(own.plan, layout).items():
            for state in states:
                assert not state.matrices[key][place][~hole].any(), key
            assert (
                states[-1].matrices[key][place][hole] != 0
            ).sum() >= 0.9 * hole.sum()


@pytest.mark.parametrize("place", [0, 1])
def test_a_network_is_trained_alike_alone_or_beside_others(several, together, place):
    chunk, rows, checkpoints = together
    alone = chunk_of(several[place])  # in a layout of its own
    assert alone.layout(rows) != chunk.layout(rows)
    pairs = [
        (first_state(alone, rows).matrices, first_state(chunk, rows).matrices, 0),
        (last(alone, rows), checkpoints[-1].state.matrices, 1e-4),
    ]
    for one, many, tolerance in pairs:
        usual = own_weights(many, place, chunk, rows)
        for key, values in own_weights(one, 0, alone, rows).items():
            np.testing.assert_allclose(
                values, usual[key], rtol=tolerance, atol=tolerance / 10, err_msg=key
            )


def test_answers_are_those_of_the_reference_without_dropout(together):
    chunk, rows, checkpoints = together
    for place, own in enumerate(chunk.members):
        inputs = [PLAIN[own.valid], ENCODED[own.valid]][: own.plan.n_inputs]
        for checkpoint in checkpoints:
            weights = own_weights(checkpoint.state.matrices, place, chunk, rows)
            (expected,) = evaluate_reference(own.plan, weights, inputs)
            found = checkpoint.answers[place, : len(own.valid)]
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_training_lowers_the_loss(together):
    chunk, rows, _ = together
    found = trained(chunk, replace(rows, n_epochs=60))[-1]
    for place, own in enumerate(chunk.members):
        off = found.answers[place, : len(own.valid)] - NUMBERS[own.valid]
        assert (off**2).mean() < 0.7 * (NUMBERS[own.valid] ** 2).mean()


def test_going_on_equals_not_having_stopped(together):
    chunk, rows, _ = together
    rows = replace(rows, n_epochs=6, n_checkpoints=3)
    whole = trained(chunk, rows)
    kept = whole[0].state
    kept = replace(
        kept,
        first=jax.tree.map(np.asarray, kept.first),
        second=jax.tree.map(np.asarray, kept.second),
    )
    rest = trained(chunk, rows, kept)
    assert [checkpoint.number for checkpoint in rest] == [1, 2]
    for one, other in zip(whole[1:], rest, strict=True):
        assert (one.state.epoch, one.state.n_steps) == (
            other.state.epoch,
            other.state.n_steps,
        )
        same_bits(one.state.matrices, other.state.matrices)
        np.testing.assert_array_equal(one.answers, other.answers)
    assert trained(chunk, rows, whole[-1].state) == []


def test_the_same_training_twice_gives_the_same_bits(together):
    chunk, rows, checkpoints = together
    same_bits(last(chunk, rows), checkpoints[-1].state.matrices)


def test_rows_held_out_have_no_influence(together):
    chunk, rows, checkpoints = together
    held = HELD + 1  # those of the first member, which others are trained on
    changed = [
        np.where(np.isin(np.arange(N_ROWS), held)[:, None], values * 3 + 1, values)
        for values in (PLAIN, ENCODED, NUMBERS)
    ]
    other = replace(rows, plain=changed[0], encoded=changed[1], targets=changed[2])
    found, usual = last(chunk, other), checkpoints[-1].state.matrices
    for key, values in usual.items():
        np.testing.assert_array_equal(found[key][0], values[0], err_msg=key)
    assert not np.array_equal(found["bias"][1], usual["bias"][1])


def test_idle_rows_and_features_have_no_influence(together):
    chunk, rows, checkpoints = together
    other = replace(rows)
    assert other.n_padded > N_ROWS
    assert other.n_features > N_PLAIN + N_ENCODED
    features, targets = other.features.copy(), other.padded_targets.copy()
    features[N_ROWS:], targets[N_ROWS:] = 5, 7
    features[:, N_PLAIN : other.n_plain] = 9
    features[:, other.n_plain + N_ENCODED :] = 9
    other.__dict__.update(features=features, padded_targets=targets)
    same_bits(last(chunk, other), checkpoints[-1].state.matrices)


def test_fewer_rows_than_a_batch_are_one_batch():
    few = 20
    rows = rows_of(
        plain=PLAIN[:few], encoded=ENCODED[:few], targets=NUMBERS[:few], n_valid=4
    )
    own = member(drawn(1), held=np.arange(4))
    own = replace(own, weights=own.weights[:few])
    assert trained(chunk_of(own), rows)[-1].state.n_steps == rows.n_epochs


def test_seeds_decide_first_numbers_and_the_order_of_rows(together):
    chunk, rows, checkpoints = together
    one, other = (
        first_state(chunk_of(member(drawn(1), seed=seed)), rows).matrices
        for seed in ((1,), (2,))
    )
    assert not np.array_equal(one["features"], other["features"])
    found = last(chunk, replace(rows, seed=2))
    assert not np.array_equal(found["bias"], checkpoints[-1].state.matrices["bias"])


def test_first_numbers_have_the_spread_that_they_should():
    plan = drawn(0, WideMLP(levels=(2, 2), neurons=300))
    rows = rows_of()
    chunk = chunk_of(member(plan), width=300)
    layout = chunk.layout(rows)
    matrices, holes = first_state(chunk, rows).matrices, holes_of(plan, layout)
    n_first = plan.widths[2]
    for key, spread in {
        "features": (1 + N_PLAIN + N_ENCODED) ** -0.5,
        "hidden_1": (1 + n_first) ** -0.5,
        "bias": 0.25,
    }.items():
        numbers = matrices[key][0][holes[key]]
        assert numbers.std() == pytest.approx(spread, rel=0.15), key
    for key in ("output", "direct", "output_bias"):
        assert not matrices[key].any()
    assert set(matrices["scale"][0]) == {0, 1}


def test_dropout_drops_its_share_and_never_the_same(monkeypatch):
    masks = []

    def recording(matrices, features, act, dropped=None):
        if dropped is None:
            return forward(matrices, features, act)
        ones = jnp.ones((2, 20, features.shape[1]))
        made = jnp.stack([dropped(ones, rank) for rank in (0, 1)])
        jax.debug.callback(lambda mask: masks.append(np.asarray(mask)), made)
        return forward(matrices, features, act, dropped)

    forward = segments.forward
    monkeypatch.setattr(segments, "forward", recording)
    monkeypatch.setattr(chunks, "_programs", Programs(1))
    plan = drawn(0, WideMLP(levels=(2, 2), neurons=20, dropout=0.25))
    chunk = chunk_of(member(plan, seed=(1,)), member(plan, seed=(2,)), width=20)
    trained(chunk, rows_of(n_epochs=1, n_checkpoints=1))
    jax.effects_barrier()
    found = np.array(masks)  # (step, rank, member, slot, row)
    assert len(found) == 2
    assert set(np.unique(found)) == {0, np.float32(1 / 0.75)}
    assert (found == 0).mean() == pytest.approx(0.25, abs=0.02)
    by_slot = (found == 0).mean(axis=(0, 1, 4))
    assert 0.02 < by_slot.min() <= by_slot.max() < 0.6
    for axis in range(5):
        one, other = np.take(found, 0, axis), np.take(found, 1, axis)
        assert (one == other).mean() == pytest.approx(0.625, abs=0.08), axis


@pytest.mark.parametrize(
    ("n_epochs", "n_checkpoints", "ends"),
    [(8, 4, [2, 4, 6, 8]), (3, 16, [1, 2, 3]), (7, 3, [2, 4, 7]), (5, 1, [5])],
)
def test_checkpoints_are_spread_evenly(n_epochs, n_checkpoints, ends):
    assert checkpoint_epochs(n_epochs, n_checkpoints) == ends


def test_checkpoints_are_numbered_and_told_to_stop(together):
    chunk, rows, checkpoints = together
    assert [checkpoint.number for checkpoint in checkpoints] == [0, 1]
    assert [checkpoint.state.epoch for checkpoint in checkpoints] == [2, 4]
    assert [checkpoint.state.n_steps for checkpoint in checkpoints] == [4, 8]
    stop = threading.Event()
    numbers = []
    for checkpoint in train_chunk(chunk, rows, stop=stop):
        numbers.append(checkpoint.number)
        stop.set()
    assert numbers == [0]


def with_rates(*rates):
    units = [
        Unit(1, (Connection(0),), (Dense(3, "mish"), Dropout(rate))) for rate in rates
    ]
    last = Unit(2, tuple(map(Connection, range(1, len(rates) + 1))), (Dense(2),))
    return NetworkPlan((N_PLAIN,), (*units, last), outputs=(len(rates) + 1,))


@pytest.mark.parametrize(
    ("plan", "width", "match"),
    [
        (with_rates(0.1, 0.2), WIDTH, "one dropout rate"),
        (drawn(0, activation="relu"), WIDTH, "is made for 'mish'"),
        (drawn(0, WideMLP(levels=(1, 1), neurons=40)), WIDTH, "has 12 slots for it"),
    ],
)
def test_networks_that_a_chunk_cannot_train_are_refused(plan, width, match):
    with pytest.raises(LoweringError, match=match):
        trained(chunk_of(member(plan), width=width), rows_of())


@pytest.mark.parametrize("name", sorted(segments._ACTIVATIONS))
def test_activations_are_those_of_the_reference(name):
    x = np.linspace(-30, 30, 401, dtype=np.float32)
    plan = NetworkPlan(
        (1,),
        (
            Unit(1, (Connection(0),), (Dense(1, name),)),
            Unit(2, (Connection(1),), (Dense(1),)),
        ),
        outputs=(2,),
    )
    one, zero = np.ones((1, 1)), np.zeros(1)
    weights = {f"unit_{node}_dense/kernel": one for node in (1, 2)}
    weights |= {f"unit_{node}_dense/bias": zero for node in (1, 2)}
    (expected,) = evaluate_reference(plan, weights, [x[:, None]])
    act = segments._ACTIVATIONS[name]
    np.testing.assert_allclose(act(x), expected[:, 0], rtol=1e-5, atol=1e-6)
    slopes = jax.vmap(jax.grad(act))(x)
    steps = np.diff(expected[:, 0]) / np.diff(x.astype(float))
    middles = jax.vmap(jax.grad(act))((x[1:] + x[:-1]) / 2)
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(middles, steps, atol=0.02)


# --- Epochs: what they go through, and how many there are -----------------------------


def weighing(plan, weights):
    own = Training()
    return Member(plan=plan, training=own, seed=(0,), weights=weights, valid=HELD)


def test_weights_count_by_their_mean_over_the_table_not_over_a_batch():
    """Adam forgets the size of gradients, but not how batches compare."""
    plan = drawn(1)
    rows = rows_of(n_epochs=2, n_checkpoints=1)
    one = chunk_of(weighing(plan, WEIGHTS))
    same_bits(last(one, rows), last(chunk_of(weighing(plan, 8 * WEIGHTS)), rows))
    flat = chunk_of(weighing(plan, np.ones(N_ROWS, np.float32)))
    assert np.abs(last(one, rows)["output"] - last(flat, rows)["output"]).max() > 1e-4


def test_entries_of_a_row_share_its_weight():
    plan = drawn(1)
    weights = np.ones(N_ROWS, np.float32)
    weights[3] = 3
    entries = np.concatenate([np.arange(N_ROWS), [3, 3]])
    whole = {"batch_rows": 96, "n_epochs": 3, "n_checkpoints": 1}
    member_ = chunk_of(weighing(plan, weights))
    once, often = rows_of(**whole), rows_of(**whole, entries=entries)
    for key, values in last(member_, once).items():
        np.testing.assert_allclose(
            last(member_, often)[key], values, atol=2e-5, err_msg=key
        )


def test_rows_without_entries_are_not_learned_from():
    plan = drawn(1)
    entries = np.arange(60)
    spoilt = NUMBERS.copy()
    spoilt[60:] = 1e6
    member_ = chunk_of(weighing(plan, np.ones(N_ROWS, np.float32)))
    one = last(member_, rows_of(entries=entries))
    same_bits(one, last(member_, rows_of(entries=entries, targets=spoilt)))


def test_an_epoch_may_end_before_all_rows_had_their_turn():
    rows = rows_of(batch_rows=32, most_batches=1)
    assert rows.n_batches == 1
    assert [c.state.n_steps for c in trained(chunk_of(member(PLAN)), rows)] == [2, 4]


def test_a_training_is_shortened_to_what_is_affordable():
    rows = rows_of(n_epochs=40, n_checkpoints=8)
    asked = []

    def affordable(done):
        asked.append(done)
        return 12

    found = list(train_chunk(chunk_of(member(PLAN)), rows, affordable=affordable))
    epochs = [c.state.epoch for c in found]
    assert epochs[0] == 1
    assert epochs[-1] == 12
    assert len(epochs) == 8
    assert epochs == sorted(set(epochs))
    assert [c.is_last for c in found] == [False] * 7 + [True]
    assert asked == epochs[:-1]


@pytest.mark.parametrize("n_checkpoints", [1, 2, 40])
def test_there_is_an_end_even_if_nothing_is_affordable(n_checkpoints):
    rows = rows_of(n_epochs=40, n_checkpoints=n_checkpoints)
    found = list(train_chunk(chunk_of(member(PLAN)), rows, affordable=lambda _: 0))
    assert found[-1].is_last
    assert found[-1].state.epoch == (40 if n_checkpoints == 1 else 2)
