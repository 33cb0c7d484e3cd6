"""A few networks that stand for many that are too slow to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from _measurement import Measurement, TrainedNetwork

from cerebros.training import TrainingTask


def spread_sample(tasks: Sequence[TrainingTask], n: int) -> list[TrainingTask]:
    """Some tasks, evenly spread over the order by number of units."""
    ordered = sorted(tasks, key=lambda task: (len(task.plan.units), task.number))
    n = min(n, len(ordered))
    return [ordered[int((i + 0.5) * len(ordered) / n)] for i in range(n)]


def scaled(sample: Measurement, tasks: Sequence[TrainingTask]) -> Measurement:
    """What training all tasks one by one would take, judged from a sample.

    Seconds of a network are read from a straight line through the sample, by number
    of units; imports and preparation count once, memory is that of the sample.
    """
    n_units = [len(task.plan.units) for task in tasks]
    own = sum(_on_line(sample.networks, "seconds", n_units))
    return replace(
        sample,
        seconds=sample.import_seconds + sample.preparation_seconds + own,
        compile_seconds=sum(_on_line(sample.networks, "compile_seconds", n_units)),
    )


def _on_line(
    networks: Sequence[TrainedNetwork], name: str, n_units: Sequence[int]
) -> list[float]:
    x = np.array([network.n_units for network in networks], float)
    y = np.array([getattr(network, name) for network in networks])
    degree = min(1, len(np.unique(x)) - 1)
    values = np.polyval(np.polyfit(x, y, degree), n_units)
    return [float(value) for value in np.maximum(values, 0)]
