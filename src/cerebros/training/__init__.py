"""Data + plan + settings → outcome.

`train_with_keras`, `make_model` and `evaluate_model` load Keras when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cerebros.training._checkpoints import Checkpoints as Checkpoints
from cerebros.training._checkpoints import NoCheckpoints as NoCheckpoints
from cerebros.training._dataset import Dataset as Dataset
from cerebros.training._front import Front as Front
from cerebros.training._front import prepared as prepared
from cerebros.training._keras_object import KerasObject as KerasObject
from cerebros.training._keras_object import Named as Named
from cerebros.training._keras_object import display_name as display_name
from cerebros.training._keras_object import named as named
from cerebros.training._objective import Direction as Direction
from cerebros.training._objective import Objective as Objective
from cerebros.training._objective import guess_direction as guess_direction
from cerebros.training._outcome import Outcome as Outcome
from cerebros.training._outcome import Status as Status
from cerebros.training._problem import Problem as Problem
from cerebros.training._problem import Task as Task
from cerebros.training._rehearsal import rehearse as rehearse
from cerebros.training._rehearsal import smallest_plan as smallest_plan
from cerebros.training._row_order import epoch_batches as epoch_batches
from cerebros.training._running_statistics import KERAS_MOMENTUM as KERAS_MOMENTUM
from cerebros.training._schedule import SCHEDULES as SCHEDULES
from cerebros.training._schedule import schedule_factor as schedule_factor
from cerebros.training._settings import TrainingSettings as TrainingSettings
from cerebros.training._split import Rows as Rows
from cerebros.training._split import Split as Split
from cerebros.training._split import check_share as check_share
from cerebros.training._split import split_at_random as split_at_random
from cerebros.training._split import split_last_rows as split_last_rows
from cerebros.training._target_checks import check_targets as check_targets
from cerebros.training._target_leaks import find_target_copies as find_target_copies
from cerebros.training._task import TrainingContext as TrainingContext
from cerebros.training._task import TrainingTask as TrainingTask
from cerebros.training._whole_number import whole_number as whole_number

if TYPE_CHECKING:
    from cerebros.training._behind_stems import (
        behind_frozen_stems as behind_frozen_stems,
    )
    from cerebros.training._keras_model import compile_model as compile_model
    from cerebros.training._keras_model import evaluate_model as evaluate_model
    from cerebros.training._keras_model import make_model as make_model
    from cerebros.training._keras_trainer import train_with_keras as train_with_keras

_KERAS = {
    "behind_frozen_stems": "_behind_stems",
    "compile_model": "_keras_model",
    "evaluate_model": "_keras_model",
    "make_model": "_keras_model",
    "train_with_keras": "_keras_trainer",
}


def __getattr__(name: str) -> Any:
    if name in _KERAS:
        return getattr(import_module(f"cerebros.training.{_KERAS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
