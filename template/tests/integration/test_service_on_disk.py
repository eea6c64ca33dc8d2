"""The service as it is deployed: nothing is overridden, and commits reach a real file."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport, AsyncClient


async def test_who_has_registered_is_in_the_file_when_the_service_has_stopped(
    settings: Settings, migrated_database: Path, tmp_path: Path, logs_as_before: None
) -> None:
    database = shutil.copy(migrated_database, tmp_path)
    url = settings.database_url.set(database=str(database))
    service = create_app(settings.model_copy(update={"database_url": url}))

    async with (
        service.router.lifespan_context(service),
        AsyncClient(transport=ASGITransport(service), base_url="http://test") as client,
    ):
        response = await client.post(
            "/auth/register", json={"email": "grace@example.com", "password": "correct horse"}
        )

    assert response.status_code == 201
    with closing(sqlite3.connect(database)) as file:
        assert file.execute("SELECT email FROM users").fetchall() == [("grace@example.com",)]


async def test_a_connection_enforces_foreign_keys_and_readers_do_not_wait(
    session: AsyncSession,
) -> None:
    assert await session.scalar(text("PRAGMA foreign_keys")) == 1
    assert await session.scalar(text("PRAGMA journal_mode")) == "wal"
