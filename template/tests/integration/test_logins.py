import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from app.auth.passwords import PasswordHasher, get_password_hasher
from app.settings import Settings
from tests.client import AsyncClient
from tests.helpers import problem

pytestmark = pytest.mark.in_process

LOGIN = {"username": "eve@example.com", "password": "correct horse"}


async def test_a_login_holds_no_connection_while_it_waits_for_a_hash(
    committing_client: AsyncClient,
    committing_engine: AsyncEngine,
    app_with_login: FastAPI,
    settings: Settings,
) -> None:
    in_use = []

    class WatchingHasher(PasswordHasher):
        async def hash(self, password: str) -> str:
            assert isinstance(committing_engine.pool, AsyncAdaptedQueuePool)
            in_use.append(committing_engine.pool.checkedout())
            return "no hash"

    app_with_login.dependency_overrides[get_password_hasher] = lambda: WatchingHasher(settings)

    response = await committing_client.post("/auth/token", data=LOGIN)

    assert response.status_code == 401
    assert in_use == [0]


async def test_a_login_is_a_503_when_too_many_wait_for_a_hash(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.auth.passwords.MAX_WAITING", 0)

    response = await committing_client.post("/auth/token", data=LOGIN)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json() == problem(503, "Service Unavailable", "Too many logins are waiting.")
