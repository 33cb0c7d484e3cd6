"""`ResidualMLP` of the original package."""

from cerebros.compat import ResidualMLP as ResidualMLP

__all__ = ["ResidualMLP"]
