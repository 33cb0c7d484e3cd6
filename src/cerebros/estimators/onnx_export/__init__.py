"""A predictor as an ONNX file that reads raw rows.

What a file holds, in this order: the preparation of columns (`_table`), all networks
of all folds (`_members`), and what becomes of their answers (`_answers`). Inside, the
rows are the fast axis: arrays are `(feature, row)`, so that columns are put together
without a transposition, and one product serves many networks.
"""

from cerebros.estimators.onnx_export._inputs import onnx_inputs as onnx_inputs
from cerebros.estimators.onnx_export._write import write_onnx as write_onnx
