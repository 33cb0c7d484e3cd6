"""Stems: what turns raw rows into features before a network reads them.

A stem is a Keras model, a transformer of scikit-learn, or a function. What needs Keras
loads it when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cerebros.stems._features import features_of as features_of
from cerebros.stems._fingerprint import stem_fingerprint as stem_fingerprint
from cerebros.stems._functions import FunctionStem as FunctionStem
from cerebros.stems._functions import as_stem as as_stem
from cerebros.stems._functions import fitted as fitted
from cerebros.stems._functions import is_keras_model as is_keras_model
from cerebros.stems._functions import name_of as name_of
from cerebros.stems._rows import array_digest as array_digest
from cerebros.stems._rows import n_rows_of as n_rows_of
from cerebros.stems._rows import some_rows as some_rows

if TYPE_CHECKING:
    from cerebros.stems._check import check_stem as check_stem
    from cerebros.stems._keras_stem import check_one_output as check_one_output
    from cerebros.stems._keras_stem import in_front as in_front
    from cerebros.stems._keras_stem import keras_stem as keras_stem
    from cerebros.stems._keras_stem import one_input_shape as one_input_shape
    from cerebros.stems._layers import Thaw as Thaw
    from cerebros.stems._layers import arrays_of as arrays_of
    from cerebros.stems._layers import augmenting_layers as augmenting_layers
    from cerebros.stems._layers import copy_of as copy_of
    from cerebros.stems._layers import thawed as thawed
    from cerebros.stems._pretrained import pretrained_stem as pretrained_stem

_KERAS = {
    "arrays_of": "_layers",
    "augmenting_layers": "_layers",
    "check_one_output": "_keras_stem",
    "check_stem": "_check",
    "copy_of": "_layers",
    "in_front": "_keras_stem",
    "keras_stem": "_keras_stem",
    "one_input_shape": "_keras_stem",
    "pretrained_stem": "_pretrained",
    "Thaw": "_layers",
    "thawed": "_layers",
}


def __getattr__(name: str) -> Any:
    if name in _KERAS:
        return getattr(import_module(f"cerebros.stems.{_KERAS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
