from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.settings import Settings


def create_engine(settings: Settings) -> AsyncEngine:
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
        dbapi_connection.run_async(lambda driver: driver.execute("BEGIN IMMEDIATE"))


async def get_engine(request: Request) -> AsyncEngine:
    engine: AsyncEngine = request.app.state.engine
    return engine


EngineDep = Annotated[AsyncEngine, Depends(get_engine)]
