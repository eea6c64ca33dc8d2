import asyncio
import os
import re
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any, Self, cast

import aiosqlite
from fastapi import Depends
from pydantic import Field, PlainSerializer, PlainValidator
from pydantic_settings import BaseSettings, NoDecode
from sqlalchemy import URL, Connection, event, exc, make_url, text
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from starlette.requests import HTTPConnection

from app.db.pool import FairPool


def parse_database_url(text: str) -> URL:
    try:
        url = make_url(text)
    except exc.ArgumentError:
        url = None
    if (
        url is None
        or url.drivername != "sqlite+aiosqlite"
        or url.database in {None, "", ":memory:"}
    ):
        raise ValueError("DATABASE_URL must look like sqlite+aiosqlite:///service.db")
    return url


# As a text, it has *** in place of the password.
DatabaseUrl = Annotated[URL, PlainValidator(parse_database_url), PlainSerializer(str), NoDecode]


class DatabaseSettings(BaseSettings):
    database_url: DatabaseUrl = make_url("sqlite+aiosqlite:///service.db")

    # A process holds at most this many connections, each with a thread. There are many, so that
    # writers who wait for their turn leave some to the readers. A request that finds none free
    # waits for one, and gets a 503 in the end.
    database_pool_size: int = Field(default=50, ge=1, le=100)
    database_pool_timeout_seconds: float = Field(default=5, gt=0, le=60)

    database_statement_timeout_seconds: float = Field(default=6, ge=0.001, le=3600)
    database_lock_timeout_seconds: float = Field(default=5, ge=0.001, le=600)


def create_engine(settings: DatabaseSettings, *, for_migrations: bool = False) -> AsyncEngine:
    """Migrations create the file, and may take longer than a request."""
    connect = partial(
        _Connection,
        mode="rwc" if for_migrations else "rw",
        turn=asyncio.Lock(),
        lock_timeout=settings.database_lock_timeout_seconds,
        statement_timeout=None if for_migrations else settings.database_statement_timeout_seconds,
    )
    engine = create_async_engine(
        settings.database_url,
        connect_args={"async_creator_fn": connect},
        poolclass=FairPool,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_use_lifo=True,
        # The values of a statement may be secrets, and its errors are logged.
        hide_parameters=True,
    )
    engine.dialect.statement_compiler = _Compiler
    event.listen(engine.sync_engine, "checkout", _refuse_lost_file)
    event.listen(engine.sync_engine, "handle_error", _wrap_overflow)
    return engine


def _refuse_lost_file(dbapi_connection: Any, record: object, proxy: object) -> None:
    # What is written to a file that was deleted or replaced is lost.
    connection: _Connection = dbapi_connection.driver_connection
    if connection.file != _file_at(connection.path):
        raise exc.InvalidatePoolError(f"{connection.path} is not the file that was opened.")


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


# The errors after which retrying may help, or after which only an operator can:
# https://www.sqlite.org/rescode.html
BUSY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_INTERRUPT,  # the statement timeout
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
}


def is_busy(error: exc.DBAPIError) -> bool:
    """Returns whether the request is right, but the database can't do it now."""
    code = getattr(error.orig, "sqlite_errorcode", 0)
    return code & 0xFF in BUSY


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


# Room for the largest body that a request may have, unless its route takes more.
SPARE_BYTES = 64 * 1024


async def check_storage(connection: AsyncConnection) -> None:
    """Raises `OSError` where nothing can be written: the disk is full, for instance."""
    # What is read next comes from the file, not from what this connection remembers of it.
    await connection.execute(text("PRAGMA shrink_memory"))
    driver: Any = (await connection.get_raw_connection()).driver_connection
    if driver.file is not None:  # a file, not a database in memory
        await asyncio.to_thread(_try_to_write_beside, Path(driver.path))


def _try_to_write_beside(database: Path) -> None:
    # Not to the database itself: that would wait for the writers, and to close its file would take
    # away the locks that SQLite has on it in this process.
    if not os.access(database, os.W_OK):
        raise PermissionError(f"{database} is read-only.")
    with tempfile.TemporaryFile(dir=database.parent) as file:
        file.write(bytes(SPARE_BYTES))


async def get_engine(connection: HTTPConnection) -> AsyncEngine:
    engine: AsyncEngine = connection.app.state.engine
    return engine


EngineDep = Annotated[AsyncEngine, Depends(get_engine)]


# ── The driver ───────────────────────────────────────────────────────────────

# SQLite has no locks of rows. A read that asks for one begins a transaction, as a write does.
FOR_UPDATE = "/* FOR UPDATE */"


class _Compiler(SQLiteCompiler):
    def for_update_clause(self, select: Any, **options: Any) -> str:
        return f" {FOR_UPDATE}"


# Each other statement begins a transaction, if there is none: a read needs none, and what is
# after the first line is not allowed in one.
OUTSIDE_OF_TRANSACTIONS = re.compile(
    r"\s*(?:SELECT|VALUES|WITH(?!.*\b(?:INSERT|UPDATE|DELETE|REPLACE)\b)|EXPLAIN"
    r"|PRAGMA|BEGIN|COMMIT|END|ROLLBACK|VACUUM|ATTACH|DETACH)\b",
    re.IGNORECASE | re.DOTALL,
)
FIRST_ROWS = 1000

