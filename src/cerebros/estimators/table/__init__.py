"""From a table to arrays, and nothing but NumPy once that is learned."""

from cerebros.estimators.table._categories import CategoryEncoder as CategoryEncoder
from cerebros.estimators.table._columns import Columns as Columns
from cerebros.estimators.table._columns import columns_of as columns_of
from cerebros.estimators.table._columns import rows_of as rows_of
from cerebros.estimators.table._dates import DateEncoder as DateEncoder
from cerebros.estimators.table._dates import as_days as as_days
from cerebros.estimators.table._encoding import EncodingSettings as EncodingSettings
from cerebros.estimators.table._encoding import TableEncoding as TableEncoding
from cerebros.estimators.table._encoding import (
    encoding_from_state as encoding_from_state,
)
from cerebros.estimators.table._encoding import fit_encoding as fit_encoding
from cerebros.estimators.table._numbers import NumberEncoder as NumberEncoder
from cerebros.estimators.table._texts import TextEncoder as TextEncoder
