"""An import path of the original package; see `cerebros.compat`."""

from cerebros.compat import NeuralNetworkFuture as NeuralNetworkFuture
