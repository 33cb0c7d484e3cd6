"""Images and a table together: each input has its own way into one network.

A digit is seen as an image through a convolutional stem, and described by a table of
row and column sums, standardized. Heads are searched that read both.
"""

import cerebros  # before Keras, which then runs on JAX  # isort: skip  # noqa: F401
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from cerebros.search import search_networks
from cerebros.spaces import RandomWiring
from cerebros.stems import keras_stem
from cerebros.training import Problem, TrainingSettings

digits = load_digits()
images = digits.images[..., None].astype(np.float32)
table = np.hstack([digits.images.sum(axis=1), digits.images.sum(axis=2)])

keras.utils.set_random_seed(0)
base = keras.Sequential(
    [
        keras.Input(images.shape[1:]),
        layers.Rescaling(1 / 16),
        layers.Conv2D(12, 3, activation="relu"),
        layers.Conv2D(8, 3, activation="relu"),
    ],
    name="untrained",
)
problem = Problem.classification(
    [images, table],
    digits.target,
    stems=[keras_stem(base, pooling="flatten"), StandardScaler()],
)
print("features:", problem.ports.input_widths)
result = search_networks(
    problem,
    space=RandomWiring(levels=(2, 3), units=(1, 2), neurons=(8, 24)),
    n_architectures=8,
    training=TrainingSettings(epochs=15),
)
for rows, metrics in result.scores().items():
    print(f"{rows:17}", {name: round(value, 3) for name, value in metrics.items()})

new = problem.prepare([images[:5], table[:5]])  # raw rows, as the model reads them
answers = result.best_model().predict(new, verbose=0).argmax(axis=1)
print("answers", [int(problem.classes[i]) for i in answers])
print("truth  ", digits.target[:5].tolist())
