"""Optimizers as functions of arrays, step by step against those of Keras."""

from functools import partial

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cerebros.errors import LoweringError
from cerebros.training import TrainingSettings
from cerebros.training.population._optimizers import optimizer_of

N_STEPS = 20
N_MEMBERS, N_WEIGHTS = 3, 40
Optimizers = keras.optimizers

MADE = {
    "sgd": partial(Optimizers.SGD, 0.1),
    "sgd that decays": partial(Optimizers.SGD, 0.1, weight_decay=0.02),
    "momentum": partial(Optimizers.SGD, 0.05, momentum=0.9),
    "nesterov": partial(Optimizers.SGD, 0.05, momentum=0.8, nesterov=True),
    "nesterov without momentum": partial(Optimizers.SGD, 0.05, nesterov=True),
    "momentum that decays": partial(
        Optimizers.SGD, 0.05, momentum=0.9, weight_decay=0.1
    ),
    "adam": partial(Optimizers.Adam, 0.01),
    "adam with all": partial(
        Optimizers.Adam, 0.02, beta_1=0.7, beta_2=0.95, epsilon=1e-3
    ),
    "adam that decays": partial(Optimizers.Adam, 0.01, weight_decay=0.3),
    "adam without mean": partial(Optimizers.Adam, 0.01, beta_1=0.0),
    "adamw": partial(Optimizers.AdamW, 0.01),
    "adamw with all": partial(
        Optimizers.AdamW, 0.02, weight_decay=0.5, beta_1=0.5, beta_2=0.9, epsilon=1e-5
    ),
    "nadam": partial(Optimizers.Nadam, 0.01),
    "nadam with all": partial(
        Optimizers.Nadam,
        0.02,
        beta_1=0.6,
        beta_2=0.9,
        epsilon=1e-3,
        weight_decay=0.2,
    ),
    "nadam without mean": partial(Optimizers.Nadam, 0.01, beta_1=0.0),
    "rmsprop": partial(Optimizers.RMSprop, 0.01),
    "rmsprop with all": partial(
        Optimizers.RMSprop, 0.01, rho=0.7, epsilon=1e-2, weight_decay=0.1
    ),
    "adagrad": partial(Optimizers.Adagrad, 0.1),
    "adagrad with all": partial(
        Optimizers.Adagrad,
        0.1,
        initial_accumulator_value=0.5,
        epsilon=1e-2,
        weight_decay=0.1,
    ),
    "lion": partial(Optimizers.Lion, 0.001),
    "lion with all": partial(
        Optimizers.Lion, 0.01, beta_1=0.7, beta_2=0.8, weight_decay=0.1
    ),
}
BY_NAME = [
    "sgd", "adam", "adamw", "AdamW", "nadam", "Nadam", "rmsprop", "RMSprop", "adagrad",
    "lion",
]  # fmt: skip


@pytest.fixture(scope="module")
def numbers():
    """Parameters, and a gradient of them for each step; some are always zero."""
    rng = np.random.default_rng(0)
    shape = (N_MEMBERS, N_WEIGHTS)
    gradients = rng.normal(size=(N_STEPS, *shape)) * 10 ** rng.uniform(-3, 1, shape)
    gradients[..., :3] = 0
    return rng.normal(size=shape).astype("f"), gradients.astype("f")


def steps_of_keras(optimizer, parameter, gradients):
    """The parameter after each step."""
    variable = keras.Variable(parameter)
    optimizer.build([variable])
    after = []
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        after.append(np.array(variable.value))
    return np.array(after)


@partial(jax.jit, static_argnames="optimizer")
def steps_of(optimizer, parameter, gradients, rate, weight_decay):
    """The same by the functions, all in one program."""

    def one(carry, now):
        parameter, slots = carry
        step, gradient = now
        slots = optimizer.slots_after(gradient, slots, rate)
        parameter = optimizer.moved(
            parameter,
            gradient,
            slots,
            rate=rate,
            correction=optimizer.correction(step),
            weight_decay=weight_decay,
        )
        return (parameter, slots), parameter

    numbers = jnp.arange(1, len(gradients) + 1)
    start = parameter, optimizer.new_slots(parameter)
    return jax.lax.scan(one, start, (numbers, gradients))[1]


