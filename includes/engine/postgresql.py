import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Annotated, Any

import asyncpg
from fastapi import Depends
from pydantic import Field, PlainSerializer, PlainValidator
from pydantic_settings import BaseSettings, NoDecode
from sqlalchemy import URL, Connection, NullPool, event, exc, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from starlette.requests import HTTPConnection

from app import NAME
from app.db.pool import FairPool

SILENCE_SECONDS = 2

# The parameters that a URL may have; `sslmode` is what other clients call `ssl`.
URL_PARAMETERS = {"host", "port", "ssl", "sslmode", "target_session_attrs"}
SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}


def parse_database_url(text: str) -> URL:
    try:
        url = make_url(text)
    except exc.ArgumentError:
        url = None
    except ValueError:  # the port is not a number
        url = None
    if url is None or url.drivername not in {"postgresql+asyncpg", "postgresql", "postgres"}:
        raise ValueError(
            "DATABASE_URL must look like postgresql://user:password@host:5432/database"
        )
    unknown = url.query.keys() - URL_PARAMETERS
    if unknown:
        raise ValueError(
            "DATABASE_URL has parameters that the driver does not know: "
            f"{', '.join(sorted(unknown))}; "
            f"it may have {', '.join(sorted(URL_PARAMETERS))}"
        )
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    if query.get("ssl", "prefer") not in SSL_MODES:
        raise ValueError(f"DATABASE_URL must have an ssl of {', '.join(sorted(SSL_MODES))}")
    if url.port is not None and not 0 < url.port < 65_536:
        raise ValueError(f"DATABASE_URL has the port {url.port}; a port is 1 to 65535")
    return url.set(drivername="postgresql+asyncpg", query=query)


# As a text, it has *** in place of the password.
DatabaseUrl = Annotated[URL, PlainValidator(parse_database_url), PlainSerializer(str), NoDecode]


class DatabaseSettings(BaseSettings):
    database_url: DatabaseUrl = Field(default="", validate_default=True)
    database_application_name: str = NAME

    # A process holds at most `pool_size` + `max_overflow` connections. A request that
    # finds none free waits for one, and gets a 503 in the end.
    database_pool_size: int = Field(default=15, ge=1, le=100)
    database_max_overflow: int = Field(default=0, ge=0, le=100)
    database_pool_timeout_seconds: float = Field(default=5, gt=0, le=60)
    database_pool_recycle_seconds: int = Field(default=1800, gt=0, le=86_400)
    # Not needed: see _refuse_closed_connection.
    database_pool_pre_ping: bool = False
    database_connect_timeout_seconds: float = Field(default=5, gt=0, le=60)

    # The server itself cancels what takes longer: a client that has stopped waiting can't. When
    # not even that comes, for SILENCE_SECONDS more, the connection is given up.
    database_statement_timeout_seconds: float = Field(default=6, ge=0.001, le=3600)
    database_lock_timeout_seconds: float = Field(default=5, ge=0.001, le=600)

    # In transaction mode each transaction may run on another server connection, so nothing
    # carries over from one to the next: no settings, no prepared statements.
    database_behind_pgbouncer: bool = False


def create_engine(settings: DatabaseSettings, *, for_migrations: bool = False) -> AsyncEngine:
    """Migrations may take longer than a request."""
    timeouts = {
        "statement_timeout": f"{settings.database_statement_timeout_seconds * 1000:.0f}",
        "lock_timeout": f"{settings.database_lock_timeout_seconds * 1000:.0f}",
    }
    server_settings = {
        "application_name": settings.database_application_name,
        "timezone": "UTC",
    }
    connect_args: dict[str, Any] = {
        "async_creator_fn": _connect,
        "timeout": settings.database_connect_timeout_seconds,
    }
    if not for_migrations:
        connect_args["command_timeout"] = (
            settings.database_statement_timeout_seconds + SILENCE_SECONDS
        )
    if settings.database_behind_pgbouncer:
        connect_args |= {
            "server_settings": server_settings,
            # The driver gives a name only to statements that it keeps. One without a name is
            # replaced by the next one; one with a name would stay on its server connection.
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
        }
        # PgBouncer is the pool.
        engine = create_async_engine(
            settings.database_url,
            connect_args=connect_args,
            poolclass=NullPool,
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "begin", partial(_set_for_transaction, timeouts))
        event.listen(engine.sync_engine, "handle_error", _give_up_silent_connection)
        return engine

    engine = create_async_engine(
        settings.database_url,
        connect_args={**connect_args, "server_settings": server_settings | timeouts},
        poolclass=FairPool,
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_recycle=settings.database_pool_recycle_seconds,
        # The values of a statement may be secrets, and its errors are logged.
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed_connection)
    if settings.database_pool_pre_ping:
        event.listen(engine.sync_engine, "checkout", _refuse_silent_connection)
    event.listen(engine.sync_engine, "before_cursor_execute", _begin_unless_it_reads)
    event.listen(engine.sync_engine, "handle_error", _give_up_silent_connection)
    return engine


