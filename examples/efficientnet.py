"""EfficientNet in tandem with a residual MLP, only its last convolution trained.

    python examples/efficientnet.py                     random weights, tiny images
    python examples/efficientnet.py imagenet            weights that Keras fetches
    python examples/efficientnet.py base.weights.h5     weights from a file

With real weights the images are those of CIFAR-10's sample if it is there, resized to
what the network was trained on.
"""

import sys
from pathlib import Path

import cerebros  # before Keras, which then runs on JAX  # isort: skip  # noqa: F401
import keras
import numpy as np

from cerebros.stems import pretrained_stem, thawed
from residualmlp.residual_mlp import ResidualMLP

CIFAR = Path(__file__).parents[2] / "shared/data/cifar10-mini/cifar10_mini.npz"
weights = sys.argv[1] if len(sys.argv) > 1 else None


def images_and_classes():
    if weights is not None and CIFAR.exists():
        with np.load(CIFAR) as file:
            return file["x_train"], file["y_train"].ravel(), 10
    rng = np.random.default_rng(0)
    classes = rng.integers(2, size=24)
    images = (
        rng.integers(0, 120, size=(24, 32, 32, 3)) + 120 * classes[:, None, None, None]
    )
    return images.astype(np.uint8), classes, 2


keras.utils.set_random_seed(0)
images, classes, n_classes = images_and_classes()
base = pretrained_stem(
    "EfficientNetB0",
    weights=weights,
    row_shape=images.shape[1:],
    image_size=(224, 224) if weights else None,
    pooling="average",
)
base = thawed(base, "last_convolution")
print("trained in the base:", [v.path for v in base.trainable_variables])
model = ResidualMLP(
    input_shape=images.shape[1:],
    base_model=base,
    base_model_input_shape=images.shape[1:],
    blocks=[[2, 40, 10]],
    final_dense_layers=[20],
    number_of_classes=n_classes,
).make_tandem_model()
one_hot = np.eye(n_classes, dtype=np.float32)[classes]
history = model.fit(images, one_hot, epochs=2, batch_size=8, verbose=0).history
print({name: round(values[-1], 3) for name, values in history.items()})
