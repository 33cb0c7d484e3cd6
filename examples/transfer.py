"""What a base buys that was trained on other classes, where images are few.

    python examples/transfer.py            CIFAR-10's sample if it is there, else digits
    python examples/transfer.py digits
    python examples/transfer.py digits --quick    whether it works

A small convolutional base is trained on half of the classes. Frozen, it stands in front
of networks that must tell the other classes apart from a few images of each: randomly
wired heads and residual MLPs, searched at once on features computed once; then the best
are trained on with the last convolution thawed. Beside them stand a linear head on the
same features, and the same base trained from scratch on the few images alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cerebros  # before Keras, which then runs on JAX  # isort: skip  # noqa: F401
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cerebros.search import FineTuning, SearchResult, fine_tune, search_networks
from cerebros.spaces import RandomResidualMLP, RandomWiring
from cerebros.stems import features_of, keras_stem
from cerebros.training import Problem, TrainingSettings

CIFAR = Path(__file__).parents[2] / "shared/data/cifar10-mini/cifar10_mini.npz"


@dataclass(frozen=True)
class Task:
    """Images and classes.

    Attributes:
        base: images and classes that the base is trained on.
        few: a few images of each of the other classes, to learn from.
        test: images of those classes that judge.
        width: channels of the base's first convolution.
    """

    base: tuple[Any, Any]
    few: tuple[Any, Any]
    test: tuple[Any, Any]
    width: int

    @property
    def n_classes(self) -> int:
        return int(self.few[1].max()) + 1


def cifar_task(seed: int, n_few: int = 30) -> Task:
    """Half of CIFAR-10's classes to train a base, few images of the others."""
    with np.load(CIFAR) as file:
        x, y = file["x_train"], file["y_train"].ravel()
        x_test, y_test = file["x_test"], file["y_test"].ravel()
    return _task(x, y, x_test, y_test, seed, n_few, width=32)


def digits_task(seed: int, n_few: int = 10) -> Task:
    """The same with scikit-learn's digits."""
    digits = load_digits()
    x = (digits.images[..., None] * 15.9375).astype(np.uint8)  # 0–16 to 0–255
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], digits.target[order]
    return _task(x[:1200], y[:1200], x[1200:], y[1200:], seed, n_few, width=16)


def _task(
    x: Any, y: Any, x_test: Any, y_test: Any, seed: int, n_few: int, width: int
) -> Task:
    rng = np.random.default_rng(seed)
    classes = rng.permutation(10)
    known, new = classes[:5], classes[5:]
    number = np.full(10, -1)
    number[new] = np.arange(5)
    few = np.concatenate(
        [rng.choice(np.flatnonzero(y == c), n_few, replace=False) for c in new]
    )
    is_known, is_judged = np.isin(y, known), np.isin(y_test, new)
    return Task(
        base=(x[is_known], np.searchsorted(np.sort(known), y[is_known])),
        few=(x[few], number[y[few]]),
        test=(x_test[is_judged], number[y_test[is_judged]]),
        width=width,
    )


def a_base(shape: tuple[int, ...], width: int, n_classes: int) -> keras.Model:
    """A small convolutional network, with augmentation where images are large."""
    x = inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(x)
    for i, channels in enumerate((width, 2 * width, 4 * width)):
        x = layers.Conv2D(
            channels, 3, padding="same", use_bias=False, name=f"conv_{i}"
        )(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D(padding="same")(x)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, layers.Dense(n_classes, activation="softmax")(x))


def trained(model: keras.Model, images: Any, classes: Any, epochs: int) -> keras.Model:
    """Trained with mirror images beside the images."""
    is_photo = images.shape[-1] == 3
    if is_photo:
        images = np.concatenate([images, images[:, :, ::-1]])
        classes = np.concatenate([classes, classes])
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(images, classes, batch_size=32, epochs=epochs, verbose=0)
    return model


