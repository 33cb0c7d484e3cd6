"""Names of models, and pictures as files, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from cerebros.cli._standings import best_epoch_text, score_text
from cerebros.errors import StoreError
from cerebros.report import write_picture
from cerebros.search import Trial

_MODEL_SUFFIX = ".keras"


def check_model_path(path: Path) -> None:
    """Make sure that Keras takes the name for a model's.

    Raises:
        ValueError: if it ends otherwise than in `.keras`.
    """
    if path.suffix != _MODEL_SUFFIX:
        raise ValueError(
            f"the name of a model file ends in {_MODEL_SUFFIX}, but it is {path.name!r}"
        )


def draw_trial(trial: Trial, path: Path, *, metric: str, rank: str = "") -> Path:
    """Draw the network of a trial; a file of that name is replaced.

    Raises:
        ValueError: if the name ends neither in `.html` nor in `.svg`.
        StoreError: if it cannot be written.
    """
    facts = {
        metric: score_text(trial),
        "rank": rank,
        "best in epoch": best_epoch_text(trial),
    }
    notes = {name: fact for name, fact in facts.items() if fact}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_picture(
            path, trial.plan, title=f"Trial {trial.number}", notes=notes
        )
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"{path} cannot be written ({reason})") from error
