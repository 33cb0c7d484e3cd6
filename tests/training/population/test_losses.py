"""Losses of whole populations against those of Keras: values, gradients, refusals."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from population_heads import (
    N_COLUMNS,
    N_MEMBERS,
    N_ROWS,
    head,
    mask_of,
    one_hot,
    padded,
)

from cerebros.errors import LoweringError
from cerebros.lowering import OutputScale
from cerebros.plan import ACTIVATIONS
from cerebros.training.population._losses import ROW_LOSSES, SHORT_NAMES

Losses = keras.losses

# Loss, activation of the output, kind of the targets, widths of the output.
CASES = {
    "mse": ("mse", "linear", "numbers", (1, 3)),
    "MSE": ("MSE", "linear", "numbers", (2,)),
    "MeanSquaredError": (Losses.MeanSquaredError(), "tanh", "numbers", (3,)),
    "reduction=mean": (
        Losses.MeanSquaredError(reduction="mean"),
        "linear",
        "numbers",
        (2,),
    ),
    "mae": ("mae", "linear", "numbers", (1, 3)),
    "mape": ("mape", "linear", "numbers", (3,)),
    "msle": ("msle", "softplus", "positive", (3,)),
    "msle of any numbers": ("msle", "linear", "numbers", (3,)),
    "huber": ("huber", "linear", "numbers", (3,)),
    "Huber(delta=0.3)": (Losses.Huber(delta=0.3), "linear", "numbers", (3,)),
    "log_cosh": ("log_cosh", "linear", "numbers", (3,)),
    "LogCosh": (Losses.LogCosh(), "linear", "numbers", (3,)),
    "poisson": ("poisson", "softplus", "positive", (3,)),
    "poisson of exp": ("poisson", "exponential", "positive", (3,)),
    "bce": ("bce", "sigmoid", "binary", (1, 3)),
    "crossentropy of two": ("crossentropy", "sigmoid", "binary", (1,)),
    "bce of shares": ("binary_crossentropy", "sigmoid", "shares", (3,)),
    "bce of anything": ("binary_crossentropy", "linear", "binary", (1,)),
    "bce from logits": (
        Losses.BinaryCrossentropy(from_logits=True),
        "linear",
        "binary",
        (1,),
    ),
    "bce smoothed": (
        Losses.BinaryCrossentropy(label_smoothing=0.2),
        "sigmoid",
        "binary",
        (3,),
    ),
    "focal": ("binary_focal_crossentropy", "sigmoid", "binary", (1, 3)),
    "focal with all": (
        Losses.BinaryFocalCrossentropy(
            apply_class_balancing=True,
            alpha=0.4,
            gamma=1.5,
            from_logits=True,
            label_smoothing=0.1,
        ),
        "linear",
        "binary",
        (1,),
    ),
    "categorical": ("categorical_crossentropy", "softmax", "one_hot", (2, 4)),
    "ce": ("ce", "softmax", "one_hot", (4,)),
    "categorical of shares": ("categorical_crossentropy", "softmax", "spread", (4,)),
    "categorical not normalized": (
        "categorical_crossentropy",
        "softplus",
        "one_hot",
        (4,),
    ),
    "categorical from logits": (
        Losses.CategoricalCrossentropy(from_logits=True),
        "linear",
        "one_hot",
        (4,),
    ),
    "categorical smoothed": (
        Losses.CategoricalCrossentropy(label_smoothing=0.3),
        "softmax",
        "one_hot",
        (4,),
    ),
    "categorical focal": (
        "categorical_focal_crossentropy",
        "softmax",
        "one_hot",
        (4,),
    ),
    "categorical focal with all": (
        Losses.CategoricalFocalCrossentropy(
            alpha=0.6, gamma=3.0, from_logits=True, label_smoothing=0.1
        ),
        "linear",
        "one_hot",
        (4,),
    ),
    "sparse": ("sparse_categorical_crossentropy", "softmax", "classes", (2, 4)),
    "sparse crossentropy": ("crossentropy", "softmax", "classes", (4,)),
    "sparse from logits": (
        Losses.SparseCategoricalCrossentropy(from_logits=True),
        "linear",
        "classes",
        (4,),
    ),
    "kld": ("kld", "softmax", "spread", (4,)),
    "KLDivergence": ("KLDivergence", "sigmoid", "shares", (1,)),
    "hinge": ("hinge", "tanh", "signs", (1, 3)),
    "hinge of zeros and ones": ("hinge", "linear", "binary", (1,)),
    "squared_hinge": (Losses.SquaredHinge(), "linear", "signs", (3,)),
    "categorical_hinge": ("categorical_hinge", "softmax", "one_hot", (4,)),
    "cosine_similarity": ("cosine_similarity", "linear", "numbers", (3,)),
}
EACH = [
    pytest.param(loss, activation, kind, width, id=f"{name}-{width}")
    for name, (loss, activation, kind, widths) in CASES.items()
    for width in widths
]
EXTREME = [  # where predictions reach 0 and 1, or leave that range
    case for case in EACH if case.values[1] in ("sigmoid", "softmax", "linear")
]


def targets_of(kind, width, rng):
    classes = rng.integers(0, width, N_ROWS)
    return {
        "numbers": lambda: rng.normal(size=(N_ROWS, width)),
        "positive": lambda: rng.exponential(size=(N_ROWS, width)),
        "binary": lambda: rng.integers(0, 2, (N_ROWS, width)),
        "signs": lambda: rng.choice([-1, 1], (N_ROWS, width)),
        "shares": lambda: rng.random((N_ROWS, width)),
        "spread": lambda: rng.dirichlet(np.ones(width), N_ROWS),
        "one_hot": lambda: one_hot(classes, width),
        "classes": lambda: classes[:, None],
    }[kind]().astype("f")


def loss_of_keras(loss, activation, z, y, weights=None):
    """Of one member, `(row, width)`, as `fit` computes it."""
    p = keras.activations.get(activation)(z)
    if loss in ("crossentropy", "ce"):
        width = z.shape[-1]
        sparse = "sparse_" if y.shape[-1] < width else ""
        loss = f"{sparse}categorical_crossentropy" if width > 1 else "bce"
    function = keras.losses.get(loss)
    if isinstance(function, keras.Loss):
        return function(y, p, sample_weight=weights)
    rows = function(jnp.asarray(y), p)
    return (rows if weights is None else rows * weights).mean()


@partial(jax.jit, static_argnums=0)
def _losses_and_pulled(head, z, targets, mask, weights):
    losses, pull = jax.vjp(lambda z: head.loss(z, targets, mask, weights), z)
    return losses, pull(jnp.ones_like(losses))[0]


def values_and_gradients(head, z, targets, weights, filling=0.0, filling_y=0.0):
    """Loss `(member,)`, its gradient `(member, row, output row)`, and that of padding.

    Members are independent, so that the gradient of their sum is that of each.
    """
    n = len(targets[0])
    values, gradient = _losses_and_pulled(
        head,
        padded(z, filling),
        tuple(padded(y, filling_y) for y in targets),
        mask_of(n),
        None if weights is None else padded(weights[:, None])[0],
    )
    gradient = np.swapaxes(np.asarray(gradient), -1, -2)
    return np.asarray(values), gradient[:, :n], gradient[:, n:]


@cache
def each_member(loss):
    """A function of a member's `z` and of more, and its gradient, for all members."""
    both = jax.value_and_grad(loss)
    return jax.jit(lambda z, *more: jax.vmap(lambda own: both(own, *more))(z))


