"""The errors of this project; every message says where, which rule, and the way out."""

from __future__ import annotations


class CerebrosError(Exception):
    """Any error that this project raises on purpose."""


class PlanError(CerebrosError, ValueError):
    """A plan breaks a rule that every network must keep, or a plan file is damaged."""


class LoweringError(CerebrosError, NotImplementedError):
    """A plan, or its weights, cannot be turned into something that runs."""


class DataError(CerebrosError, ValueError):
    """The rows, columns or labels cannot be trained on; all problems are listed."""


class StoreError(CerebrosError):
    """A search folder cannot be read or written, or belongs to something else."""


class JobError(CerebrosError, ValueError):
    """A job file is no job that can be run; all problems are listed."""


class SearchError(CerebrosError):
    """A search has no result, because every trial failed."""


class StemError(CerebrosError, ValueError):
    """A stem cannot be made, or does not fit the rows that go into it."""


class ForkError(CerebrosError, RuntimeError):
    """A process that was forked from one that used JAX cannot use it itself."""
