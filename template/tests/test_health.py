import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy import URL

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


@pytest.mark.in_process
async def test_a_service_without_its_database_is_not_ready(
    anonymous_client: AsyncClient, app_with_login: FastAPI, unreachable_database: URL
) -> None:
    engine = create_engine(settings_for(unreachable_database))
    app_with_login.dependency_overrides[get_engine] = lambda: engine

    response = await anonymous_client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == problem(
        503, "Service Unavailable", "The database can't be reached or has no tables."
    )


@pytest.mark.in_process
async def test_a_service_whose_database_hangs_is_not_ready(
    anonymous_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(engine: object) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(routes, "ask_database", hang)
    monkeypatch.setattr(routes, "TIMEOUT_SECONDS", 0.001)

    response = await anonymous_client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == problem(
        503, "Service Unavailable", "The database did not respond in 0.001 seconds."
    )