def our_steps(settings, parameter, gradients):
    optimizer = optimizer_of(settings)
    rate = jnp.float32(optimizer.learning_rate)
    decay = jnp.float32(optimizer.weight_decay or 0)
    return steps_of(optimizer, parameter, gradients, rate, decay)


def assert_same_steps(ours, theirs, atol=2e-6):
    assert np.isfinite(theirs).all()
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=atol)


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_steps_are_those_of_the_keras_optimizer(make, numbers):
    ours = our_steps(TrainingSettings(optimizer=make()), *numbers)
    assert_same_steps(ours, steps_of_keras(make(), *numbers))


@pytest.mark.parametrize("name", BY_NAME)
def test_a_name_means_what_it_means_to_keras(name, numbers):
    settings = TrainingSettings(optimizer=name, learning_rate=0.02)
    theirs = keras.optimizers.get(name)
    theirs.learning_rate = 0.02
    assert_same_steps(our_steps(settings, *numbers), steps_of_keras(theirs, *numbers))


@pytest.mark.parametrize(
    "name", ["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad"]
)
def test_each_member_has_a_rate_and_a_decay_of_its_own(name, numbers):
    rates, decays = [0.1, 0.01, 0.001], [0.0, 0.5, 0.1]
    parameter, gradients = numbers
    ours = steps_of(
        optimizer_of(TrainingSettings(optimizer=name)),
        parameter,
        gradients,
        jnp.array(rates, "f")[:, None],
        jnp.array(decays, "f")[:, None],
    )
    for i, (rate, decay) in enumerate(zip(rates, decays, strict=True)):
        theirs = keras.optimizers.get(name)
        theirs.learning_rate, theirs.weight_decay = rate, decay
        steps = steps_of_keras(theirs, parameter[i], gradients[:, i])
        # Of Nadam, Keras loses more of the first steps in rounding than we do.
        assert_same_steps(ours[:, i], steps, atol=1e-4 * rate + 1e-6)


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.islower()])
def test_what_has_no_gradient_stays_where_it_is(name, numbers):
    """Tiles are filled up with parameters that no network has."""
    settings = TrainingSettings(optimizer=name, weight_decay=0.0)
    steps = our_steps(settings, numbers[0], np.zeros_like(numbers[1]))
    np.testing.assert_array_equal(steps[-1], numbers[0])


def test_long_after_the_start_nadam_corrects_nothing_but_the_next_decay():
    """Its products are tabulated as far as they matter."""
    optimizer = optimizer_of(TrainingSettings(optimizer="nadam"))
    numbers = jnp.array([1_000, 1_000_000])
    corrections = [optimizer.correction(number) for number in numbers]
    for correction in corrections:
        np.testing.assert_allclose(correction[:2], [0.9, 1 - 0.9], rtol=1e-5)
    assert float(corrections[1][2]) == 1


# --- What is read from settings -----------------------------------------------------


DECAYS = {
    "none": (TrainingSettings(), None),
    "AdamW by name": (TrainingSettings(optimizer="adamw"), 0.004),
    "an object's": (
        TrainingSettings(optimizer=Optimizers.SGD(weight_decay=0.3)),
        0.3,
    ),
    "the settings'": (TrainingSettings(weight_decay=0.2), 0.2),
    "the settings' over AdamW's": (
        TrainingSettings(optimizer="adamw", weight_decay=0.0),
        0.0,
    ),
    "the settings' over an object's": (
        TrainingSettings(optimizer=Optimizers.SGD(weight_decay=0.3), weight_decay=0.2),
        0.2,
    ),
}


@pytest.mark.parametrize(("settings", "decay"), DECAYS.values(), ids=DECAYS)
def test_the_settings_decide_the_decay_if_they_say_one(settings, decay):
    assert optimizer_of(settings).weight_decay == decay


