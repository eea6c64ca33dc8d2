from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends
from pydantic import PlainSerializer, PlainValidator
from pydantic_settings import BaseSettings, NoDecode
from sqlalchemy import URL, Connection, event, exc, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.requests import HTTPConnection


def parse_database_url(text: str) -> URL:
    try:
        url = make_url(text)
    except exc.ArgumentError:
        url = None
    if url is None or url.drivername != "sqlite+aiosqlite":
        raise ValueError("DATABASE_URL must look like sqlite+aiosqlite:///service.db")
    return url


# As a text, it has *** in place of the password.
DatabaseUrl = Annotated[URL, PlainValidator(parse_database_url), PlainSerializer(str), NoDecode]


class DatabaseSettings(BaseSettings):
    database_url: DatabaseUrl = make_url("sqlite+aiosqlite:///service.db")


def create_engine(settings: DatabaseSettings) -> AsyncEngine:
    engine = create_async_engine(
        settings.database_url,
        # A transaction takes the write lock with its first write and waits for it up to
        # `timeout` seconds. One that begins with a read and asks for the lock later
        # would fail at once with "database is locked" when another has written since.
        # So what is read before the first write is not part of the transaction: change
        # a row with one statement, not by reading it, thinking, and writing it back.
        connect_args={"isolation_level": "IMMEDIATE", "timeout": 10},
    )
    event.listen(engine.sync_engine, "connect", _configure_connection)
    event.listen(engine.sync_engine, "handle_error", _wrap_overflow)
    event.listen(engine.sync_engine, "savepoint", _begin_before_savepoint)
    return engine


def _configure_connection(dbapi_connection: Any, connection_record: object) -> None:
    cursor = dbapi_connection.cursor()
    # Readers and the writer don't wait for each other.
    cursor.execute("PRAGMA journal_mode = WAL")
    # Safe with WAL: a power cut may undo the last commits but never harms the file.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_before_savepoint(connection: Connection, name: str) -> None:
    # The driver begins a transaction before a write, but not before a SAVEPOINT, which
    # would then be a transaction of its own: its release would commit.
    dbapi_connection: Any = connection.connection.dbapi_connection
    if not dbapi_connection.driver_connection.in_transaction:
        # The way that SQLAlchemy documents to await the driver in an event handler:
        # "Using awaitable-only driver methods in connection pool and other events".
        dbapi_connection.run_async(lambda driver: driver.execute("BEGIN IMMEDIATE"))


def is_busy(error: exc.DBAPIError) -> bool:
    """Returns whether another writer held the database too long, so that a retry may help."""
    return "locked" in str(error.orig)


def is_invalid(error: exc.DBAPIError) -> bool:
    """Returns whether a value has no place in its column, such as a number that is too large."""
    return isinstance(error, exc.DataError)


def _wrap_overflow(context: ExceptionContext) -> exc.DataError | None:
    # Python raises it before SQLite sees the number, and SQLAlchemy lets it through as it is.
    error = context.original_exception
    if not isinstance(error, OverflowError):
        return None
    return exc.DataError(context.statement, context.parameters, error)


@contextmanager
def migrating(connection: Connection) -> Iterator[None]:
    # SQLite changes a column by creating a new table and dropping the old one; with
    # foreign keys on, that would delete all rows that refer to it.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    # The driver begins no transaction before DDL: without this, a migration that
    # fails in the middle leaves half of its work behind.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    yield
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"These rows refer to rows that don't exist (undone): {broken[:10]}")


async def get_engine(connection: HTTPConnection) -> AsyncEngine:
    engine: AsyncEngine = connection.app.state.engine
    return engine


EngineDep = Annotated[AsyncEngine, Depends(get_engine)]
