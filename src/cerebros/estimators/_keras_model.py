"""Networks of a fit as ordinary Keras models."""

from __future__ import annotations

from typing import Any

from cerebros.estimators._predictor import Predictor


def keras_model(predictor: Predictor) -> Any:
    """The network that counts most, of its first fold.

    Its inputs are plain features and, unless it does without them, encoded ones; its
    outputs standardized numbers, or probabilities.
    """
    from cerebros.lowering import to_keras, write_weights

    best = max(predictor.networks, key=lambda own: own.share)
    model = to_keras(best.plan)
    write_weights(model, best.plan, best.of_fold(0))
    return model
