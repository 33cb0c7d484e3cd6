"""How a plan runs: the reference in NumPy, and an ordinary Keras model.

`to_keras`, `read_weights`, `write_weights` and `normalizations` load Keras when they
are first used.
"""

from typing import TYPE_CHECKING, Any

from cerebros.lowering._folding import fold_copies as fold_copies
from cerebros.lowering._output_scale import OutputScale as OutputScale
from cerebros.lowering._reference import evaluate_reference as evaluate_reference
from cerebros.lowering._weights import Weights as Weights
from cerebros.lowering._weights import check_weights as check_weights
from cerebros.lowering._weights import initial_weights as initial_weights
from cerebros.lowering._weights import weight_shapes as weight_shapes

if TYPE_CHECKING:
    from cerebros.lowering._keras import normalizations as normalizations
    from cerebros.lowering._keras import read_weights as read_weights
    from cerebros.lowering._keras import to_keras as to_keras
    from cerebros.lowering._keras import write_weights as write_weights

_KERAS = {"normalizations", "read_weights", "to_keras", "write_weights"}


def __getattr__(name: str) -> Any:
    if name in _KERAS:
        from cerebros.lowering import _keras

        return getattr(_keras, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
