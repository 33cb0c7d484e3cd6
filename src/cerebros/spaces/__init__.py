"""Where plans come from: frozen settings and a random generator."""

from cerebros.spaces._decay import Decay as Decay
from cerebros.spaces._decay import ExponentialDecay as ExponentialDecay
from cerebros.spaces._decay import TabulatedDecay as TabulatedDecay
from cerebros.spaces._lateral import LateralWiring as LateralWiring
from cerebros.spaces._random_residual_mlp import RandomResidualMLP as RandomResidualMLP
from cerebros.spaces._random_residual_mlp import (
    ResidualArchitecture as ResidualArchitecture,
)
from cerebros.spaces._random_wiring import RandomWiring as RandomWiring
from cerebros.spaces._residual_grid import ResidualGrid as ResidualGrid
from cerebros.spaces._residual_grid import ScreenedOut as ScreenedOut
from cerebros.spaces._residual_grid import residual_grid as residual_grid
from cerebros.spaces._residual_mlp import ResidualBlock as ResidualBlock
from cerebros.spaces._residual_mlp import ResidualMLP as ResidualMLP
from cerebros.spaces._skeleton import Skeleton as Skeleton
from cerebros.spaces._space import Draw as Draw
from cerebros.spaces._space import Output as Output
from cerebros.spaces._space import Ports as Ports
from cerebros.spaces._space import Repair as Repair
from cerebros.spaces._space import Space as Space
from cerebros.spaces._vertical import Rounding as Rounding
from cerebros.spaces._vertical import VerticalWiring as VerticalWiring
from cerebros.spaces._wide_wiring import WideMLP as WideMLP
from cerebros.spaces._wide_wiring import WideWiring as WideWiring
