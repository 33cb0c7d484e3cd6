"""The tables that networks are trained on: Ames house prices, or a made-up stand-in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # what is measured reads arrays, and does not pay for pandas
    import pandas as pd

AMES_FILE = Path(__file__).parents[2] / "shared/data/ames/data.csv"
SYNTHETIC_ROWS = 2930
SYNTHETIC_NUMBERS = 38
SYNTHETIC_CATEGORIES = (2, 3, 4, 5, 6, 7, 8, 10, 16, 28) * 3
VALIDATION = 0.35
"""The last rows, unshuffled, as in the original's example."""


@dataclass(frozen=True, eq=False)
class Table:
    """Inputs and one target, as numbers.

    Attributes:
        x: `(row, feature)`.
        y: `(row, 1)`.
        source: where they are from, in words.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    source: str

    def save(self, file: Path) -> None:
        np.savez(file, x=self.x, y=self.y, source=self.source)

    @classmethod
    def load(cls, file: Path) -> Table:
        with np.load(file) as arrays:
            return cls(arrays["x"], arrays["y"], str(arrays["source"]))

    def __str__(self) -> str:
        n_rows, n_features = self.x.shape
        return f"{n_rows:,} rows x {n_features} columns, {self.source}"


def numeric_table() -> Table:
    """The numeric columns, missing ones as 0, and the price in dollars."""
    if not AMES_FILE.exists():
        return _synthetic_table()
    inputs, price = _ames()
    x = inputs.select_dtypes("number").fillna(0)
    return _table(x, price, "numeric columns of Ames")


def one_hot_table() -> Table:
    """The same and every category as a column, and the price standardized."""
    import pandas as pd

    if not AMES_FILE.exists():
        table = _synthetic_table()
        x = pd.concat([pd.DataFrame(table.x), _synthetic_categories()], axis=1)
        price, source = table.y[:, 0], f"{table.source}, with one-hot categories"
    else:
        inputs, price = _ames()
        numbers = inputs.select_dtypes("number").fillna(0)
        categories = inputs.select_dtypes(exclude="number").fillna("none")
        x = pd.concat([numbers, pd.get_dummies(categories)], axis=1)
        source = "all columns of Ames, categories one-hot"
    n_train = int(len(price) * (1 - VALIDATION))
    train = price[:n_train]
    return _table(x, (price - train.mean()) / train.std(), source)


def _ames() -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    import pandas as pd

    frame = pd.read_csv(AMES_FILE, keep_default_na=False, na_values=[""])
    price = frame["price"].to_numpy(np.float64)
    return frame.drop(columns=["price", "Order", "PID"]), price


def _synthetic_table() -> Table:
    import pandas as pd

    rng = np.random.default_rng(20111)
    x = rng.lognormal(1, 1, (SYNTHETIC_ROWS, SYNTHETIC_NUMBERS))
    hidden = np.tanh(np.log(x) @ rng.normal(size=(SYNTHETIC_NUMBERS, 8)) / 6)
    price = 180_000 + 40_000 * hidden @ rng.normal(size=8)
    price += 15_000 * rng.normal(size=SYNTHETIC_ROWS)
    return _table(pd.DataFrame(x), price, "synthetic, because ../shared is not there")


def _synthetic_categories() -> pd.DataFrame:
    import pandas as pd

    rng = np.random.default_rng(20112)
    columns = {
        f"category_{i}": rng.integers(n, size=SYNTHETIC_ROWS).astype(str)
        for i, n in enumerate(SYNTHETIC_CATEGORIES)
    }
    return pd.get_dummies(pd.DataFrame(columns))


def _table(x: pd.DataFrame, y: npt.NDArray[np.float64], source: str) -> Table:
    return Table(x.to_numpy(np.float32), y[:, None].astype(np.float32), source)
