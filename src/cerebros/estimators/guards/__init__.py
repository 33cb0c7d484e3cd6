"""Guards: what is wrong with a table, said before anything is trained on it."""

from cerebros.estimators.guards._check import check_table as check_table
from cerebros.estimators.guards._drift import find_drift as find_drift
from cerebros.estimators.guards._finding import RULES as RULES
from cerebros.estimators.guards._finding import Finding as Finding
from cerebros.estimators.guards._finding import without_ignored as without_ignored
from cerebros.estimators.guards._ranges import CategoryRange as CategoryRange
from cerebros.estimators.guards._ranges import NumberRange as NumberRange
from cerebros.estimators.guards._ranges import TableRanges as TableRanges
from cerebros.estimators.guards._reading import doubt_findings as doubt_findings
from cerebros.estimators.guards._reading import unread_findings as unread_findings
