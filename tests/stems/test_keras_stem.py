"""A Keras model as a stem: what stands in front, where it is cut, what is trained."""

import keras
import numpy as np
import pytest
from keras import layers

from cerebros.errors import StemError
from cerebros.stems import copy_of, keras_stem, pretrained_stem, thawed
from cerebros.training import Problem

IMAGES = np.random.default_rng(0).uniform(0, 255, size=(20, 6, 6, 1)).astype("float32")
LABELS = np.arange(20) % 2


def a_base(shape=(8, 8, 3)):
    inner = keras.Sequential(
        [
            keras.Input((6, 6, 4)),
            layers.Conv2D(5, 3, name="second"),
            layers.BatchNormalization(name="bn_2"),
        ],
        name="inner",
    )
    x = keras.Input(shape)
    y = layers.Conv2D(4, 3, name="first")(x)
    y = layers.BatchNormalization(name="bn_1")(y)
    y = inner(y) if shape == (8, 8, 3) else y
    y = layers.ReLU(name="relu")(y)
    y = layers.GlobalAveragePooling2D(name="pooled")(y)
    return keras.Model(x, layers.Dense(7, name="top")(y), name="base")


def trained_names(model):
    names = []
    for layer in model._flatten_layers(include_self=False):
        own = not [*layer._flatten_layers(include_self=False)]
        if own and layer.trainable_weights:
            names.append(layer.name)
    return sorted(names)


def shifted(model):
    """With weights that no initializer gives."""
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1, w.shape) for w in model.get_weights()])
    return model


# --- In front, cut, behind ----------------------------------------------------------


def test_small_grey_images_are_resized_and_repeated():
    base = shifted(a_base())
    stem = keras_stem(base, row_shape=(6, 6, 1))
    by_hand = layers.Resizing(8, 8)(np.repeat(IMAGES, 3, axis=-1))
    np.testing.assert_allclose(
        stem.predict(IMAGES, verbose=0), base.predict(by_hand, verbose=0), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("cut", "pooling", "width"),
    [
        ("relu", "flatten", 4 * 4 * 5),
        ("relu", "average", 5),
        (-3, "max", 5),
        (1, "average", 4),
        ("pooled", "flatten", 5),
        (None, "flatten", 7),
    ],
)
def test_a_model_is_cut_at_a_name_or_number(cut, pooling, width):
    base = shifted(a_base())
    stem = keras_stem(base, cut=cut, pooling=pooling)
    assert stem.output_shape == (None, width)
    rows = np.random.default_rng(3).uniform(size=(4, 8, 8, 3))
    layer = (
        base.layers[-1 if cut is None else cut]
        if cut is None or isinstance(cut, int)
        else base.get_layer(cut)
    )
    found = keras.Model(base.inputs, layer.output).predict(rows, verbose=0)
    if found.ndim == 4:
        how = {"average": np.mean, "max": np.max}.get(pooling)
        found = how(found, axis=(1, 2)) if how else found.reshape(4, -1)
    np.testing.assert_allclose(stem.predict(rows, verbose=0), found, rtol=1e-4)


def test_a_stem_is_a_frozen_copy_and_the_model_stays_as_it_was():
    base = a_base()
    stem = keras_stem(base)
    assert not stem.trainable_weights
    assert trained_names(base) == ["bn_1", "bn_2", "first", "second", "top"]
    assert keras_stem(base, freeze=False).trainable_weights


def test_a_stem_comes_from_a_file(tmp_path):
    base = shifted(a_base())
    base.save(tmp_path / "base.keras")
    rows = np.ones((2, 8, 8, 3), "float32")
    np.testing.assert_allclose(
        keras_stem(tmp_path / "base.keras").predict(rows, verbose=0),
        base.predict(rows, verbose=0),
        rtol=1e-6,
    )


def test_code_in_a_file_is_not_run(tmp_path):
    x = keras.Input((2,))
    keras.Model(x, layers.Lambda(lambda z: z * 2)(x)).save(tmp_path / "code.keras")
    with pytest.raises(StemError, match="cannot be read as a Keras model"):
        keras_stem(tmp_path / "code.keras")


def two_outputs():
    x = keras.Input((3,))
    return keras.Model(x, [layers.Dense(2)(x), layers.Dense(3)(x)])


def two_inputs():
    x, y = keras.Input((3,)), keras.Input((3,))
    return keras.Model([x, y], layers.Add()([x, y]))


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (two_outputs, {}, "has 2 outputs, but must have one; cut it"),
        (two_inputs, {}, "has 2 inputs, but must have one; merge them"),
        (a_base, {"cut": "pooling"}, "no layer 'pooling'; did you mean 'pooled'"),
        (a_base, {"cut": 12}, "cut is 12, but the model 'base' has 7 layers"),
        (a_base, {"cut": True}, "cut must be a layer's name or number, but got True"),
        (a_base, {"pooling": "mean"}, "pooling must be one of flatten, average, max"),
        (a_base, {"row_shape": (8, 8, 2)}, "images have 2 channels, but 3 are read"),
        (a_base, {"row_shape": (8, 8)}, r"an axis for it: images\[\.\.\., None\]"),
        (lambda: a_base((None, None, 3)), {}, "leaves sizes open; say with row_shape"),
        (lambda: keras.Sequential([layers.Dense(2)]), {}, "is not built"),
        (lambda: "no/such.keras", {}, "there is no model file"),
        (lambda: layers.Dense(3), {}, "a stem is made of a Keras model"),
    ],
)
def test_what_does_not_fit_is_refused(model, arguments, message):
    with pytest.raises(StemError, match=message):
        keras_stem(model(), **arguments)


