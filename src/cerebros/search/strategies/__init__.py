"""Which plans to try next, from the trials so far."""

from cerebros.search.strategies._fixed import GivenPlans as GivenPlans
from cerebros.search.strategies._random import RandomSearch as RandomSearch