# A read needs no transaction, which would take two more trips to the server: a third of the
# time of a request. Not one that locks rows or calls a function, which may write; and not a stream,
# whose cursor lives in a transaction.
READ = re.compile(
    r"SELECT\b(?!.*\bFOR (?:NO KEY )?UPDATE\b|.*\bFOR (?:KEY )?SHARE\b|.*\bINTO\b)", re.DOTALL
)
CALL = re.compile(r'([\w."]+)\(')
ONLY_READ = {"count", "sum", "min", "max", "avg", "coalesce", "lower", "upper"}


@lru_cache(maxsize=500)
def _reads(statement: str) -> bool:
    return READ.match(statement) is not None and ONLY_READ.issuperset(CALL.findall(statement))


def _begin_unless_it_reads(
    connection: Connection, cursor: Any, statement: str, *arguments: object
) -> None:
    if "isolation_level" not in connection.get_execution_options():
        dbapi_connection: Any = connection.connection.dbapi_connection
        dbapi_connection.autocommit = _reads(statement) and not cursor.server_side


def _refuse_closed_connection(dbapi_connection: Any, record: object, proxy: object) -> None:
    # The event loop has noticed it by now: no ping is needed, which would be a trip to the server.
    if dbapi_connection.driver_connection.is_closed():
        raise exc.InvalidatePoolError("The server has closed the connection.")


def _refuse_silent_connection(dbapi_connection: Any, record: object, proxy: object) -> None:
    # Not by SQLAlchemy's own ping: it lets the TimeoutError of a silent server through as it is.
    try:
        dbapi_connection.run_async(
            lambda driver: driver.execute("SELECT 1", timeout=SILENCE_SECONDS)
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        dbapi_connection.driver_connection.terminate()
        raise exc.InvalidatePoolError("The server does not respond.") from error


def _give_up_silent_connection(context: ExceptionContext) -> exc.OperationalError | None:
    error = context.original_exception
    if not isinstance(error, TimeoutError):
        return None
    context.is_disconnect = context.invalidate_pool_on_disconnect = True  # the others are as old
    assert context.connection
    driver: Any = context.connection.connection.driver_connection
    driver.terminate()  # a polite end would wait for the server, too
    silence = asyncpg.PostgresConnectionError("The server does not respond.")
    return exc.OperationalError(
        context.statement, context.parameters, silence, connection_invalidated=True
    )


async def _connect(**arguments: Any) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(**arguments)
    except OSError as error:
        # SQLAlchemy wraps only the driver's own errors.
        raise asyncpg.PostgresConnectionError(f"The database can't be reached: {error}") from error


def _set_for_transaction(values: dict[str, str], connection: Connection) -> None:
    calls = [f"set_config('{name}', '{value}', true)" for name, value in values.items()]
    connection.exec_driver_sql(f"SELECT {', '.join(calls)}")


# The errors after which retrying may help, by code or by class (the first two characters):
# https://www.postgresql.org/docs/current/errcodes-appendix.html
BUSY = (
    "08",  # the connection failed
    "25006",  # the server is read-only: a standby, or its disk is full
    "40",  # the transaction was rolled back: a deadlock, or a conflict of serializable ones
    "53",  # no resources: too many connections, for instance
    "57014",  # the statement timeout
    "57P",  # the server is shutting down or starting
    "55P03",  # the lock timeout
)


def is_busy(error: exc.DBAPIError) -> bool:
    """Returns whether the database was too busy, so that a retry may help."""
    state = str(getattr(error.orig, "sqlstate", ""))
    return error.connection_invalidated or state.startswith(BUSY)


def is_invalid(error: exc.DBAPIError) -> bool:
    """Returns whether a value has no place in its column: a NUL in a text, a number too large."""
    return str(getattr(error.orig, "sqlstate", "")).startswith("22")


@contextmanager
def migrating(connection: Connection) -> Iterator[None]:
    # A migration may take longer than a request, and two that start at the same time
    # have to run one after the other.
    connection.exec_driver_sql("SET statement_timeout = 0")
    lock_timeout = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    connection.exec_driver_sql("SET lock_timeout = 0")
    connection.exec_driver_sql("SELECT pg_advisory_lock(hashtext('alembic_version'))")
    # Limited again for the migration: while it waits for a table, all others wait behind it.
    connection.exec_driver_sql(f"SET lock_timeout = '{lock_timeout}'")
    connection.commit()
    yield
    connection.exec_driver_sql("SELECT pg_advisory_unlock(hashtext('alembic_version'))")


async def check_storage(connection: AsyncConnection) -> None:
    """Raises `OSError` where nothing can be written: on a standby, for instance."""
    if await connection.scalar(text("SHOW transaction_read_only")) == "on":
        raise OSError("The server is read-only.")


async def get_engine(connection: HTTPConnection) -> AsyncEngine:
    engine: AsyncEngine = connection.app.state.engine
    return engine


EngineDep = Annotated[AsyncEngine, Depends(get_engine)]
