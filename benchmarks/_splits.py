"""Data sets with fixed splits, shared by benchmarks of accuracy.

Those of ../shared/data, or, where that is absent, the ones bundled with scikit-learn
with five random splits of their own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

SHARED = Path(__file__).parents[2] / "shared"
BUNDLED = ("diabetes", "breast_cancer", "iris", "wine")
_IMAGES_AND_TEXTS = ("cifar10-mini", "sms-spam-text")


@dataclass(frozen=True, eq=False)
class Split:
    """A table, rows to learn from and rows to judge by.

    Attributes:
        name: of the set; `ames-log` is Ames with the logarithm of the price.
        number: of the split.
        table: all rows, without the target.
        target: of all rows; class numbers for a classification.
        train: numbers of rows.
        test: numbers of rows.
        is_classification: whether classes are told apart.
    """

    name: str
    number: int
    table: pd.DataFrame
    target: npt.NDArray[Any]
    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]
    is_classification: bool


def names() -> list[str]:
    """All sets."""
    folder = SHARED / "data"
    if not folder.exists():
        return list(BUNDLED)
    found = [path.parent.name for path in sorted(folder.glob("*/meta.json"))]
    return [*(name for name in found if name not in _IMAGES_AND_TEXTS), "ames-log"]


def n_splits(name: str) -> int:
    """How many splits a set has."""
    if not (SHARED / "data").exists():
        return 5
    return int(_meta(name)["n_splits"])


def load(name: str, number: int) -> Split:
    """A set with one of its splits."""
    if not (SHARED / "data").exists():
        return _bundled(name, number)
    meta = _meta(name)
    folder = _folder(name)
    frame = pd.read_csv(folder / "data.csv", keep_default_na=False, na_values=[""])
    splits = np.load(folder / "splits.npz")
    target = frame[meta["target"]]
    left_out = {*meta["drop"], meta["target"]}
    table = frame[[column for column in frame if column not in left_out]].copy()
    for column in table:
        is_text = column in meta["categorical"]
        table[column] = table[column].astype(object if is_text else float)
        if is_text:
            # Numbers that are categories: text, as the other files of bench read them.
            table[column] = table[column].map(
                lambda v: v if isinstance(v, str) or v != v else str(v)
            )
    is_classification = meta["task"] != "regression"
    values = (
        np.unique(target.astype(str).to_numpy(), return_inverse=True)[1]
        if is_classification
        else target.to_numpy(float)
    )
    if name == "ames-log":
        values = np.log(values)
    return Split(
        name,
        number,
        table,
        values,
        splits[f"train_{number}"].astype(int),
        splits[f"test_{number}"].astype(int),
        is_classification,
    )


def _folder(name: str) -> Path:
    return SHARED / "data" / ("ames" if name == "ames-log" else name)


def _meta(name: str) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads((_folder(name) / "meta.json").read_text())
    return meta


def _bundled(name: str, number: int) -> Split:
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")(as_frame=True)
    rows = np.random.default_rng(number).permutation(len(data.target))
    n_test = len(rows) // 5
    return Split(
        name,
        number,
        data.data,
        data.target.to_numpy(),
        rows[n_test:],
        rows[:n_test],
        name != "diabetes",
    )
