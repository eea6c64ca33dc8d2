import re
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import URL, Connection, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.auth.dependencies import get_current_user
from app.db.engine import create_engine, migrating
from app.settings import Settings
from tests.client import AsyncClient
from tests.database import settings_for


async def test_a_connection_is_configured(connection: AsyncConnection) -> None:
    pragmas = ["foreign_keys", "journal_mode", "synchronous", "busy_timeout"]
    driver = (await connection.get_raw_connection()).driver_connection

    assert driver is not None
    assert driver.isolation_level == "IMMEDIATE"
    assert [await connection.scalar(text(f"PRAGMA {pragma}")) for pragma in pragmas] == [
        1,
        "wal",
        1,
        10_000,
    ]


@pytest.fixture
async def empty_engine(empty_database: URL) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings_for(empty_database))
    yield engine
    await engine.dispose()


async def test_a_migration_after_which_rows_refer_to_nothing_is_refused_and_undone(
    empty_engine: AsyncEngine,
) -> None:
    def migrate(connection: Connection) -> None:
        with migrating(connection):
            connection.exec_driver_sql("CREATE TABLE owners (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE pets (owner_id REFERENCES owners)")
            connection.exec_driver_sql("INSERT INTO pets VALUES (7)")

    async with empty_engine.connect() as connection:
        sentence = "These rows refer to rows that don't exist (undone): [('pets', 1, 'owners', 0)]"
        with pytest.raises(RuntimeError, match=f"^{re.escape(sentence)}$"):
            await connection.run_sync(migrate)
        await connection.rollback()
        tables = await connection.scalar(text("SELECT count(*) FROM sqlite_master"))

    assert tables == 0


@pytest.mark.in_process
async def test_a_client_of_a_locked_database_is_told_when_to_try_again(
    anonymous_client: AsyncClient, app_with_login: FastAPI
) -> None:
    async def fail() -> None:
        raise exc.OperationalError("UPDATE", None, Exception("database is locked"))

    app_with_login.dependency_overrides[get_current_user] = fail

    response = await anonymous_client.get("/auth/me")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The database is busy.",
    }


def test_the_database_is_a_file_beside_the_service_unless_the_environment_names_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    assert str(Settings(_env_file=None).database_url) == "sqlite+aiosqlite:///service.db"


@pytest.mark.parametrize("url", ["service.db", "sqlite:///service.db"])
def test_a_url_of_another_database_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    sentence = "Value error, DATABASE_URL must look like sqlite+aiosqlite:///service.db"
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        Settings()
