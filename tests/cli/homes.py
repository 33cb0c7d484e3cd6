"""A table of all kinds of columns, and settings with which a fit takes seconds."""

import numpy as np
import pandas as pd

FAST = ("--trials", "2", "--folds", "2", "--epochs", "4")


def homes(n_rows=120, seed=0):
    """Numbers with missing ones, categories, dates, codes, and two targets."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n_rows),
            "rooms": rng.integers(1, 6, n_rows),
            "street": rng.choice(["Elm", "Oak", "Ash"], n_rows),
            "sold": pd.date_range("2020-01-01", periods=n_rows).astype(str),
            "town": rng.choice([101, 205, 310], n_rows),
        }
    )
    frame["price"] = 2 * frame["size"] + frame["rooms"] + rng.normal(size=n_rows) / 10
    frame["kind"] = np.where(frame["price"] > 3, "big", "small")
    frame.loc[::9, "size"] = np.nan
    return frame
