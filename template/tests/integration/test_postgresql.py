import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import (
    URL,
    Connection,
    Executable,
    NullPool,
    delete,
    exc,
    func,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app import NAME
from app.auth.models import User
from app.db.engine import (
    DatabaseSettings,
    create_engine,
    get_engine,
    is_busy,
    migrating,
    parse_database_url,
)
from app.settings import Settings
from tests.client import AsyncClient
from tests.helpers import problem, settings_for
from tests.plugins.databases import address_of, ours

EVE = {"email": "eve@example.com", "password": "correct horse"}
BUSY = problem(503, "Service Unavailable", "The database is busy.")
NO_URL = "DATABASE_URL must look like postgresql://user:password@host:5432/database"
NUMBERS = [
    "database_pool_size",
    "database_max_overflow",
    "database_pool_timeout_seconds",
    "database_pool_recycle_seconds",
    "database_connect_timeout_seconds",
    "database_statement_timeout_seconds",
    "database_lock_timeout_seconds",
]
CONFIGURED = ["application_name", "timezone", "statement_timeout", "lock_timeout"]


@pytest.fixture
def pgbouncer(settings: Settings) -> AsyncEngine:
    """Connected to the server itself, but as it would be to a PgBouncer."""
    return create_engine(settings.model_copy(update={"database_behind_pgbouncer": True}))


def in_use(engine: AsyncEngine) -> int:
    assert isinstance(engine.pool, AsyncAdaptedQueuePool)
    return engine.pool.checkedout()


async def test_the_server_is_a_postgresql_that_is_supported(connection: AsyncConnection) -> None:
    version = await connection.scalar(text("SELECT current_setting('server_version_num')::int"))

    assert version >= 15_00_00


async def test_a_connection_is_configured(connection: AsyncConnection) -> None:
    values = [await connection.scalar(text(f"SHOW {name}")) for name in CONFIGURED]

    assert values == [NAME, "UTC", "6s", "5s"]


async def test_a_request_waits_for_a_connection_as_long_as_the_settings_say(
    settings: Settings,
) -> None:
    update = {
        "database_pool_size": 1,
        "database_max_overflow": 1,
        "database_pool_timeout_seconds": 0.001,
    }
    engine = create_engine(settings.model_copy(update=update))

    async with engine.connect(), engine.connect():
        with pytest.raises(exc.TimeoutError, match=r"^None of the 2 connections was free"):
            await engine.connect()
    await engine.dispose()


async def test_a_connection_is_used_again_unless_it_is_too_old(settings: Settings) -> None:
    engine = create_engine(settings)
    impatient = create_engine(settings.model_copy(update={"database_pool_recycle_seconds": 0}))

    assert len({await pid_of_a_connection(engine) for _ in range(2)}) == 1
    assert len({await pid_of_a_connection(impatient) for _ in range(2)}) == 2
    await engine.dispose()
    await impatient.dispose()


async def test_a_connection_that_was_lost_meanwhile_is_replaced(settings: Settings) -> None:
    engine = create_engine(settings)
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    driver.terminate()

    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()


async def test_a_connection_that_the_server_has_closed_is_replaced(settings: Settings) -> None:
    engine = create_engine(settings)
    async with engine.connect() as connection, engine.connect() as other:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        pid = driver.get_server_pid()
        await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    await asyncio.sleep(0.01)  # the event loop reads that the connection is closed

    async with engine.connect() as connection, engine.connect() as other:
        assert await connection.scalar(text("SELECT 1")) == 1
        assert await other.scalar(text("SELECT 1")) == 1
    await engine.dispose()


async def test_a_read_begins_no_transaction(settings: Settings) -> None:
    engine = create_engine(settings)
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await connection.execute(select(func.count()).select_from(User))
        after_read = driver.is_in_transaction()
        await connection.execute(delete(User))
        after_write = driver.is_in_transaction()
    await engine.dispose()

    assert (after_read, after_write) == (False, True)


@pytest.mark.parametrize(
    "statement",
    [
        select(User).with_for_update(),
        select(User).with_for_update(read=True, key_share=True),
        select(func.pg_advisory_xact_lock(1)),
        text('SELECT "pg_advisory_xact_lock"(1)'),
        text("SELECT min_scale(1.5)"),
        text("SELECT 1 AS one INTO TEMPORARY TABLE ones"),
        text("WITH ids AS (DELETE FROM users RETURNING id) SELECT * FROM ids"),
    ],
    ids=["for update", "for share", "function", "quoted", "longer name", "into", "with"],
)
async def test_a_read_that_locks_or_may_write_begins_one(
    settings: Settings, statement: Executable
) -> None:
    engine = create_engine(settings)
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await connection.execute(statement)
        in_transaction = driver.is_in_transaction()
    await engine.dispose()

    assert in_transaction


async def test_a_stream_begins_a_transaction(settings: Settings) -> None:
    engine = create_engine(settings)
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        rows = [row async for row in await connection.stream(select(User.id))]
        in_transaction = driver.is_in_transaction()
    await engine.dispose()

    assert rows == []
    assert in_transaction


async def test_an_isolation_level_that_code_chooses_holds_for_reads_and_writes(
    settings: Settings,
) -> None:
    engine = create_engine(settings)
    in_transaction = []
    for level in ("SERIALIZABLE", "AUTOCOMMIT"):
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level=level)
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            for statement in (select(User), delete(User)):
                await connection.execute(statement)
                in_transaction.append(driver.is_in_transaction())
            await connection.rollback()
    await engine.dispose()

    assert in_transaction == [True, True, False, False]


