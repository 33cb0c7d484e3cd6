"""From a table to arrays, and nothing but NumPy once that is learned."""

from cerebros.estimators.table._categories import CategoryEncoder as CategoryEncoder
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
from cerebros.estimators.table._forms import as_array as as_array
from cerebros.estimators.table._forms import has_names as has_names
from cerebros.estimators.table._forms import raw_columns as raw_columns
from cerebros.estimators.table._forms import table_array as table_array
from cerebros.estimators.table._kinds import kinds_of as kinds_of
from cerebros.estimators.table._numbers import NumberEncoder as NumberEncoder
from cerebros.estimators.table._schema import Ambiguous as Ambiguous
from cerebros.estimators.table._schema import Columns as Columns
from cerebros.estimators.table._schema import ColumnSchema as ColumnSchema
from cerebros.estimators.table._schema import Doubt as Doubt
from cerebros.estimators.table._schema import Mixed as Mixed
from cerebros.estimators.table._schema import ReadTable as ReadTable
from cerebros.estimators.table._schema import TableSchema as TableSchema
from cerebros.estimators.table._schema import Unread as Unread
from cerebros.estimators.table._schema import infer_column as infer_column
from cerebros.estimators.table._schema import infer_schema as infer_schema
from cerebros.estimators.table._texts import TextEncoder as TextEncoder
from cerebros.estimators.table._values import MARKERS as MARKERS
