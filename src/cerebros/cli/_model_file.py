"""A model file as the commands see it; it needs neither JAX, Keras nor scikit-learn."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cerebros.cli._output import note
from cerebros.estimators import read_predictor
from cerebros.jobs import TableFile

if TYPE_CHECKING:
    from cerebros.estimators import Predictor
    from cerebros.estimators.guards import Finding

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
        frame = table.frame()
        known = {*self.predictor.encoding.names, *self.targets}
        if others := [name for name in frame.columns if name not in known]:
            shown = ", ".join(others[:10]) + (", …" if len(others) > 10 else "")
            note(f"ignored columns: {shown}")
        return frame

    def drift(self, frame: pd.DataFrame) -> list[Finding]:
        """In what rows differ from those of the training."""
        return self.predictor.drift(frame)


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
