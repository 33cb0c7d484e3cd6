"""A store in a database: SQLite in a folder, or any that SQLAlchemy reaches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
        name: tells several searches in one database apart.
        lock: a file that reserves the search for one process; None for no lock.
    """

    def __init__(
        self,
        url: str,
        folder: str,
        objective: Objective,
        *,
        keep: Keep = 10,
        name: str = "search",
        lock: Path | None = None,
    ) -> None:
        check_keep(keep)
        self._objective, self._keep, self._name = objective, keep, name
        self._files = WeightFiles(folder)
        self._lock = lock
        self._engine = sql.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _make_durable)

    @classmethod
    def in_folder(
        cls, folder: str | Path, objective: Objective, *, keep: Keep = 10
    ) -> SqlStore:
        """A search in a folder of its own: `search.sqlite` and `weights/`."""
        path = Path(folder)
        return cls(
            f"sqlite:///{path / DATABASE}",
            str(path / "weights"),
            objective,
            keep=keep,
            lock=path / ".lock",
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
                names = connection.scalars(
                    sql.select(_trials.c.weights_file).where(self._is_ours)
                )
                self._files.keep_only([name for name in names if name])
            yield

    def definition(self) -> dict[str, Any]:
        with self._transaction() as connection:
            stored = None
            if sql.inspect(connection).has_table(_searches.name):
                stored = self._stored_definition(connection)
        if stored is None:
            raise StoreError(f"{self._where} holds no search")
        return stored

    def trials(self) -> list[Trial]:
        with self._transaction() as connection:
            return self._read_trials(connection)

    def append(self, trial: Trial, weights: Weights | None) -> None:
        with self._transaction() as connection:
            before = self._read_standings(connection)
            check_replaceable(trial, before.get(trial.number))
            now = {**before, trial.number: trial}
            kept = kept_numbers(now.values(), self._objective, self._keep)
            name = None
            if weights is not None and trial.number in kept:
                name = self._files.write(trial.number, weights)
            if trial.number in before:
                ours = self._is_ours & (_trials.c.number == trial.number)
                connection.execute(_trials.delete().where(ours))
            connection.execute(_trials.insert().values(**self._row(trial, name)))
            dropped = self._is_ours & _trials.c.number.not_in(kept)
            connection.execute(
                _trials.update().where(dropped).values(weights_file=None)
            )
            names = connection.scalars(
                sql.select(_trials.c.weights_file).where(self._is_ours)
            ).all()
        # Only after the transaction: a file is removed when no row needs it.
        self._files.keep_only([name for name in names if name])

    def weights(self, number: int) -> Weights:
        ours = self._is_ours & (_trials.c.number == number)
        with self._transaction() as connection:
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
    def _transaction(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (exc.OperationalError, exc.DatabaseError) as error:
            raise StoreError(_database_problem(self._where, error)) from error

    def _stored_definition(self, connection: sql.Connection) -> dict[str, Any] | None:
        ours = _searches.c.name == self._name
        row = connection.execute(sql.select(_searches).where(ours)).one_or_none()
        if row is None:
            return None
        if row.schema_version > SCHEMA_VERSION:
            raise StoreError(
                f"{self._where} was written by a newer release (schema version "
                f"{row.schema_version}, this one knows {SCHEMA_VERSION}); upgrade "
                "cerebros to open it"
            )
        return dict(json.loads(row.definition))

    def _read_trials(self, connection: sql.Connection) -> list[Trial]:
        rows = connection.execute(
            sql.select(_trials).where(self._is_ours).order_by(_trials.c.number)
        )
        return [_trial_of(row) for row in rows]

    def _read_standings(self, connection: sql.Connection) -> dict[int, Standing]:
        """What ranks the stored trials, without their plans and histories."""
        columns = (_trials.c.number, _trials.c.status, _trials.c.score)
        rows = connection.execute(sql.select(*columns).where(self._is_ours))
        return {
            number: _Standing(number, Status[status], score)
            for number, status, score in rows
        }

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
            "error": trial.error,
            "seconds": trial.seconds,
            "weights_file": weights_file,
            "finished_at": _now(),
        }


class _Standing(NamedTuple):
    number: int
    status: Status
    score: float | None


def _trial_of(row: Any) -> Trial:
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


def _make_durable(connection: Any, _record: Any) -> None:
    """Readers never wait for the writer, and a commit survives a power cut."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


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


def _database_problem(where: str, error: exc.SQLAlchemyError) -> str:
    reason = str(getattr(error, "orig", None) or error)
    if "malformed" in reason or "not a database" in reason:
        return f"{where} is damaged ({reason}); restore it from a copy"
    if "no such table" in reason or "no such column" in reason:
        return f"{where} is not a search of this project ({reason})"
    if "unable to open" in reason:
        return f"{where} cannot be opened ({reason}); is the folder right?"
    return f"{where} cannot be used: {reason}; what was finished is kept"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
