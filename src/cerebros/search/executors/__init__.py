"""Where plans are trained."""

from cerebros.search.executors._keras import KerasExecutor as KerasExecutor
