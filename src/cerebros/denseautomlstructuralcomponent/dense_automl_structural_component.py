"""An import path of the original package; see `cerebros.compat`."""

from cerebros.compat import (
    DenseAutoMlStructuralComponent as DenseAutoMlStructuralComponent,
)
from cerebros.compat import DenseLateralConnectivity as DenseLateralConnectivity
from cerebros.compat import simple_sigmoid as simple_sigmoid
from cerebros.compat import zero_7_exp_decay as zero_7_exp_decay
from cerebros.compat import zero_95_exp_decay as zero_95_exp_decay
