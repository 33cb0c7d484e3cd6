"""Trainings on what frozen Keras stems make of the data, instead of behind them."""

from __future__ import annotations

import logging
from dataclasses import replace

from cerebros.stems import augmenting_layers, features_of
from cerebros.training._front import check_finite
from cerebros.training._task import TrainingContext

logger = logging.getLogger(__name__)


def behind_frozen_stems(context: TrainingContext) -> TrainingContext:
    """The context of trainings on what frozen stems make of the inputs.

    Stems that are trained, or that augment rows at random, stay as they are.

    Args:
        context: of the search; its stems are Keras models or None.

    Raises:
        StemError: if a stem gives numbers that are not finite.
    """
    if not context.stems:
        return context
    inputs, stems = list(context.data.inputs), list(context.stems)
    for i, stem in enumerate(context.stems):
        if stem is None or stem.trainable_weights:
            continue
        if layers := augmenting_layers(stem):
            logger.warning(
                "features of input %d are not computed in advance, since %s of its "
                "stem change rows at random: every trial runs the stem in every epoch",
                i,
                ", ".join(layers),
            )
            continue
        inputs[i], stems[i] = features_of(stem, inputs[i]), None
        check_finite(inputs[i], i, stem.name)
    if stems == list(context.stems):
        return context
    is_left = any(stem is not None for stem in stems)
    # Names of columns were those of what went into the stems.
    data = replace(context.data, inputs=tuple(inputs), columns=())
    return replace(context, data=data, stems=stems if is_left else None)
