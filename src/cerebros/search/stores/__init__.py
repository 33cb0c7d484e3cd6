"""Where trials are remembered."""

from cerebros.search.stores._files import WeightFiles as WeightFiles
from cerebros.search.stores._files import write_file as write_file
from cerebros.search.stores._memory import MemoryStore as MemoryStore
from cerebros.search.stores._retention import Keep as Keep
from cerebros.search.stores._retention import check_keep as check_keep
from cerebros.search.stores._sql import DATABASE as DATABASE
from cerebros.search.stores._sql import SCHEMA_VERSION as SCHEMA_VERSION
from cerebros.search.stores._sql import SqlStore as SqlStore
from cerebros.search.stores._sql import search_names as search_names