def accuracy(shares: Any, classes: Any) -> float:
    return float(np.mean(np.argmax(shares, axis=1) == classes))


def compare(
    task: Task, *, seed: int, base_epochs: int, n_heads: int, epochs: int
) -> dict[str, float]:
    """Accuracy on the test images, of every way."""
    keras.utils.set_random_seed(seed)
    images, classes = task.few
    x_test, y_test = task.test
    base = a_base(images.shape[1:], task.width, int(task.base[1].max()) + 1)
    trained(base, *task.base, base_epochs)
    stem = keras_stem(base, cut="features")

    # Heads are chosen on a quarter of the few images; none is kept back to judge them,
    # since the test images do that.
    problem = Problem.classification(
        images, classes, validation=0.25, test=0, seed=seed, stems=stem
    )
    spaces = {
        "randomly wired": RandomWiring(
            levels=(2, 3), units=(1, 3), neurons=(8, 32), dropout=0.2
        ),
        "residual MLP": RandomResidualMLP(blocks=(1, 2), depth=(1, 2), width=(16, 48)),
    }
    training = TrainingSettings(
        epochs=epochs, learning_rate=0.003, batch_size=32, weight_decay=0.01
    )
    found = {
        name: search_networks(
            problem,
            space=space,
            n_architectures=n_heads,
            training=training,
            seed=seed,
            keep=n_heads,
            show="none",
        )
        for name, space in spaces.items()
    }
    best = min(found.values(), key=lambda result: result.best_trial.score)
    tuned = fine_tune(
        best,
        FineTuning(
            layers="last_convolution",
            n_heads=3,
            epochs=min(15, epochs),
            patience=4,
            learning_rate=3e-4,
            stem_learning_rate=1e-4,
        ),
        seed=seed,
        show="none",
    )
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    linear.fit(features_of(stem, images), classes)
    scratch = trained(
        a_base(images.shape[1:], task.width, task.n_classes),
        images,
        classes,
        3 * base_epochs,
    )
    return {
        **{
            f"best head, {name}": accuracy(_predicted(result, x_test), y_test)
            for name, result in found.items()
        },
        "ensemble of the 10 best heads": accuracy(
            _predicted_by_best(found.values(), x_test, 10), y_test
        ),
        "fine-tuned, best": accuracy(_predicted(tuned, x_test), y_test),
        "fine-tuned, all 3 together": accuracy(
            _predicted_by_best([tuned], x_test, 3), y_test
        ),
        "linear head": float(linear.score(features_of(stem, x_test), y_test)),
        "from scratch": accuracy(scratch.predict(x_test, verbose=0), y_test),
    }


def _predicted(result: SearchResult, images: Any) -> Any:
    return result.best_model().predict(images, verbose=0)


def _predicted_by_best(results: Any, images: Any, n: int) -> Any:
    """The mean of the best of all results, by their scores on validation rows."""
    ranked = sorted(
        (
            (trial.score, i, trial.number, result)
            for i, result in enumerate(results)
            for trial in result.leaderboard()
        ),
        key=lambda entry: entry[:3],
    )
    return np.mean(
        [
            result.model(number).predict(images, verbose=0)
            for _, _, number, result in ranked[:n]
        ],
        axis=0,
    )


def main() -> None:
    with_digits = "digits" in sys.argv[1:] or not CIFAR.exists()
    task = digits_task(0) if with_digits else cifar_task(0)
    size = {"base_epochs": 15, "n_heads": 16, "epochs": 200}
    if "--quick" in sys.argv[1:]:  # whether it works; no figures to keep
        size = {"base_epochs": 2, "n_heads": 4, "epochs": 10}
    print(
        f"{'digits' if with_digits else 'CIFAR-10'}: {len(task.few[0])} images of "
        f"{task.n_classes} classes to learn from, {len(task.test[0])} to judge"
    )
    for name, value in compare(task, seed=0, **size).items():
        print(f"{name:32} {value:.3f}")


if __name__ == "__main__":
    main()
