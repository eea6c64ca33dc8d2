import asyncio

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import URL, NullPool, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app import NAME
from app.auth.models import User
from app.db.engine import create_engine, get_engine, is_busy, parse_database_url
from app.settings import Settings
from tests.client import AsyncClient
from tests.helpers import problem, settings_for

EVE = {"email": "eve@example.com", "password": "correct horse"}
BUSY = problem(503, "Service Unavailable", "The database is busy.")


def in_use(engine: AsyncEngine) -> int:
    assert isinstance(engine.pool, AsyncAdaptedQueuePool)
    return engine.pool.checkedout()


async def test_the_server_is_a_postgresql_that_is_supported(connection: AsyncConnection) -> None:
    version = await connection.scalar(text("SELECT current_setting('server_version_num')::int"))

    assert version >= 15_00_00


async def test_a_connection_is_configured(connection: AsyncConnection) -> None:
    names = ["application_name", "timezone", "statement_timeout", "lock_timeout"]

    assert [await connection.scalar(text(f"SHOW {name}")) for name in names] == [
        NAME,
        "UTC",
        "30s",
        "5s",
    ]


async def test_the_pool_is_as_the_settings_say(settings: Settings) -> None:
    engine = create_engine(
        settings.model_copy(update={"database_pool_size": 2, "database_max_overflow": 1})
    )

    assert isinstance(engine.pool, AsyncAdaptedQueuePool)
    assert engine.pool.size() == 2
    assert engine.pool.overflow() == -2  # none is open
    assert engine.pool.timeout() == 5


async def test_nothing_outlives_a_transaction_behind_pgbouncer(
    settings: Settings,
) -> None:
    engine = create_engine(settings.model_copy(update={"database_behind_pgbouncer": True}))

    async with engine.connect() as connection:
        names = ["statement_timeout", "lock_timeout"]
        in_transaction = [await connection.scalar(text(f"SHOW {name}")) for name in names]
        driver = (await connection.get_raw_connection()).driver_connection
        await connection.rollback()
        assert driver is not None
        afterwards = [await driver.fetchval(f"SHOW {name}") for name in names]

    assert in_transaction == ["30s", "5s"]
    assert afterwards == ["0", "0"]
    assert isinstance(engine.pool, NullPool)


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
    [("40P01", True), ("40001", True), ("57014", True), ("53300", True), ("22012", False)],
    ids=["deadlock", "serialization", "statement timeout", "connections", "division by zero"],
)
async def test_retryable_errors_are_recognised(
    connection: AsyncConnection, state: str, expected: bool
) -> None:
    with pytest.raises(exc.DBAPIError) as error:
        await connection.exec_driver_sql(
            f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"
        )

    assert is_busy(error.value) is expected


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
    ],
)
def test_a_url_of_other_clients_is_accepted(text: str, expected: str) -> None:
    assert parse_database_url(text).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "DATABASE_URL must look like postgresql://user:password@host:5432/database"),
        ("no url", "DATABASE_URL must look like postgresql://"),
        ("postgresql://host:port/notes", "DATABASE_URL must look like postgresql://"),
        ("mysql://host/notes", "DATABASE_URL must look like postgresql://"),
        ("postgresql://host:99999/notes", "the port 99999; a port is 1 to 65535"),
        ("postgresql://host/notes?channel_binding=require", "does not know: channel_binding"),
        ("postgresql://host/notes?ssl=yes", "must have an ssl of allow, disable, prefer"),
    ],
)
def test_an_unusable_url_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(ValidationError, match=sentence):
        Settings()


def test_the_service_needs_a_url() -> None:
    with pytest.raises(ValidationError, match="DATABASE_URL must look like postgresql://"):
        Settings()