# --- Which layers are trained -------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "names"),
    [
        ("all", ["first", "second", "top"]),
        (2, ["second", "top"]),
        ("last_convolution", ["second"]),
        (["first", "bn_2"], ["bn_2", "first"]),
    ],
)
def test_layers_are_thawed_in_a_copy(which, names):
    stem = keras_stem(a_base())
    assert trained_names(thawed(stem, which)) == names
    assert not stem.trainable_weights
    # and a copy of it, as every trial gets one, trains the same
    assert trained_names(copy_of(thawed(stem, which))) == names


@pytest.mark.parametrize(
    ("which", "message"),
    [
        (0, "a number of layers >= 1 or a list of names, but got 0"),
        (True, "but got True"),
        ("some", "but got 'some'"),
        (["secnd"], "no layer 'secnd'; did you mean 'second'"),
        ([], "no layer to train for layers=\\[\\]"),
    ],
)
def test_layers_that_are_not_there_are_refused(which, message):
    with pytest.raises(StemError, match=message):
        thawed(a_base(), which)


def test_a_stem_without_convolutions_has_no_last_one():
    dense = keras.Sequential([keras.Input((2,)), layers.Dense(3)])
    with pytest.raises(StemError, match="its layers are of the kinds Dense"):
        thawed(dense, "last_convolution")


def test_training_leaves_the_averages_of_frozen_normalization_alone():
    stem = thawed(shifted(a_base()), "all")
    before = [np.array(w) for w in stem.get_layer("bn_1").get_weights()]
    stem.compile("sgd", "mse")
    rows = np.random.default_rng(0).normal(5, 3, size=(16, 8, 8, 3))
    first = np.array(stem.get_layer("first").kernel)
    stem.fit(rows, np.ones((16, 7)), verbose=0)
    assert (np.array(stem.get_layer("first").kernel) != first).any()
    for old, new in zip(before, stem.get_layer("bn_1").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# --- Rows that do not fit -----------------------------------------------------------


def with_rescaling():
    inputs = keras.Input((6, 6, 1))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, x)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (IMAGES / 255, "from 0 to 255, but these images have values from .* multiply"),
        (IMAGES * 100, "from 0 to 255, but these images .* bring them to that range"),
        (IMAGES[..., 0], "images of one channel need an axis for it"),
        (IMAGES[:, :5], r"reads rows of the shape \(6, 6, 1\), but they have"),
        (np.repeat(IMAGES, 3, axis=-1), r"but they have the shape \(6, 6, 3\)"),
    ],
)
def test_images_that_do_not_fit_are_refused_before_anything_runs(rows, message):
    with pytest.raises(StemError, match=message):
        Problem.classification(rows, LABELS, stems=[with_rescaling()])


def test_bytes_are_taken_as_they_are_and_stay_bytes():
    rows = IMAGES.astype(np.uint8)
    problem = Problem.classification(rows, LABELS, stems=[with_rescaling()])
    assert problem.data.inputs[0].dtype == np.uint8
    assert problem.ports.input_widths == (36,)
    assert np.shares_memory(problem.data.inputs[0], rows)


# --- Keras applications -------------------------------------------------------------


@pytest.mark.slow
def test_an_application_reads_raw_pixels():
    """ResNet50 wants blue first and means taken off; that is part of the stem."""
    import sys

    from keras.applications import ResNet50

    stem = pretrained_stem("ResNet50", weights=None, row_shape=(40, 40, 3))
    assert not stem.trainable_weights
    rows = np.random.default_rng(0).uniform(0, 255, (2, 40, 40, 3)).astype("float32")
    body = ResNet50(include_top=False, weights=None, input_shape=(40, 40, 3))
    body.set_weights(stem.get_weights())
    prepared = sys.modules[ResNet50.__module__].preprocess_input(rows.copy())
    np.testing.assert_allclose(
        stem.predict(rows, verbose=0),
        body.predict(prepared, verbose=0).mean(axis=(1, 2)),
        rtol=1e-3,
        atol=1e-5,
    )


def test_weights_come_from_a_file(tmp_path):
    from keras.applications import MobileNet

    body = MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3))
    body.save_weights(tmp_path / "base.weights.h5")
    stem = pretrained_stem(
        "MobileNet", weights=tmp_path / "base.weights.h5", row_shape=(32, 32, 1)
    )
    for own, theirs in zip(stem.get_weights(), body.get_weights(), strict=True):
        np.testing.assert_array_equal(own, theirs)
    x = np.full((1, 32, 32, 3), 255.0)
    np.testing.assert_allclose(
        stem.predict(x[..., :1], verbose=0),
        body.predict(x / 127.5 - 1, verbose=0).mean(axis=(1, 2)),
        rtol=1e-4,
        atol=1e-6,
    )


def test_weights_that_cannot_be_fetched_say_what_to_do(monkeypatch):
    def no_network(*args, **kwargs):
        raise Exception("URL fetch failure on …: Name or service not known")

    import sys

    module = sys.modules[keras.applications.MobileNet.__module__]
    monkeypatch.setattr(module.file_utils, "get_file", no_network)
    with pytest.raises(
        StemError, match=r"'imagenet' of MobileNet cannot be fetched.*\.keras/models"
    ):
        pretrained_stem("MobileNet", row_shape=(128, 128, 3))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("EficientNetB0", {}, "did you mean 'EfficientNetB0'"),
        ("MobileNet", {"weights": "none.h5"}, "there is no file of weights none.h5"),
        ("MobileNet", {"row_shape": (8, 8, 3)}, "cannot be made for images"),
    ],
)
def test_applications_that_do_not_exist_or_fit(name, arguments, message):
    with pytest.raises(StemError, match=message):
        pretrained_stem(name, **{"weights": None, "row_shape": (32, 32, 3)} | arguments)
