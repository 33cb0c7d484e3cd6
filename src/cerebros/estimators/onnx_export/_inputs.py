"""Raw rows as the inputs of an ONNX file."""

from __future__ import annotations

from typing import Any

import numpy as np

from cerebros.estimators._predictor import Predictor
from cerebros.estimators.table import DateEncoder, NumberEncoder, as_days


def onnx_inputs(predictor: Predictor, table: Any) -> dict[str, Any]:
    """Rows as the file of a predictor reads them, `(row, 1)` for each column.

    Args:
        predictor: of which the file was written.
        table: raw rows; see `Predictor.columns`.

    Raises:
        DataError: if the rows are not like those of training.
    """
    columns, inputs = predictor.columns(table), {}
    for name, encoder in predictor.encoding.encoders.items():
        values = columns[name]
        if isinstance(encoder, DateEncoder):
            values = as_days(values)
        elif not isinstance(encoder, NumberEncoder):
            values = np.array(["" if v is None else v for v in values], object)
        inputs[name] = values[:, None]
    return inputs
