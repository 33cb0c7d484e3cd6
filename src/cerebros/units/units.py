"""An import path of the original package; see `cerebros.compat`."""

from cerebros.compat import DenseUnit as DenseUnit
from cerebros.compat import FinalDenseUnit as FinalDenseUnit
from cerebros.compat import InputUnit as InputUnit
from cerebros.compat import Unit as Unit