@cache
def of_keras(loss, activation):
    return each_member(partial(loss_of_keras, loss, activation))


def assert_near(ours, theirs):
    """Equal to rounding, relative to the largest number of each member."""
    for own, their in zip(ours, np.asarray(theirs), strict=True):
        assert np.isfinite(their).all()
        size = max(float(np.abs(their).max()), 1e-6)
        np.testing.assert_allclose(own, their, rtol=2e-5, atol=2e-6 * size)


def assert_as_keras(loss, activation, kind, width, *, spread, weighted):
    rng = np.random.default_rng(width)
    y = targets_of(kind, width, rng)
    z = spread(rng.normal(size=(N_MEMBERS, N_ROWS, width))).astype("f")
    weights = rng.uniform(0.1, 3, N_ROWS).astype("f") if weighted else None
    own_head = head([y], [(width, activation)], loss=loss)
    values, gradients, padding = values_and_gradients(own_head, z, [y], weights)
    more = [y] if weights is None else [y, weights]
    theirs = of_keras(loss, activation)(z, *more)
    assert_near(values, theirs[0])
    assert_near(gradients, theirs[1])
    assert not padding.any()


@pytest.mark.parametrize(("loss", "activation", "kind", "width"), EACH)
def test_values_and_gradients_are_those_of_keras(loss, activation, kind, width):
    assert_as_keras(
        loss, activation, kind, width, spread=lambda z: 1.5 * z, weighted=False
    )


