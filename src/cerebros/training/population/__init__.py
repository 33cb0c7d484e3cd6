"""Training many differently wired networks as one program.

`train_population` and `reason_not_lowerable` load JAX when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cerebros.training.population._grouping import GROUPING as GROUPING
    from cerebros.training.population._grouping import groups_of as groups_of
    from cerebros.training.population._head import head_of as head_of
    from cerebros.training.population._lowerable import (
        reason_not_lowerable as reason_not_lowerable,
    )
    from cerebros.training.population._optimizers import optimizer_of as optimizer_of
    from cerebros.training.population._report import (
        PopulationReport as PopulationReport,
    )
    from cerebros.training.population._trainer import (
        train_population as train_population,
    )
    from cerebros.training.population._trainer import (
        worker_devices as worker_devices,
    )

_HOMES = {
    "GROUPING": "_grouping",
    "PopulationReport": "_report",
    "groups_of": "_grouping",
    "head_of": "_head",
    "optimizer_of": "_optimizers",
    "reason_not_lowerable": "_lowerable",
    "train_population": "_trainer",
    "worker_devices": "_trainer",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
