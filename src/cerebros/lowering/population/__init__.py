"""Many differently wired networks as one program.

What computes needs JAX, and loads it when it is first used; the rest is NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cerebros.lowering.population._chain import Chain as Chain
from cerebros.lowering.population._chain import chain_of as chain_of
from cerebros.lowering.population._chunk import Chunk as Chunk
from cerebros.lowering.population._chunk import Member as Member
from cerebros.lowering.population._chunk import PackedWeights as PackedWeights
from cerebros.lowering.population._common_layout import common_layout as common_layout
from cerebros.lowering.population._common_layout import coupled_width as coupled_width
from cerebros.lowering.population._common_layout import has_copies as has_copies
from cerebros.lowering.population._common_layout import port_widths as port_widths
from cerebros.lowering.population._drops import keys_of as keys_of
from cerebros.lowering.population._drops import mixed as mixed
from cerebros.lowering.population._layout import Layout as Layout
from cerebros.lowering.population._layout import n_slabs_of as n_slabs_of
from cerebros.lowering.population._layout import rounded_up as rounded_up
from cerebros.lowering.population._packing import n_read as n_read
from cerebros.lowering.population._pairs import Pairs as Pairs
from cerebros.lowering.population._pairs import pairs_of as pairs_of
from cerebros.lowering.population._seating import Seating as Seating
from cerebros.lowering.population._seating import TileSize as TileSize
from cerebros.lowering.population._seating import n_rows_of as n_rows_of
from cerebros.lowering.population._seating import seat as seat
from cerebros.lowering.population._tables import Tables as Tables

if TYPE_CHECKING:
    from cerebros.lowering.population._dropping import kept as kept
    from cerebros.lowering.population._dropping import row_bits as row_bits
    from cerebros.lowering.population._functions import FUNCTIONS as FUNCTIONS
    from cerebros.lowering.population._kernels import Kernels as Kernels
    from cerebros.lowering.population._kernels import Parameters as Parameters
    from cerebros.lowering.population._kernels import (
        effective_kernels as effective_kernels,
    )
    from cerebros.lowering.population._kernels import new_kernels as new_kernels
    from cerebros.lowering.population._kernels import (
        parameter_gradients as parameter_gradients,
    )
    from cerebros.lowering.population._kernels import put as put
    from cerebros.lowering.population._kernels import slab_masks as slab_masks
    from cerebros.lowering.population._kernels import take as take
    from cerebros.lowering.population._program import Batch as Batch
    from cerebros.lowering.population._program import Buffers as Buffers
    from cerebros.lowering.population._program import RowMoments as RowMoments
    from cerebros.lowering.population._program import backward as backward
    from cerebros.lowering.population._program import forward as forward
    from cerebros.lowering.population._program import new_buffers as new_buffers
    from cerebros.lowering.population._program import new_moments as new_moments
    from cerebros.lowering.population._program import predict as predict

_JAX = {
    "Batch": "_program",
    "Buffers": "_program",
    "FUNCTIONS": "_functions",
    "Kernels": "_kernels",
    "Parameters": "_kernels",
    "RowMoments": "_program",
    "backward": "_program",
    "effective_kernels": "_kernels",
    "forward": "_program",
    "new_buffers": "_program",
    "new_kernels": "_kernels",
    "new_moments": "_program",
    "parameter_gradients": "_kernels",
    "slab_masks": "_kernels",
    "predict": "_program",
    "kept": "_dropping",
    "put": "_kernels",
    "row_bits": "_dropping",
    "take": "_kernels",
}


def __getattr__(name: str) -> Any:
    if name in _JAX:
        return getattr(import_module(f"{__name__}.{_JAX[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