@pytest.mark.parametrize(("loss", "activation", "kind", "width"), EACH[::8])
def test_rows_are_weighted_as_in_keras(loss, activation, kind, width):
    assert_as_keras(
        loss, activation, kind, width, spread=lambda z: 1.5 * z, weighted=True
    )


@pytest.mark.parametrize(("loss", "activation", "kind", "width"), EXTREME)
def test_they_are_so_where_probabilities_are_0_and_1(loss, activation, kind, width):
    def spread(z):
        return np.where(z > 0, 60, -60) + np.round(z)

    assert_as_keras(loss, activation, kind, width, spread=spread, weighted=False)


def test_every_loss_is_tested():
    tested = {case[0] for case in CASES.values() if isinstance(case[0], str)}
    kinds = {SHORT_NAMES.get(loss, loss) for loss in tested}
    objects = (case[0] for case in CASES.values() if not isinstance(case[0], str))
    kinds |= {loss.name for loss in objects} | {"kl_divergence"}
    assert set(ROW_LOSSES) <= kinds


# --- Outputs ------------------------------------------------------------------------


KINKS = {"hard_tanh", "leaky_relu"}  # a slope at 0 is a matter of taste


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_has_the_slope_of_keras_even_at_0(activation):
    z = np.linspace(-4.1, 4.1, 3 * N_ROWS).reshape(1, N_ROWS, 3).astype("f")
    assert (z == 0).any() or activation in KINKS
    z[z == 0] = 0.5 if activation in KINKS else 0
    y = np.ones((N_ROWS, 3), "f")
    own_head = head([y], [(3, activation)])
    values, gradients, _ = values_and_gradients(own_head, z, [y], None)
    theirs = of_keras("mse", activation)(z, y)
    assert_near(values, theirs[0])
    np.testing.assert_allclose(gradients, theirs[1], rtol=1e-4, atol=1e-6)


def test_a_dead_network_with_a_sigmoid_learns_in_the_right_direction():
    """All its outputs are exactly 0 before the activation."""
    y = np.tile([[0.0], [1.0]], (5, 1))
    own_head = head([y], [(1, "sigmoid")], loss="binary_crossentropy")
    _, gradients, _ = values_and_gradients(own_head, np.zeros((1, 10, 1)), [y], None)
    np.testing.assert_allclose(gradients[0], (0.5 - y) / 10, rtol=1e-6)


def test_the_losses_of_several_outputs_are_added():
    rng = np.random.default_rng(0)
    targets = [targets_of("numbers", width, rng) for width in (2, 1)]
    scales = (OutputScale((3.0, -1.0), (2.0, 0.5)), None)
    z = rng.normal(size=(N_MEMBERS, N_ROWS, 3)).astype("f")
    weights = rng.uniform(0.1, 3, N_ROWS).astype("f")
    loss = Losses.Huber(delta=0.5)
    own_head = head(targets, [(2, "linear"), (1, "tanh")], loss=loss, scales=scales)
    values, gradients, _ = values_and_gradients(own_head, z, targets, weights)
    rescale = keras.layers.Rescaling([2.0, 0.5], offset=[3.0, -1.0])

    def theirs(z):
        first = loss(targets[0], rescale(z[:, :2]), sample_weight=weights)
        return first + loss(targets[1], jnp.tanh(z[:, 2:]), sample_weight=weights)

    expected = each_member(theirs)(z)
    assert_near(values, expected[0])
    assert_near(gradients, expected[1])


# --- Rows and members that must not matter ------------------------------------------


@pytest.mark.parametrize(("loss", "activation", "kind", "width"), EACH)
def test_rows_that_are_not_there_change_no_bit(loss, activation, kind, width):
    rng = np.random.default_rng(0)
    y = targets_of(kind, width, rng)
    z = rng.normal(size=(N_MEMBERS, N_ROWS, width))
    own_head = head([y], [(width, activation)], loss=loss)
    expected = values_and_gradients(own_head, z, [y], None, 0.5)
    for filling in (0.0, -1e-7, 1e4, -3e38):
        found = values_and_gradients(own_head, z, [y], None, filling, filling_y=5.0)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("loss", "activation", "kind", "width"), EACH)