@asynccontextmanager
async def silenceable_proxy(url: URL) -> AsyncIterator[tuple[URL, Callable[[], None]]]:
    """Passes on what the service and the server send, until the connections are silenced; those
    that are opened later work.
    """
    tasks: set[asyncio.Task[None]] = set()
    silenced: set[asyncio.StreamReader] = set()
    readers: set[asyncio.StreamReader] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        readers.add(reader)
        with suppress(OSError):
            while data := await reader.read(65_536):
                if reader not in silenced:
                    writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = url.query.get("host") or url.host, url.query.get("port") or url.port or 5432
        if str(host).startswith("/"):
            server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            server = await asyncio.open_connection(str(host), int(str(port)))
        for pair in ((reader, server[1]), (server[0], writer)):
            tasks.add(asyncio.create_task(pass_on(*pair)))

    proxy = await asyncio.start_server(connect, "127.0.0.1")
    port = proxy.sockets[0].getsockname()[1]
    address = url.difference_update_query(["host", "port"]).set(host="127.0.0.1", port=port)
    try:
        yield address, lambda: silenced.update(readers)
    finally:
        proxy.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_connections_that_go_silent_are_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.engine.SILENCE_SECONDS", 0.3)
    async with silenceable_proxy(settings.database_url) as (url, silence):
        ours.add(address_of(url))
        update = {"database_url": url, "database_statement_timeout_seconds": 0.05}
        engine = create_engine(settings.model_copy(update=update))
        await pid_of_a_connection(engine)
        silence()

        with pytest.raises(exc.DBAPIError) as error:
            await pid_of_a_connection(engine)
        await pid_of_a_connection(engine)
        await engine.dispose()

    assert str(error.value.orig) == "The server does not respond."
    assert is_busy(error.value)


async def test_a_ping_replaces_connections_that_have_gone_silent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.engine.SILENCE_SECONDS", 0.3)
    async with silenceable_proxy(settings.database_url) as (url, silence):
        ours.add(address_of(url))
        update = {"database_url": url, "database_pool_pre_ping": True}
        engine = create_engine(settings.model_copy(update=update))
        pids = [await pid_of_a_connection(engine) for _ in range(2)]
        silence()
        pids.append(await pid_of_a_connection(engine))
        await engine.dispose()

    assert len(set(pids)) == 2
    assert pids[0] == pids[1]


