"""Training a population: many tasks, few programs, all cores."""

from __future__ import annotations

import logging
import math
import os
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cerebros.errors import SearchError
from cerebros.lowering.population import rounded_up
from cerebros.programs import check_not_forked, each_in_own_settings, in_own_settings
from cerebros.training._checkpoints import Checkpoints
from cerebros.training._outcome import Outcome, Status
from cerebros.training._split import Split
from cerebros.training._task import TrainingContext, TrainingTask
from cerebros.training.population._grouping import Group, groups_of
from cerebros.training.population._head import head_of
from cerebros.training.population._optimizers import optimizer_of
from cerebros.training.population._report import PopulationReport, words_of
from cerebros.training.population._run import ChunkRun, EpochReport
from cerebros.training.population._segment import Data, Rates, Recipe

logger = logging.getLogger(__name__)

_VALID_COLUMNS = 256  # rows of validation that are computed at once, at most
_SEGMENT_EPOCHS = 64


@each_in_own_settings
def train_population(
    tasks: Sequence[TrainingTask],
    context: TrainingContext,
    *,
    wanted: Collection[int],
    deadline: float | None,
    report: EpochReport,
    checkpoints: Checkpoints,
    on_report: Callable[[PopulationReport], None] | None = None,
) -> Iterator[list[tuple[TrainingTask, Outcome]]]:
    """Train many different networks, and hand them over chunk by chunk.

    What comes of a task depends on the tasks and the context, not on `wanted`, the
    number of cores, the time, or interruptions.

    Args:
        tasks: of a whole population; with the context they decide which networks are
            trained together, and what is compiled.
        context: data, split, settings, objective.
        wanted: numbers of the tasks that are to be trained now.
        deadline: `time.monotonic()` at which training stops; tasks that are not done
            are interrupted, tasks not begun are left out.
        report: called after every segment for every epoch and wanted task.
        checkpoints: where states are kept between segments.
        on_report: called at the end with figures of the whole.

    Raises:
        SearchError: if JAX has no device to compute on.
    """
    check_not_forked("training")
    _local_devices()
    numbers = frozenset(wanted)
    figures = PopulationReport()
    runs = [
        run
        for group in groups_of(tasks, batch_columns=_batch_columns(context))
        for run in _runs(group, context, numbers, report, checkpoints, figures)
    ]
    yield from _side_by_side(runs, deadline)
    logger.info("%s", figures)
    if on_report is not None:
        on_report(figures)


def _batch_columns(context: TrainingContext) -> int:
    return rounded_up(context.settings.batch_rows(len(context.split.train)), 16)


def _runs(
    group: Group,
    context: TrainingContext,
    wanted: frozenset[int],
    report: EpochReport,
    checkpoints: Checkpoints,
    figures: PopulationReport,
) -> list[ChunkRun]:
    """The chunks of a group that hold a wanted task."""
    tasks = group.chunks[0][1]
    split = tasks[0].split or context.split
    recipe = _recipe(group, context, split)
    data = _data(context, split)
    figures.layouts.append(words_of(group.layout))
    runs = []
    for chunk, tasks in group.chunks:
        if wanted.isdisjoint(task.number for task in tasks):
            continue
        runs.append(
            ChunkRun(
                chunk=chunk,
                tasks=tasks,
                recipe=recipe,
                data=data,
                rates=_rates(tasks, recipe),
                rows=split.train,
                wanted=wanted,
                report=report,
                checkpoints=checkpoints,
                figures=figures,
            )
        )
    # The largest first, so that no core ends up alone with it.
    return runs[::-1]