def test_a_member_that_diverged_changes_no_bit_of_the_others(
    loss, activation, kind, width
):
    rng = np.random.default_rng(0)
    y = targets_of(kind, width, rng)
    z = rng.normal(size=(N_MEMBERS, N_ROWS, width))
    own_head = head([y], [(width, activation)], loss=loss)
    expected = values_and_gradients(own_head, z, [y], None)
    for bad in (np.nan, np.inf, -np.inf):
        z[1] = bad
        found = values_and_gradients(own_head, z, [y], None)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours[[0, 2]], theirs[[0, 2]])


def test_a_batch_without_rows_has_no_loss():
    y = np.zeros((N_ROWS, 1), "f")
    z = jnp.ones((N_MEMBERS, 1, N_COLUMNS))
    own_head = head([y], [(1, "linear")])
    loss = own_head.loss(z, (padded(y),), mask_of(0), None)
    np.testing.assert_array_equal(loss, np.zeros(N_MEMBERS))


# --- What is read from settings -----------------------------------------------------


def is_known(loss):
    """Whether a head takes a loss, for targets that suit it."""
    sparse = "sparse" in loss.lower()
    y = np.arange(6.0)[:, None] % 3 if sparse else np.zeros((6, 3))
    try:
        head([y], [(3, "softmax")], loss=loss)
    except LoweringError:
        return False
    return True


SPELLINGS = sorted(
    {
        spelling
        for name in [*ROW_LOSSES, *SHORT_NAMES, "logcosh", "cce", "kl"]
        for spelling in (
            name,
            name.upper(),
            name.title(),
            name.title().replace("_", ""),
            name.title().replace("_", "").replace("Kl", "KL"),
        )
    }
)


def test_a_text_is_known_if_and_only_if_keras_knows_it():
    def keras_knows(name):
        try:
            keras.losses.get(name)
        except ValueError:
            return False
        return True

    found = {name: is_known(name) for name in SPELLINGS}
    assert found == {name: keras_knows(name) for name in SPELLINGS}


def test_equal_settings_give_equal_heads_with_equal_hashes():
    def made(delta):
        scales = (OutputScale((1.0,), (2.0,)),)
        loss = Losses.Huber(delta=delta)
        return head(
            [np.ones((4, 1))],
            [(1, "tanh")],
            loss=loss,
            metrics=[keras.metrics.AUC(), "mae"],
            scales=scales,
        )

    assert made(0.5) == made(0.5)
    assert hash(made(0.5)) == hash(made(0.5))
    assert made(0.5) != made(0.25)


class Huber(Losses.Huber):
    """The user's own, of the same name."""


@jax.jit
def mse(y, p):
    """The user's own, of the same name, and without code that could be read."""
    return (y - p) ** 4


REFUSED = {
    "another name": ("dice", "'dice' is not known"),
    "another object": (Losses.Tversky(), "'tversky' is not known"),
    "the user's own class": (Huber(), "the user's own"),
    "the user's own function": (mse, "the user's own"),
    "a metric": (keras.metrics.MeanSquaredError(), "is a metric"),
    "sum": (Losses.MeanSquaredError(reduction="sum"), "reduction='sum'"),
    "rows": (Losses.MeanSquaredError(reduction=None), "reduction=None"),
    "weighted mean": (
        Losses.MeanSquaredError(reduction="mean_with_sample_weight"),
        "reduction='mean_with_sample_weight'",
    ),
    "other numbers": (Losses.MeanSquaredError(dtype="float16"), "dtype='float16'"),
    "another axis": (Losses.BinaryCrossentropy(axis=0), "axis=0"),
    "an ignored class": (
        Losses.SparseCategoricalCrossentropy(ignore_class=1),
        "ignore_class=1",
    ),
    "a weight for each class": (
        Losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.2, 0.7]),
        "alpha=",
    ),
    "class numbers": ("sparse_categorical_crossentropy", "targets of width 3"),
}


@pytest.mark.parametrize(("loss", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_refused_with_the_reason(loss, reason):
    with pytest.raises(LoweringError, match=reason):
        head([np.zeros((4, 3))], [(3, "softmax")], loss=loss)