async def pid_of_a_connection(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        pid: int = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return pid


async def test_a_server_that_does_not_respond_is_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    async def connect(**arguments: Any) -> None:
        given.update(arguments)
        raise TimeoutError("no response")

    monkeypatch.setattr(asyncpg, "connect", connect)

    with pytest.raises(exc.DBAPIError) as error:
        await create_engine(settings).connect()

    assert given["timeout"] == 5
    assert str(error.value.orig) == "The database can't be reached: no response"
    assert is_busy(error.value)


async def test_a_connection_through_pgbouncer_is_configured(pgbouncer: AsyncEngine) -> None:
    async with pgbouncer.connect() as connection:
        values = [await connection.scalar(text(f"SHOW {name}")) for name in CONFIGURED]

    assert values == [NAME, "UTC", "6s", "5s"]


async def test_a_statement_is_prepared_each_time_behind_pgbouncer(pgbouncer: AsyncEngine) -> None:
    async with pgbouncer.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute("CREATE TEMPORARY TABLE notes AS SELECT 1 AS id")
        before = (await connection.execute(text("SELECT * FROM notes"))).all()
        await driver.execute("ALTER TABLE notes ADD title text")
        after = (await connection.execute(text("SELECT * FROM notes"))).all()

    assert before == [(1,)]
    assert after == [(1, None)]


async def test_nothing_outlives_a_transaction_behind_pgbouncer(pgbouncer: AsyncEngine) -> None:
    async with pgbouncer.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await connection.execute(text("SELECT 1"))
        await connection.commit()
        values = [await driver.fetchval(f"SHOW {name}") for name in CONFIGURED]
        statements = await driver.fetch("SELECT * FROM pg_prepared_statements")

    assert values == [NAME, "UTC", "0", "0"]
    assert statements == []
    assert isinstance(pgbouncer.pool, NullPool)


@pytest.mark.in_process
async def test_two_registrations_of_one_address_at_the_same_time_create_one_user(
    committing_client: AsyncClient, committing_engine: AsyncEngine
) -> None:
    responses = await asyncio.gather(
        *[committing_client.post("/auth/register", json=EVE) for _ in range(2)]
    )

    assert sorted(response.status_code for response in responses) == [201, 409]
    assert in_use(committing_engine) == 0


@pytest.mark.in_process
async def test_a_lock_timeout_is_a_503_with_retry_after(
    committing_client: AsyncClient, committing_engine: AsyncEngine
) -> None:
    async with AsyncSession(committing_engine) as session:
        session.add(User(email=EVE["email"], password_hash="no password has this hash"))
        await session.flush()

        response = await committing_client.post("/auth/register", json=EVE)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json() == BUSY
    assert in_use(committing_engine) == 0


@pytest.mark.in_process
async def test_a_service_whose_server_is_read_only_is_alive_but_not_ready(
    committing_client: AsyncClient, committing_engine: AsyncEngine
) -> None:
    async with committing_engine.connect() as connection:
        await connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
        await connection.commit()

    responses = [
        await committing_client.get("/livez"),
        await committing_client.get("/readyz"),
        await committing_client.post("/auth/register", json=EVE),
    ]

    assert [response.status_code for response in responses] == [200, 503, 503]


@pytest.mark.in_process
async def test_an_unreachable_server_is_a_503_with_retry_after(
    anonymous_client: AsyncClient, app_with_login: FastAPI, unreachable_database: URL
) -> None:
    engine = create_engine(settings_for(unreachable_database))
    app_with_login.dependency_overrides = {get_engine: lambda: engine}

    response = await anonymous_client.post("/auth/register", json=EVE)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json() == BUSY


async def test_a_connection_that_the_server_closed_is_a_retryable_error(
    committing_engine: AsyncEngine,
) -> None:
    async with committing_engine.connect() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        async with committing_engine.connect() as other:
            await other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

        with pytest.raises(exc.DBAPIError) as error:
            await connection.execute(text("SELECT 1"))

    assert is_busy(error.value)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("08006", True),
        ("25006", True),
        ("40001", True),
        ("40P01", True),
        ("53300", True),
        ("55P03", True),
        ("57014", True),
        ("57P03", True),
        ("0A000", False),
        ("22012", False),
        ("42P01", False),
        ("55006", False),
        ("57000", False),
    ],
    ids=[
        "connection",
        "read-only",
        "serialization",
        "deadlock",
        "too many connections",
        "lock timeout",
        "statement timeout",
        "server is starting",
        "not supported",
        "division by zero",
        "no such table",
        "object in use",
        "operator intervention",
    ],
)
async def test_retryable_errors_are_recognised(
    connection: AsyncConnection, state: str, expected: bool
) -> None:
    with pytest.raises(exc.DBAPIError) as error:
        await connection.exec_driver_sql(
            f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"
        )

    assert is_busy(error.value) is expected


@pytest.fixture
async def migrating_engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """Nothing waits for a lock for long, but a migration does for another one."""
    update = {"database_lock_timeout_seconds": 0.005}
    engine = create_engine(settings.model_copy(update=update))
    yield engine
    await engine.dispose()