def _recipe(group: Group, context: TrainingContext, split: Split) -> Recipe:
    settings, objective = context.settings, context.objective
    chain = group.chunks[0][0].members[0].chain
    widths = [chain.stages[number].width for number in chain.outputs]
    rows = settings.batch_rows(len(context.split.train))
    rows = min(rows, len(split.train))
    return Recipe(
        layout=group.layout,
        head=head_of(context, list(zip(widths, chain.output_activations, strict=True))),
        optimizer=optimizer_of(settings),
        schedule=settings.schedule,
        metric=objective.metric,
        is_minimized=objective.direction == "minimize",
        patience=settings.patience,
        n_epochs=settings.epochs,
        n_batches=len(split.train) // rows,
        batch_rows=rows,
        batch_columns=rounded_up(rows, 16),
        segment_epochs=min(settings.epochs, _SEGMENT_EPOCHS),
        has_decay=_has_decay(group, context),
        statistics=settings.statistics(settings.epochs * (len(split.train) // rows)),
    )


def _has_decay(group: Group, context: TrainingContext) -> bool:
    usual = optimizer_of(context.settings).weight_decay
    own = [task.weight_decay for _, tasks in group.chunks for task in tasks]
    return any(usual if decay is None else decay for decay in own)


def _rates(tasks: Sequence[TrainingTask], recipe: Recipe) -> Rates:
    optimizer, members = recipe.optimizer, recipe.layout.n_members

    def of_all(own: list[float | None], usual: float) -> Any:
        values = np.full(members, usual, np.float32)
        for i, value in enumerate(own):
            values[i] = usual if value is None else value
        return jnp.asarray(values)

    return Rates(
        of_all([t.learning_rate for t in tasks], optimizer.learning_rate),
        of_all([t.weight_decay for t in tasks], optimizer.weight_decay or 0.0),
    )


def _data(context: TrainingContext, split: Split) -> Data:
    """Rows on the device; those that choose as batches of columns."""
    data = context.data
    n = data.n_rows
    flat = [x.reshape(n, -1).astype(np.float32) for x in data.inputs]
    inputs = np.concatenate(flat, axis=1)
    targets = [y.reshape(n, -1).astype(np.float32) for y in data.targets]
    rows = split.validation
    n_parts = math.ceil(len(rows) / _VALID_COLUMNS)
    columns = rounded_up(math.ceil(len(rows) / n_parts), 16)

    def in_parts(array: Any) -> Any:
        padded = np.zeros((n_parts * columns, *array.shape[1:]), np.float32)
        padded[: len(rows)] = array[rows]
        parts = padded.reshape(n_parts, columns, *array.shape[1:])
        return jnp.asarray(np.moveaxis(parts, 1, -1))

    weights = data.weights
    return Data(
        inputs=jnp.asarray(inputs),
        targets=tuple(jnp.asarray(y) for y in targets),
        weights=None if weights is None else jnp.asarray(weights),
        valid_inputs=in_parts(inputs),
        valid_targets=tuple(in_parts(y) for y in targets),
        valid_mask=in_parts(np.ones(n, np.float32)),
        valid_weights=None if weights is None else in_parts(weights),
    )


# --- Workers ------------------------------------------------------------------------


def _side_by_side(
    runs: Sequence[ChunkRun], deadline: float | None
) -> Iterator[list[tuple[TrainingTask, Outcome]]]:
    """Train chunks on all devices, and hand outcomes over as they come."""
    devices = worker_devices(len(runs))
    waiting: queue.SimpleQueue[ChunkRun] = queue.SimpleQueue()
    for run in runs:
        waiting.put(run)
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = threading.Event()

    def work(device: Any) -> None:
        try:
            while not stop.is_set():
                run = waiting.get_nowait()
                if finished := _outcomes(run, deadline, device, stop):
                    done.put((run, finished))
        except queue.Empty:
            pass
        except BaseException as error:
            done.put(error)
        finally:
            done.put(None)

    workers = [threading.Thread(target=work, args=(d,), daemon=True) for d in devices]
    for worker in workers:
        worker.start()
    try:
        n_left = len(workers)
        while n_left:
            item = done.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                n_left -= 1
            else:
                yield from _handed_over(*item)
    except GeneratorExit:
        raise
    except BaseException:
        # What was finished is not lost, whatever went wrong beside it.
        stop.set()
        for worker in workers:
            worker.join()
        while not done.empty():
            if isinstance(item := done.get(), tuple):
                yield from _handed_over(*item)
        raise
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def _handed_over(
    run: ChunkRun, finished: list[tuple[TrainingTask, Outcome]]
) -> Iterator[list[tuple[TrainingTask, Outcome]]]:
    """Hand outcomes over; when that returns they are stored, and need no checkpoint."""
    yield finished
    if all(outcome.status.is_final for _, outcome in finished):
        run.checkpoints.remove(run.key)


def worker_devices(n: int) -> list[Any]:
    """One device for each worker: accelerators, or the CPU as often as it has cores."""
    found = _local_devices()
    if found[0].platform == "cpu":
        n_cores = (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
        found = [found[i % len(found)] for i in range(n_cores)]
    return found[: max(1, n)]


def _local_devices() -> list[Any]:
    try:
        return list(jax.local_devices())
    except (RuntimeError, AssertionError) as error:  # it has either
        platforms = os.environ.get("JAX_PLATFORMS", "")
        raise SearchError(
            f"JAX has no device to compute on: JAX_PLATFORMS is {platforms!r}, and "
            f"{str(error) or 'there is no such device'}; unset it, or set it to 'cpu'"
        ) from error


@in_own_settings
def _outcomes(
    run: ChunkRun, deadline: float | None, device: Any, stop: threading.Event
) -> list[tuple[TrainingTask, Outcome]]:
    """What came of a chunk; an error is the outcome of all of its members."""
    try:
        return run.outcomes(deadline, device=device, stop=stop)
    except Exception as error:
        text = str(error)
        is_memory = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in text
        status = Status.OUT_OF_MEMORY if is_memory else Status.FAILED
        logger.warning(
            "a chunk of %d networks: %s %r", len(run.tasks), status.value, error
        )
        message = f"{type(error).__name__}: {error}"
        return [
            (task, Outcome(status, error=message))
            for task in run.tasks
            if task.number in run.wanted
        ]
