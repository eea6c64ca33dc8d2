import re
import sqlite3
from contextlib import closing

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import URL, Connection, exc, inspect, text

from app.auth.dependencies import get_current_user
from app.db.engine import create_engine, migrating
from app.settings import Settings
from tests.client import AsyncClient
from tests.database import RunOn
from tests.helpers import problem, settings_for


async def test_a_connection_is_configured(new_database: URL) -> None:
    engine = create_engine(settings_for(new_database))
    pragmas = ["foreign_keys", "journal_mode", "synchronous", "busy_timeout"]

    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        isolation_level = driver.isolation_level
        values = [await connection.scalar(text(f"PRAGMA {pragma}")) for pragma in pragmas]
    await engine.dispose()

    assert isolation_level == "IMMEDIATE"
    assert values == [1, "wal", 1, 10_000]


async def test_a_savepoint_takes_the_write_lock(new_database: URL) -> None:
    engine = create_engine(settings_for(new_database))

    async with engine.connect() as connection, connection.begin_nested():
        assert is_locked(new_database)
    await engine.dispose()


def test_a_migration_takes_the_write_lock(run_on: RunOn, empty_database: URL) -> None:
    def migrate(connection: Connection) -> bool:
        with migrating(connection):
            return is_locked(empty_database)

    assert run_on(empty_database, migrate)


def is_locked(database: URL) -> bool:
    """Whether another connection would have to wait for its turn to write."""
    with closing(sqlite3.connect(str(database.database), timeout=0)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


def test_a_migration_that_leaves_dangling_references_is_refused_and_undone(
    run_on: RunOn, empty_database: URL
) -> None:
    def migrate(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        with migrating(connection):
            connection.exec_driver_sql("CREATE TABLE owners (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE pets (owner_id REFERENCES owners)")
            connection.exec_driver_sql(f"INSERT INTO pets VALUES {', '.join(['(7)'] * 11)}")

    ten = [("pets", number, "owners", 0) for number in range(1, 11)]
    sentence = f"These rows refer to rows that don't exist (undone): {ten}"
    with pytest.raises(RuntimeError, match=f"^{re.escape(sentence)}$"):
        run_on(empty_database, migrate)

    assert run_on(empty_database, lambda connection: inspect(connection).get_table_names()) == []


@pytest.mark.in_process
async def test_a_locked_database_is_a_503_with_retry_after(
    anonymous_client: AsyncClient, app_with_login: FastAPI
) -> None:
    async def fail() -> None:
        raise exc.OperationalError("UPDATE", None, Exception("database is locked"))

    app_with_login.dependency_overrides[get_current_user] = fail

    response = await anonymous_client.get("/auth/me")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json() == problem(503, "Service Unavailable", "The database is busy.")


def test_the_database_is_a_file_beside_the_service_by_default() -> None:
    assert str(Settings().database_url) == "sqlite+aiosqlite:///service.db"


@pytest.mark.parametrize("url", ["service.db", "sqlite:///service.db"])
def test_a_url_of_another_database_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    sentence = "Value error, DATABASE_URL must look like sqlite+aiosqlite:///service.db"
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        Settings()
