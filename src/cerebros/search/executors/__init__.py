"""Where plans are trained."""

from cerebros.search.executors._keras import KerasExecutor as KerasExecutor
from cerebros.search.executors._population import (
    PopulationExecutor as PopulationExecutor,
)
