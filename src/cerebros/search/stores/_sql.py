"""A store in a database: SQLite in a folder, or any that SQLAlchemy reaches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sql
from filelock import FileLock, Timeout
from sqlalchemy import exc

from cerebros.errors import StoreError
from cerebros.lowering import Weights
from cerebros.plan import plan_from_json, plan_to_json
from cerebros.search._definition import to_json
from cerebros.search._trial import Standing, Trial
from cerebros.search.stores._checkpoints import FileCheckpoints
from cerebros.search.stores._database import database_problem, open_database, storable
from cerebros.search.stores._files import WeightFiles
from cerebros.search.stores._memory import check_replaceable, check_same_search
from cerebros.search.stores._retention import (
    Keep,
    check_keep,
    kept_numbers,
    weights_not_kept,
)
from cerebros.training import Objective, Status

SCHEMA_VERSION = 1
DATABASE = "search.sqlite"
_LEAST_FREE_BYTES = 20 * 2**20

_metadata = sql.MetaData()
_searches = sql.Table(
    "cerebros_searches",
    _metadata,
    sql.Column("name", sql.String(200), primary_key=True),
    sql.Column("schema_version", sql.Integer, nullable=False),
    sql.Column("definition", sql.Text, nullable=False),
    sql.Column("begun_at", sql.String(32), nullable=False),
)
_trials = sql.Table(
    "cerebros_trials",
    _metadata,
    sql.Column("search", sql.String(200), primary_key=True),
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("plan", sql.Text, nullable=False),
    sql.Column("status", sql.String(40), nullable=False),
    sql.Column("score", sql.Float(53)),
    sql.Column("best_epoch", sql.Integer),
    sql.Column("history", sql.Text, nullable=False),
    sql.Column("repairs", sql.Text, nullable=False),
    sql.Column("error", sql.Text),
    sql.Column("seconds", sql.Float(53), nullable=False),
    sql.Column("weights_file", sql.String(200)),
    sql.Column("finished_at", sql.String(32), nullable=False),
)


class SqlStore:
    """Keeps a search in a database, and the best weights as files.

    Args:
        url: address of the database, as SQLAlchemy writes it.
        folder: where the weights go; a local path or an address for fsspec.
        objective: decides which trials are the best.
        keep: how many of the best keep their weights, or `"all"`.
        checkpoints: where trainings keep their state meanwhile, the same; by default
            beside the folder of the weights.
        name: tells several searches in one database apart.
        lock: a file that reserves the search for one process; None for no lock.
    """

    def __init__(
        self,
        url: str | sql.URL,
        folder: str,
        objective: Objective,
        *,
        keep: Keep = 10,
        checkpoints: str | None = None,
        name: str = "search",
        lock: Path | None = None,
    ) -> None:
        check_keep(keep)
        self._objective, self._keep, self._name = objective, keep, name
        self._files = WeightFiles(folder)
        self._checkpoints = FileCheckpoints(
            f"{folder}_checkpoints" if checkpoints is None else checkpoints
        )
        self._lock = lock
        self._engine = open_database(url)

    @classmethod
    def in_folder(
        cls,
        folder: str | Path,
        objective: Objective,
        *,
        keep: Keep = 10,
        name: str = "search",
    ) -> SqlStore:
        """A search in a folder: `search.sqlite`, and its weights in `weights/`.

        While networks are in training, their state is in `checkpoints/`.
        """
        path = Path(folder)
        below = "" if name == "search" else name
        return cls(
            sql.URL.create("sqlite", database=str(path / DATABASE)),
            str(path / "weights" / below),
            objective,
            keep=keep,
            checkpoints=str(path / "checkpoints" / below),
            name=name,
            lock=path / f".lock_{name}",
        )

    @contextmanager
    def begin(self, definition: Mapping[str, Any]) -> Iterator[None]:
        with self._reserved():
            with self._transaction() as connection:
                _metadata.create_all(connection)
                stored = self._stored_definition(connection)
                if stored is None:
                    connection.execute(
                        _searches.insert().values(
                            name=self._name,
                            schema_version=SCHEMA_VERSION,
                            definition=to_json(definition),
                            begun_at=_now(),
                        )
                    )
                else:
                    ours = json.loads(to_json(definition))
                    check_same_search(ours, stored, self._where)
            self._tidy()
            yield

    def definition(self) -> dict[str, Any]:
        with self._reading() as connection:
            stored = None
            if sql.inspect(connection).has_table(_searches.name):
                stored = self._stored_definition(connection)
        if stored is None:
            raise StoreError(f"{self._where} holds no search")
        return stored

    def trials(self) -> list[Trial]:
        with self._reading() as connection:
            return self._read_trials(connection)

    def append(self, trial: Trial, weights: Weights | None) -> None:
        self.append_many([(trial, weights)])

    def append_many(self, finished: Sequence[tuple[Trial, Weights | None]]) -> None:
        try:
            with self._transaction() as connection:
                names = self._append(connection, finished)
        except StoreError:
            with suppress(StoreError):  # files of weights whose trials have no row
                self._tidy()
            raise
        # Only after the transaction: a file is removed when no row needs it.
        self._files.keep_only(names)

    def _append(
        self,
        connection: sql.Connection,
        finished: Sequence[tuple[Trial, Weights | None]],
    ) -> list[str]:
        """Add rows, their weights first; names of all files that rows need then."""
        before = self._read_standings(connection)
        check_replaceable([trial for trial, _ in finished], before)
        now = before | {trial.number: trial for trial, _ in finished}
        kept = kept_numbers(now.values(), self._objective, self._keep)
        rows = [
            self._row(
                trial,
                self._files.write(trial.number, weights)
                if weights is not None and trial.number in kept
                else None,
            )
            for trial, weights in finished
        ]
        if replaced := [t.number for t, _ in finished if t.number in before]:
            ours = self._is_ours & _trials.c.number.in_(replaced)
            interrupted = _trials.c.status == Status.INTERRUPTED.name
            connection.execute(_trials.delete().where(ours & interrupted))
        if rows:
            connection.execute(_trials.insert(), rows)
        held = self._read_files(connection)
        if dropped := held.keys() - kept:
            ours = self._is_ours & _trials.c.number.in_(dropped)
            connection.execute(_trials.update().where(ours).values(weights_file=None))
        return [name for number, name in held.items() if number in kept]

    def _tidy(self) -> None:
        """Remove files of weights that no row needs."""
        with self._transaction() as connection:
            names = self._read_files(connection).values()
        self._files.keep_only(names)

    def checkpoints(self) -> FileCheckpoints:
        return self._checkpoints

    def weights(self, number: int) -> Weights:
        ours = self._is_ours & (_trials.c.number == number)
        with self._reading() as connection:
            name = connection.scalar(sql.select(_trials.c.weights_file).where(ours))
        if name is None:
            raise weights_not_kept(number, self._keep)
        return self._files.read(name)

    @property
    def _where(self) -> str:
        database = self._engine.url.database or self._engine.url.render_as_string()
        return f"the store {database}"

    @property
    def _is_ours(self) -> sql.ColumnElement[bool]:
        return _trials.c.search == self._name

    @contextmanager
    def _reserved(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        _prepare_folder(self._lock.parent)
        lock = FileLock(self._lock, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"another process is searching in {self._lock.parent}; wait for it or "
                "use another folder"
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _reading(self) -> Iterator[sql.Connection]:
        """A transaction that does not make a database where there is none."""
        url = self._engine.url
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            raise StoreError(f"{self._where} holds no search: there is no such file")
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except exc.DBAPIError as error:
            raise StoreError(database_problem(self._where, error)) from error
        except UnicodeDecodeError as error:  # in what SQLite tells of the damage
            raise StoreError(
                f"{self._where} is damaged ({error}); restore it from a copy"
            ) from error

    def _stored_definition(self, connection: sql.Connection) -> dict[str, Any] | None:
        ours = _searches.c.name == self._name
        version = connection.scalar(sql.select(_searches.c.schema_version).where(ours))
        if version is None:
            return None
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self._where} was written by a newer release (schema version "
                f"{version}, this one knows {SCHEMA_VERSION}); upgrade cerebros to "
                "open it"
            )
        definition = connection.scalar(sql.select(_searches.c.definition).where(ours))
        with self._undamaged("the definition of the search"):
            return dict(json.loads(definition or ""))

    def _read_trials(self, connection: sql.Connection) -> list[Trial]:
        rows = connection.execute(
            sql.select(_trials).where(self._is_ours).order_by(_trials.c.number)
        )
        return [self._trial_of(row) for row in rows]

    def _trial_of(self, row: Any) -> Trial:
        with self._undamaged(f"trial {row.number}"):
            return Trial(
                number=row.number,
                plan=plan_from_json(row.plan),
                status=Status[row.status],
                score=row.score,
                best_epoch=row.best_epoch,
                history={k: tuple(v) for k, v in json.loads(row.history).items()},
                repairs=tuple(json.loads(row.repairs)),
                error=row.error,
                seconds=row.seconds,
            )

    @contextmanager
    def _undamaged(self, what: str) -> Iterator[None]:
        """Around what reads text of the database that may be damaged."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{self._where} is damaged: {what} cannot be read "
                f"({type(error).__name__}: {error}); restore it from a copy"
            ) from error

    def _read_standings(self, connection: sql.Connection) -> dict[int, Standing]:
        """What ranks the stored trials, without their plans and histories."""
        columns = (_trials.c.number, _trials.c.status, _trials.c.score)
        rows = connection.execute(sql.select(*columns).where(self._is_ours)).all()
        with self._undamaged("the status of a trial"):
            return {
                number: _Standing(number, Status[status], score)
                for number, status, score in rows
            }

    def _read_files(self, connection: sql.Connection) -> dict[int, str]:
        """Numbers of the trials that keep their weights, and names of the files."""
        columns = (_trials.c.number, _trials.c.weights_file)
        has_file = _trials.c.weights_file.is_not(None)
        rows = connection.execute(sql.select(*columns).where(self._is_ours & has_file))
        return {row.number: row.weights_file for row in rows}

    def _row(self, trial: Trial, weights_file: str | None) -> dict[str, Any]:
        return {
            "search": self._name,
            "number": trial.number,
            "plan": plan_to_json(trial.plan),
            "status": trial.status.name,
            "score": trial.score,
            "best_epoch": trial.best_epoch,
            "history": json.dumps(dict(trial.history)),
            "repairs": json.dumps(trial.repairs),
            "error": storable(trial.error),
            "seconds": trial.seconds,
            "weights_file": weights_file,
            "finished_at": _now(),
        }


def search_names(folder: str | Path) -> list[str]:
    """Names of the searches in the database of a folder, the last begun last.

    Raises:
        StoreError: if the database cannot be read.
    """
    store = SqlStore.in_folder(folder, Objective())
    with store._transaction() as connection:
        if not sql.inspect(connection).has_table(_searches.name):
            return []
        in_order = sql.select(_searches.c.name).order_by(_searches.c.begun_at)
        return list(connection.scalars(in_order))


class _Standing(NamedTuple):
    number: int
    status: Status
    score: float | None


def _prepare_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"the folder {folder} cannot be written to ({error.strerror or error}); "
            "choose another one"
        ) from error
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE_BYTES:
        raise StoreError(
            f"the folder {folder} has {free // 2**20} MiB left; make room for at least "
            f"{_LEAST_FREE_BYTES // 2**20} MiB, or choose another one"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
