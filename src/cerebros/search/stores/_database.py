"""The connection to a database, and what its errors mean."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from cerebros.errors import StoreError


def open_database(url: str | sql.URL) -> sql.Engine:
    """An engine that connects anew for every transaction.

    Nothing is held open while a network trains for an hour, so no server or firewall
    can have closed it.

    Args:
        url: address as SQLAlchemy writes it; PostgreSQL is reached through psycopg.

    Raises:
        StoreError: if the address is none.
        ImportError: if the driver is not installed; the message says how to.
    """
    try:
        address = sql.make_url(url)
        if address.drivername in ("postgres", "postgresql"):
            address = address.set(drivername="postgresql+psycopg")
        engine = sql.create_engine(address, poolclass=sql.NullPool)
    except exc.ArgumentError as error:
        raise StoreError(
            f"{str(url)!r} is no address of a database ({error}); write it like "
            "sqlite:///folder/search.sqlite or postgresql://user:password@host/name"
        ) from error
    except ImportError as error:
        extra = "cerebros[postgresql]" if error.name == "psycopg" else error.name
        raise ImportError(
            f"this database needs the package {error.name}; install it with "
            f"`pip install '{extra}'`"
        ) from error
    if engine.dialect.name == "sqlite":
        sql.event.listen(engine, "connect", _make_durable)
    return engine


def _make_durable(connection: Any, _record: Any) -> None:
    """Readers never wait for the writer, and a commit survives a power cut."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def database_problem(where: str, error: exc.SQLAlchemyError) -> str:
    """What a database's error means, where it happened, and the way out."""
    reason = str(getattr(error, "orig", None) or error)
    if "malformed" in reason or "not a database" in reason:
        return f"{where} is damaged ({reason}); restore it from a copy"
    if "no such table" in reason or "no such column" in reason:
        return f"{where} is not a search of this project ({reason})"
    if "unable to open" in reason:
        return f"{where} cannot be opened ({reason}); is the folder right?"
    return f"{where} cannot be used: {reason}; what was finished is kept"


def storable(text: str | None) -> str | None:
    """Text that every database takes: what is no character is written as an escape."""
    if text is None:
        return None
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
