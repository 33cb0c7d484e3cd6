"""A small vision transformer in front of a residual MLP, as one Keras model.

The transformer cuts an image into patches, lets each attend to all others, and puts out
one vector for each patch; the residual MLP reads them all. Everything is trained
together, on digits.
"""

import cerebros  # before Keras, which then runs on JAX  # isort: skip  # noqa: F401
import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from residualmlp.residual_mlp import ResidualMLP

PATCH, WIDTH, HEADS, BLOCKS = 2, 24, 4, 1


class AddPlaces(layers.Layer):
    """Adds to each patch a vector that is learned for its place."""

    def build(self, shape):
        self.places = self.add_weight(shape=shape[1:], initializer="random_normal")

    def call(self, patches):
        return patches + self.places


def vision_transformer(shape):
    """Images `(batch, height, width, 1)` → `(batch, patch, WIDTH)`."""
    x = inputs = keras.Input(shape)
    x = layers.Conv2D(WIDTH, PATCH, strides=PATCH, name="patches")(x)
    x = layers.Reshape((-1, WIDTH))(x)
    x = AddPlaces()(x)
    for _ in range(BLOCKS):
        seen = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(seen, seen)
        thought = layers.LayerNormalization()(x)
        thought = layers.Dense(2 * WIDTH, activation="gelu")(thought)
        x = x + layers.Dense(WIDTH)(thought)
    return keras.Model(inputs, layers.LayerNormalization()(x), name="transformer")


keras.utils.set_random_seed(0)
digits = load_digits()
images = (digits.images[..., None] / 16).astype(np.float32)
classes = ops.one_hot(digits.target, 10)
x, x_test, y, y_test = train_test_split(
    images, np.asarray(classes), test_size=0.25, random_state=0
)
model = ResidualMLP(
    input_shape=images.shape[1:],
    base_model=vision_transformer(images.shape[1:]),
    base_model_input_shape=images.shape[1:],
    blocks=[[2, 48, 8]],
    residual_bypass_dense_layers=[[16]],
    final_dense_layers=[32],
    dropout_rate=0.1,
    learning_rate=0.0007,
).make_tandem_model()
model.fit(x, y, epochs=30, batch_size=64, verbose=0)
scores = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
print({name: round(float(scores[name]), 3) for name in ("loss", "top_1_accuracy")})
