"""The search: strategies propose plans, executors train them, stores remember."""

from cerebros.search._definition import as_plain as as_plain
from cerebros.search._executor import Executor as Executor
from cerebros.search._loop import run_search as run_search
from cerebros.search._progress import Lines as Lines
from cerebros.search._progress import Progress as Progress
from cerebros.search._progress import Show as Show
from cerebros.search._progress import Silent as Silent
from cerebros.search._progress import duration as duration
from cerebros.search._progress import number_text as number_text
from cerebros.search._progress import progress_of as progress_of
from cerebros.search._result import SearchResult as SearchResult
from cerebros.search._search import open_store as open_store
from cerebros.search._search import search_networks as search_networks
from cerebros.search._store import Store as Store
from cerebros.search._strategy import Strategy as Strategy
from cerebros.search._trial import Trial as Trial
from cerebros.search._trial import best_trial as best_trial
from cerebros.search._trial import ranked as ranked
from cerebros.search.executors import KerasExecutor as KerasExecutor
from cerebros.search.stores import MemoryStore as MemoryStore
from cerebros.search.stores import SqlStore as SqlStore
from cerebros.search.strategies import GivenPlans as GivenPlans
from cerebros.search.strategies import RandomSearch as RandomSearch
