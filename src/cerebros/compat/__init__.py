"""The original classes: they translate their arguments and delegate.

The original import paths (`cerebros.units.units` and so on) re-export from here.
"""

from cerebros.compat._connectivity import (
    DenseAutoMlStructuralComponent as DenseAutoMlStructuralComponent,
)
from cerebros.compat._connectivity import (
    DenseLateralConnectivity as DenseLateralConnectivity,
)
from cerebros.compat._functions import simple_sigmoid as simple_sigmoid
from cerebros.compat._functions import zero_7_exp_decay as zero_7_exp_decay
from cerebros.compat._functions import zero_95_exp_decay as zero_95_exp_decay
from cerebros.compat._network_future import NeuralNetworkFuture as NeuralNetworkFuture
from cerebros.compat._random_search import (
    SimpleCerebrosRandomSearch as SimpleCerebrosRandomSearch,
)
from cerebros.compat._residual_mlp import ResidualMLP as ResidualMLP
from cerebros.compat._units import DenseUnit as DenseUnit
from cerebros.compat._units import FinalDenseUnit as FinalDenseUnit
from cerebros.compat._units import InputUnit as InputUnit
from cerebros.compat._units import Unit as Unit
