"""Networks of few wide levels as dense matrices with holes, many at once.

What is here needs NumPy only, apart from `forward`, which needs JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cerebros.lowering.levels._layout import LevelLayout as LevelLayout
from cerebros.lowering.levels._layout import activations_of as activations_of
from cerebros.lowering.levels._layout import common_level_layout as common_level_layout
from cerebros.lowering.levels._layout import ranks_of as ranks_of
from cerebros.lowering.levels._packing import Holes as Holes
from cerebros.lowering.levels._packing import Matrices as Matrices
from cerebros.lowering.levels._packing import holes_of as holes_of
from cerebros.lowering.levels._packing import pack_weights as pack_weights
from cerebros.lowering.levels._packing import unpack_weights as unpack_weights

if TYPE_CHECKING:
    from cerebros.lowering.levels._program import forward as forward


def __getattr__(name: str) -> Any:
    if name == "forward":
        return import_module("cerebros.lowering.levels._program").forward
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
