import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy import URL, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from app.db.engine import create_engine, get_engine
from app.health import routes
from tests.client import AsyncClient
from tests.helpers import problem, settings_for


async def test_a_running_service_is_alive(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.get("/livez")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


async def test_a_service_with_a_database_is_ready(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


@pytest.fixture
def unreachable_engine(app_with_login: FastAPI, unreachable_database: URL) -> AsyncEngine:
    engine = create_engine(settings_for(unreachable_database))
    app_with_login.dependency_overrides[get_engine] = lambda: engine
    return engine


@pytest.mark.in_process
async def test_a_service_without_its_database_is_not_ready(
    anonymous_client: AsyncClient, unreachable_engine: AsyncEngine
) -> None:
    response = await anonymous_client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == problem(
        503, "Service Unavailable", "The database can't be reached, has no tables or is read-only."
    )


@pytest.mark.in_process
async def test_the_log_says_why_a_service_is_not_ready(
    anonymous_client: AsyncClient, unreachable_engine: AsyncEngine
) -> None:
    with pytest.raises(SQLAlchemyError) as error:
        await unreachable_engine.connect()

    with capture_logs() as logs:
        await anonymous_client.get("/readyz")

    assert logs[0] == {
        "event": "The database is not ready",
        "log_level": "warning",
        "error": str(error.value),
    }


@pytest.mark.in_process
async def test_a_service_whose_database_is_not_migrated_is_not_ready(
    anonymous_client: AsyncClient, app_with_login: FastAPI, new_database: URL
) -> None:
    engine = create_engine(settings_for(new_database))
    app_with_login.dependency_overrides[get_engine] = lambda: engine
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))

    response = await anonymous_client.get("/readyz")
    await engine.dispose()

    assert response.status_code == 503
    assert response.json() == problem(
        503, "Service Unavailable", "The database can't be reached, has no tables or is read-only."
    )


@pytest.fixture
def check_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The database does not respond, and the service waits for it a thousandth of its time."""
    cancelled = asyncio.Event()

    async def hang(engine: object) -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return True

    monkeypatch.setattr(routes, "ask_database", hang)
    monkeypatch.setattr(routes, "TIMEOUT_SECONDS", routes.TIMEOUT_SECONDS / 1000)
    return cancelled


@pytest.mark.in_process
async def test_a_service_whose_database_hangs_is_not_ready(
    anonymous_client: AsyncClient, check_was_cancelled: asyncio.Event
) -> None:
    response = await anonymous_client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == problem(
        503, "Service Unavailable", "The database did not respond in 0.002 seconds."
    )


@pytest.mark.in_process
async def test_a_check_of_a_database_that_hangs_is_cancelled(
    anonymous_client: AsyncClient, check_was_cancelled: asyncio.Event
) -> None:
    await anonymous_client.get("/readyz")

    assert await asyncio.wait_for(check_was_cancelled.wait(), timeout=1)