def test_a_name_takes_the_settings_rate_and_an_object_keeps_its_own():
    by_name = TrainingSettings(learning_rate=0.25)
    assert optimizer_of(by_name).learning_rate == 0.25
    settings = TrainingSettings(optimizer=Optimizers.SGD(0.5), learning_rate=0.25)
    assert optimizer_of(settings).learning_rate == 0.5


@pytest.mark.parametrize(
    ("keras_name", "name"),
    [
        ("clipvalue", "clip_value"),
        ("clipnorm", "clip_norm"),
        ("global_clipnorm", "global_clip_norm"),
    ],
)
def test_a_limit_for_gradients_is_read(keras_name, name):
    names = {"clip_value", "clip_norm", "global_clip_norm"}
    made = Optimizers.Adam(**{keras_name: 0.75})
    optimizer = optimizer_of(TrainingSettings(optimizer=made))
    found = {name: getattr(optimizer, name) for name in names}
    assert found == dict.fromkeys(names) | {name: 0.75}


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_a_limit_that_keras_does_not_apply_is_none(limit):
    made = Optimizers.Adam(clipnorm=limit)
    assert optimizer_of(TrainingSettings(optimizer=made)).clip_norm is None


def test_equal_settings_give_equal_optimizers_with_equal_hashes():
    def made(rate):
        return optimizer_of(TrainingSettings(optimizer=Optimizers.Adam(rate)))

    assert made(0.5) == made(0.5)
    assert hash(made(0.5)) == hash(made(0.5))
    assert made(0.5) != made(0.25)


SLOTS = {
    "sgd": 0, "adam": 2, "adamw": 2, "nadam": 2, "rmsprop": 1, "adagrad": 1, "lion": 2,
}  # fmt: skip


@pytest.mark.parametrize(("name", "n_slots"), SLOTS.items())
def test_slots_are_as_many_as_were_said_and_of_the_same_shape(name, n_slots):
    optimizer = optimizer_of(TrainingSettings(optimizer=name))
    slots = optimizer.new_slots(jnp.ones((2, 5)))
    assert len(slots) == optimizer.n_slots == n_slots
    assert {slot.shape for slot in slots} <= {(2, 5)}


class SGD(Optimizers.SGD):
    """The user's own, of the same name."""


REFUSED = {
    "another name": (lambda: "ftrl", "'ftrl' is not known here"),
    "another object": (Optimizers.Adamax, "'adamax' is not known here"),
    "Nadam that forgets nothing": (
        lambda: Optimizers.Nadam(beta_1=1.0),
        r"'nadam' has beta_1=1\.0",
    ),
    "the user's own": (SGD, "the user's own"),
    "amsgrad": (lambda: Optimizers.Adam(amsgrad=True), "amsgrad=True"),
    "moving average": (lambda: Optimizers.Adam(use_ema=True), "use_ema=True"),
    "loss scale": (
        lambda: Optimizers.Adam(loss_scale_factor=8.0),
        r"loss_scale_factor=8\.0",
    ),
    "loss scaling": (
        lambda: Optimizers.LossScaleOptimizer(Optimizers.Adam()),
        "'loss_scale_optimizer' is not known here",
    ),
    "accumulation": (
        lambda: Optimizers.Adam(gradient_accumulation_steps=4),
        "gradient_accumulation_steps=4",
    ),
    "centered": (lambda: Optimizers.RMSprop(centered=True), "centered=True"),
    "RMSprop's momentum": (
        lambda: Optimizers.RMSprop(momentum=0.9),
        r"momentum=0\.9",
    ),
    "schedule": (
        lambda: Optimizers.SGD(Optimizers.schedules.CosineDecay(0.1, 100)),
        "learning rate is a schedule object",
    ),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_refused_with_the_reason(make, reason):
    with pytest.raises(LoweringError, match=reason):
        optimizer_of(TrainingSettings(optimizer=make()))
