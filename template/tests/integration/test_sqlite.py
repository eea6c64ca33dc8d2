import re

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import URL, Connection, exc, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.auth.dependencies import get_current_user
from app.db.engine import migrating
from app.settings import Settings
from tests.client import AsyncClient
from tests.database import RunOn


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


def test_a_migration_after_which_rows_refer_to_nothing_is_refused_and_undone(
    run_on: RunOn, empty_database: URL
) -> None:
    def migrate(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        with migrating(connection):
            connection.exec_driver_sql("CREATE TABLE owners (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE pets (owner_id REFERENCES owners)")
            connection.exec_driver_sql("INSERT INTO pets VALUES (7)")

    sentence = "These rows refer to rows that don't exist (undone): [('pets', 1, 'owners', 0)]"
    with pytest.raises(RuntimeError, match=f"^{re.escape(sentence)}$"):
        run_on(empty_database, migrate)

    assert run_on(empty_database, lambda connection: inspect(connection).get_table_names()) == []


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