Call = Callable[[Callable[..., None], str, Any], Awaitable[None]]


@lru_cache(maxsize=500)
def _begins_transaction(statement: str) -> bool:
    return OUTSIDE_OF_TRANSACTIONS.match(statement) is None or FOR_UPDATE in statement


class _Cursor(aiosqlite.Cursor):
    """Executes a statement and fetches its rows in one trip to the thread of the connection.

    SQLAlchemy makes four: for the cursor, the statement, the rows and the end. A trip takes longer
    than most statements.
    """

    def __init__(self, connection: aiosqlite.Connection, call: Call) -> None:
        self.call = call
        super().__init__(connection, cast(sqlite3.Cursor, None))
        self.rows: list[Any] = []
        self.has_more = False

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Self:
        await self.call(self.run, sql, parameters or ())
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        await self.call(self.run_many, sql, parameters)
        return self

    def run(self, begins: bool, sql: str, parameters: Any) -> None:
        """In the thread."""
        self._cursor = self.begun(begins).execute(sql, parameters)
        self.rows = self._cursor.fetchmany(FIRST_ROWS)
        self.has_more = len(self.rows) == FIRST_ROWS

    def run_many(self, begins: bool, sql: str, parameters: Any) -> None:
        self._cursor = self.begun(begins).executemany(sql, parameters)

    def begun(self, begins: bool) -> sqlite3.Connection:
        connection = self._conn._conn
        if begins and not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        return connection

    async def fetchall(self) -> list[Any]:
        rows, self.rows = self.rows, []
        return [*rows, *await super().fetchall()] if self.has_more else rows

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        size = size or self.arraysize
        rows, self.rows = self.rows[:size], self.rows[size:]
        if self.has_more and len(rows) < size:
            rows += await super().fetchmany(size - len(rows))
        return rows

    async def fetchone(self) -> Any:
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def close(self) -> None:
        if self.has_more:
            await super().close()


class _Connection(aiosqlite.Connection):
    """Writers queue in the process: in SQLite, they would sleep, longer each time they try.

    A transaction begins with its first write, and takes the write lock then. One that begins with
    a read and asks for the lock later would fail at once with "database is locked" when another
    has written since. So what is read before the first write is not part of the transaction:
    change a row with one statement, or read it with `with_for_update()`, which begins one.
    """

    def __init__(
        self,
        database: str,
        *,
        mode: str,
        turn: asyncio.Lock,
        lock_timeout: float,
        statement_timeout: float | None,
        **options: Any,
    ) -> None:
        super().__init__(self.open, iter_chunk_size=FIRST_ROWS)
        self._thread.daemon = True
        self.database, self.mode, self.options = database, mode, options
        self.turn = turn
        self.has_turn = False
        self.lock_timeout, self.statement_timeout = lock_timeout, statement_timeout

    def open(self) -> sqlite3.Connection:
        database, options = self.database, {"timeout": self.lock_timeout, **self.options}
        if not options.get("uri"):
            # Where the file is gone, SQLite would make a new one, without tables.
            database = f"{Path(database).absolute().as_uri()}?mode={self.mode}"
            options["uri"] = True
        connection: sqlite3.Connection
        connection = sqlite3.connect(database, isolation_level=None, **options)
        try:
            # Readers and the writer don't wait for each other.
            connection.execute("PRAGMA journal_mode = WAL")
            # Safe with WAL: a power cut may undo the last commits but never harms the file.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self.path: str = connection.execute("PRAGMA database_list").fetchone()[2]
        except sqlite3.Error:
            connection.close()
            raise
        self.file = _file_at(self.path)
        return connection

    def cursor(self) -> _Cursor:  # type: ignore[override]
        return _Cursor(self, self.call)

    async def call(self, function: Callable[..., None], statement: str, parameters: Any) -> None:
        begins = _begins_transaction(statement)
        if begins and not self.has_turn:
            await self.wait_for_turn()
        timer = None
        if self.statement_timeout is not None:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(self.statement_timeout, self._conn.interrupt)
        try:
            await self._execute(  # type: ignore[no-untyped-call]
                function, begins, statement, parameters
            )
        finally:
            if timer is not None:
                timer.cancel()
            self.end_turn()

    async def wait_for_turn(self) -> None:
        try:
            async with asyncio.timeout(self.lock_timeout):
                await self.turn.acquire()
        except TimeoutError:
            error = sqlite3.OperationalError("database is locked by the writers of this process")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error from None
        self.has_turn = True

    def end_turn(self) -> None:
        if self.has_turn and not self.in_transaction:
            self.has_turn = False
            self.turn.release()

    async def commit(self) -> None:
        if self.in_transaction:
            await super().commit()
            self.end_turn()

    async def rollback(self) -> None:
        if self.in_transaction:
            await super().rollback()
            self.end_turn()

    def stop(self) -> asyncio.Future[Any] | None:
        if self.has_turn:
            self.has_turn = False
            self.turn.release()
        return super().stop()
