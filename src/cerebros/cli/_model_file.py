"""A model file as the commands see it; it needs neither JAX, Keras nor scikit-learn."""

from __future__ import annotations

import warnings
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cerebros.cli._output import note
from cerebros.cli._target import typed
from cerebros.estimators import read_predictor
from cerebros.estimators.table import MARKERS, ColumnSchema
from cerebros.jobs import TableFile

if TYPE_CHECKING:
    from cerebros.cli._columns import Series
    from cerebros.estimators import Predictor
    from cerebros.estimators.guards import Finding
    from cerebros.estimators.table import ReadTable

SUFFIX = ".cerebros"
_UNNAMED = "prediction"


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What `cerebros fit` or an estimator's `save` has left.

    Attributes:
        path: of the file.
        predictor: its answers.
        extra: what was kept beside it.
    """

    path: Path
    predictor: Predictor
    extra: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> ModelFile:
        """Read a model file.

        Raises:
            DataError: if it is damaged, of a later version, or something else.
            FileNotFoundError: if it is not there.
        """
        predictor, extra = read_predictor(path)
        return cls(Path(path), predictor, extra)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the columns that it predicts; none if it was not told."""
        if self.predictor.target_names:
            return self.predictor.target_names
        name = self.extra.get("target")
        return () if name is None else (name,)

    @property
    def answers(self) -> tuple[str, ...]:
        """Names for its answers."""
        return self.targets or (_UNNAMED,)

    def rows(self, table: TableFile) -> pd.DataFrame:
        """The rows of a table; columns that are not read are named in a remark.

        Raises:
            DataError: if it is no table.
        """
        frame = table.cells(lambda name: self.has_markers(name, self.targets))
        known = {*self.predictor.encoding.names, *self.targets}
        if others := [name for name in frame.columns if name not in known]:
            shown = ", ".join(others[:10]) + (", …" if len(others) > 10 else "")
            note(f"ignored columns: {shown}")
        return frame

    def read(self, frame: pd.DataFrame) -> ReadTable:
        """Rows as training decided; what could not be read is told by `drift`.

        Raises:
            DataError: if they are not like those of training.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return self.predictor.read(frame)

    def drift(self, rows: ReadTable) -> list[Finding]:
        """In what rows differ from those of the training."""
        return self.predictor.drift(rows)

    def target_numbers(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Targets of a regression, read as training read its own.

        Raises:
            DataError: if they can be read in two ways, and the file says nothing of
                how training read them.
        """
        state = self.extra.get("reading")
        if state is None:
            return cells.apply(typed)
        return cells.apply(_as_read, reading=ColumnSchema.from_state(state))

    def has_markers(self, name: str, targets: Sequence[str]) -> bool:
        """Whether `NA` is missing in a target; of inputs the model itself says it."""
        classes = self.predictor.classes
        labels = set() if classes is None else set(map(str, classes.tolist()))
        return name in targets and labels.isdisjoint(MARKERS)


def _as_read(cells: Series, reading: ColumnSchema) -> Series:
    numbers, unread = reading.read(str(cells.name), cells)
    # What is no number is refused with an example of it.
    return cells if unread else pd.Series(numbers, cells.index, name=cells.name)


def is_model(path: str) -> bool:
    """Whether a path is that of a model file, and not of a search folder."""
    return Path(path).is_file() or path.endswith(SUFFIX)


def check_for_folder(arguments: Namespace, *options: str) -> None:
    """Make sure that options of model files are not given for a search folder.

    Raises:
        ValueError: if one is.
    """
    for option in options:
        if getattr(arguments, option):
            raise ValueError(
                f"--{option} is for model files, as cerebros fit writes them, but "
                f"{arguments.folder} is not one"
            )


def drift_text(finding: Finding) -> str:
    """A finding about new rows in one line."""
    return f"[{finding.rule}] column {finding.column!r}: {finding.evidence}"
