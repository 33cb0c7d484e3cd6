from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

FEATURES = np.random.default_rng(0).normal(size=(60, 3))
TARGET = 1000 + 200 * FEATURES[:, 0] + np.sin(FEATURES[:, 1])


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, Any]:
    """A whole old script's arguments, small enough to train in seconds."""
    from cerebros.units.units import DenseUnit

    return {
        "unit_type": DenseUnit,
        "input_shapes": [3],
        "output_shapes": [1],
        "training_data": [FEATURES],
        "labels": [TARGET],
        "validation_split": 0.35,
        "direction": "minimize",
        "metric_to_rank_by": "val_root_mean_squared_error",
        "minimum_levels": 2,
        "maximum_levels": 3,
        "minimum_units_per_level": 1,
        "maximum_units_per_level": 2,
        "minimum_neurons_per_unit": 1,
        "maximum_neurons_per_unit": 3,
        "number_of_architecture_moities_to_try": 2,
        "epochs": 2,
        "batch_size": 13,
        "project_name": str(tmp_path / "project"),
    }
