"""The names by which the original told kinds of units apart."""

from __future__ import annotations


class Unit:
    """Any unit of a structural spec; the classes below say which kind."""


class InputUnit(Unit):
    """An input, in level `"0"` of a spec."""


class DenseUnit(Unit):
    """A hidden unit: merge, batch normalization, dense."""


class FinalDenseUnit(Unit):
    """An output unit, in the last level of a spec."""
