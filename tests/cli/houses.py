"""A small table of houses, and settings with which a search takes a second."""

import numpy as np
import pandas as pd

SETTINGS = (
    *("--levels", "2", "--units", "1", "--neurons", "2..3"),
    *("--epochs", "2", "--trials", "2"),
)


def small_table(n_rows=60):
    """Numbers, truth values, text, a constant, and three possible targets."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "age": rng.normal(size=n_rows),
            "new": rng.random(n_rows) > 0.5,
            "street": rng.choice(["Elm", "Oak"], n_rows),
            "planet": 3,
        }
    )
    frame["price"] = frame["size"] * 2 + frame["age"] + rng.normal(size=n_rows) * 0.1
    frame["kind"] = np.where(frame["size"] > 0, "big", "small")
    return frame