async def test_two_migrations_at_the_same_time_run_one_after_the_other(
    migrating_engine: AsyncEngine,
) -> None:
    steps = []

    def migrate(connection: Connection) -> None:
        with migrating(connection):
            steps.append("begin")
            connection.exec_driver_sql("SELECT pg_sleep(0.02)")
            steps.append("end")

    async def run() -> None:
        async with migrating_engine.connect() as connection:
            await connection.run_sync(migrate)

    async with asyncio.timeout(10):
        await asyncio.gather(run(), run())

    assert steps == ["begin", "end", "begin", "end"]


async def test_a_migration_may_take_long_but_waits_for_a_table_as_long_as_a_request(
    migrating_engine: AsyncEngine,
) -> None:
    def limits(connection: Connection) -> list[Any]:
        with migrating(connection):
            assert not connection.in_transaction()  # or a migration could not begin one
            return [
                connection.exec_driver_sql(f"SHOW {name}").scalar_one()
                for name in ("statement_timeout", "lock_timeout")
            ]

    async with migrating_engine.connect() as connection:
        assert await connection.run_sync(limits) == ["0", "5ms"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://ada@host/notes", "postgresql+asyncpg://ada@host/notes"),
        (
            "postgresql://ada:secret@host:6543/notes",
            "postgresql+asyncpg://ada:secret@host:6543/notes",
        ),
        ("postgresql+asyncpg:///notes?host=/run", "postgresql+asyncpg:///notes?host=%2Frun"),
        ("postgresql://host/notes?sslmode=require", "postgresql+asyncpg://host/notes?ssl=require"),
        ("postgresql://host:1/notes", "postgresql+asyncpg://host:1/notes"),
        ("postgresql://host:65535/notes", "postgresql+asyncpg://host:65535/notes"),
    ],
)
def test_a_url_of_other_clients_is_accepted(text: str, expected: str) -> None:
    assert parse_database_url(text).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", NO_URL),
        ("no url", NO_URL),
        ("postgresql://host:port/notes", NO_URL),
        ("mysql://host/notes", NO_URL),
        ("postgresql://host:0/notes", "DATABASE_URL has the port 0; a port is 1 to 65535"),
        ("postgresql://host:65536/notes", "DATABASE_URL has the port 65536; a port is 1 to 65535"),
        (
            "postgresql://host/notes?user=ada&channel_binding=require",
            "DATABASE_URL has parameters that the driver does not know: channel_binding, user; "
            "it may have host, port, ssl, sslmode, target_session_attrs",
        ),
        (
            "postgresql://host/notes?ssl=yes",
            "DATABASE_URL must have an ssl of "
            "allow, disable, prefer, require, verify-ca, verify-full",
        ),
    ],
)
def test_an_unusable_url_is_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parse_database_url(url)


def test_the_service_needs_a_url() -> None:
    with pytest.raises(ValidationError) as error:
        Settings()

    assert [part["msg"] for part in error.value.errors()] == [f"Value error, {NO_URL}"]


def test_a_database_needs_no_settings_but_its_url(database_url: URL) -> None:
    settings = DatabaseSettings.model_validate({"database_url": database_url})

    assert settings.model_dump(exclude={"database_url"}) == {
        "database_application_name": NAME,
        "database_pool_size": 15,
        "database_max_overflow": 0,
        "database_pool_timeout_seconds": 5,
        "database_pool_recycle_seconds": 1800,
        "database_pool_pre_ping": False,
        "database_connect_timeout_seconds": 5,
        "database_statement_timeout_seconds": 6,
        "database_lock_timeout_seconds": 5,
        "database_behind_pgbouncer": False,
    }


@pytest.mark.parametrize(
    "limits", [(1, 0, 0.1, 1, 0.1, 0.001, 0.001), (100, 100, 60, 86_400, 60, 3600, 600)]
)
def test_numbers_at_their_limits_are_accepted(database_url: URL, limits: tuple[float, ...]) -> None:
    values = dict(zip(NUMBERS, limits, strict=True))

    settings = DatabaseSettings.model_validate({"database_url": database_url, **values})

    assert settings.model_dump(include=set(values)) == values


@pytest.mark.parametrize("beyond", [(0, -1, 0, 0, 0, 0, 0), (101, 101, 61, 86_401, 61, 3601, 601)])
def test_numbers_beyond_their_limits_are_refused(
    database_url: URL, beyond: tuple[float, ...]
) -> None:
    values = dict(zip(NUMBERS, beyond, strict=True))

    with pytest.raises(ValidationError) as error:
        DatabaseSettings.model_validate({"database_url": database_url, **values})

    assert [part["loc"] for part in error.value.errors()] == [(name,) for name in values]
