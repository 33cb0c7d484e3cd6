import json

import numpy as np
import pytest

from cerebros.estimators.guards import check_table

NAMES = (
    "abalone",
    "ames",
    "concrete",
    "diabetes-pima",
    "diamonds-10k",
    "german-credit",
    "kin8nm",
    "mpg",
    "penguins",
    "phoneme",
    "protein",
    "segment",
    "soybean",
    "titanic",
    "wine-quality-red",
    "wine-quality-white",
    "yacht",
)


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_real_tables_have_no_findings(shared_data, name):
    import pandas as pd

    meta = json.loads((shared_data / name / "meta.json").read_text())
    file = shared_data / name / "data.csv"
    frame = pd.read_csv(file, keep_default_na=False, na_values=[""])
    frame = frame.drop(columns=meta["drop"])
    target = frame.pop(meta["target"])
    is_class = meta["task"] != "regression"
    columns = {
        column: _values(frame[column], column in meta["categorical"])
        for column in frame
    }
    y = pd.factorize(target)[0] if is_class else target.to_numpy(np.float64)
    assert check_table(columns, y, is_classification=is_class, n_folds=5) == []


def _values(column, is_category):
    is_text = is_category or column.dtype.kind not in "biuf"
    return column.astype(object if is_text else float).to_numpy()
