import asyncio

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import URL, NullPool, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app.auth.models import User
from app.db.engine import create_engine, get_engine, is_busy, parse_database_url
from app.settings import Settings
from tests.client import AsyncClient
from tests.database import settings_for

EVE = {"email": "eve@example.com", "password": "correct horse"}
BUSY = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The database is busy.",
}


def in_use(engine: AsyncEngine) -> int:
    assert isinstance(engine.pool, AsyncAdaptedQueuePool)
    return engine.pool.checkedout()


async def test_the_server_is_a_postgresql_that_is_supported(connection: AsyncConnection) -> None:
    version = await connection.scalar(text("SELECT current_setting('server_version_num')::int"))

    assert version >= 15_00_00


async def test_a_connection_is_configured(connection: AsyncConnection) -> None:
    names = ["application_name", "timezone", "statement_timeout", "lock_timeout"]

    assert [await connection.scalar(text(f"SHOW {name}")) for name in names] == [
        "service",
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


async def test_behind_pgbouncer_nothing_is_kept_from_one_transaction_to_the_next(
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
async def test_two_registrations_of_one_address_at_the_same_time_make_one_user(
    committing_client: AsyncClient, committing_engine: AsyncEngine
) -> None:
    answers = await asyncio.gather(
        *[committing_client.post("/auth/register", json=EVE) for _ in range(2)]
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert in_use(committing_engine) == 0


@pytest.mark.in_process
async def test_who_waits_too_long_for_a_lock_is_told_when_to_try_again(
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
async def test_without_the_server_a_client_is_told_when_to_try_again(
    anonymous_client: AsyncClient, app_with_login: FastAPI, unreachable_database: URL
) -> None:
    engine = create_engine(settings_for(unreachable_database))
    app_with_login.dependency_overrides = {get_engine: lambda: engine}

    response = await anonymous_client.post("/auth/register", json=EVE)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json() == BUSY


async def test_a_connection_that_the_server_has_closed_is_worth_another_attempt(
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
async def test_what_may_go_well_the_next_time_is_told_from_what_never_will(
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
def test_a_url_may_look_as_for_other_clients(text: str, expected: str) -> None:
    assert parse_database_url(text).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "DATABASE_URL must look like postgresql://user:password@host:5432/database"),
        ("no url", "DATABASE_URL must look like postgresql://"),
        ("postgresql://host:port/notes", "DATABASE_URL must look like postgresql://"),
        ("mysql://host/notes", "DATABASE_URL must look like postgresql://"),
        ("postgresql://host:99999/notes", "the port 99999, which is none of 1 to 65535"),
        ("postgresql://host/notes?channel_binding=require", "does not know: channel_binding"),
        ("postgresql://host/notes?ssl=yes", "an ssl that is none of allow, disable, prefer"),
    ],
)
def test_a_url_that_the_service_cannot_use_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(ValidationError, match=sentence):
        Settings(_env_file=None)


def test_without_a_url_the_service_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(ValidationError, match="DATABASE_URL must look like postgresql://"):
        Settings(_env_file=None)
