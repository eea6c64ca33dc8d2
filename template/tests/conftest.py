import gc
import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest
import structlog
from fastapi import FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.types import Receive, Scope, Send

from app.auth.dependencies import get_current_user
from app.auth.models import User
from app.auth.tokens import issue_token
from app.db.engine import get_engine
from app.db.session import SessionDep, get_session
from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport, AsyncBaseTransport, AsyncClient
from tests.exchanges import exchanges, remember_request, remember_response, show_exchanges

pytest_plugins = ["tests.database", "tests.live_server"]

Overrides = dict[Callable[..., Any], Callable[..., Any]]
LiveServer = tuple[str, AsyncBaseTransport]


def pytest_collection_finish() -> None:
    # The collector passes over what is frozen: all that was imported. And the tests make
    # much that is soon forgotten: to look for garbage less often saves time, too.
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


def pytest_runtest_setup() -> None:
    exchanges.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and exchanges:
        report.sections.append(("HTTP exchange", show_exchanges()))
    return report


@pytest.fixture
async def fake_user(session: AsyncSession) -> User:
    user = User(email="ada@example.com", password_hash="no password has this hash")
    session.add(user)
    await session.commit()
    return user


@pytest.fixture(scope="session")
def app_of_all_tests(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture(scope="session")
def app_with_login_of_all_tests(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def overrides(engine: AsyncEngine, new_session: Callable[[], AsyncSession]) -> Overrides:
    """A new session for each request, as in production."""

    async def get_test_session() -> AsyncIterator[AsyncSession]:
        async with new_session() as session:
            yield session

    return {get_engine: lambda: engine, get_session: get_test_session}


@pytest.fixture
def app(app_of_all_tests: FastAPI, overrides: Overrides) -> FastAPI:
    """Here nobody logs in. What one test overrides, the next one doesn't see."""
    app_of_all_tests.dependency_overrides = {**overrides, get_current_user: get_fake_user}
    return app_of_all_tests


async def get_fake_user(request: Request, session: SessionDep) -> User:
    # A copy that belongs to the session of the request, like the real one.
    return await session.merge(request.scope["user"], load=False)


@pytest.fixture
def app_with_login(app_with_login_of_all_tests: FastAPI, overrides: Overrides) -> FastAPI:
    app_with_login_of_all_tests.dependency_overrides = overrides
    return app_with_login_of_all_tests


@pytest.fixture
def client_as(
    app: FastAPI, live_server: LiveServer | None, settings: Settings
) -> Callable[[User], AsyncClient]:
    """One test may need several users at once."""

    def client_as(user: User) -> AsyncClient:
        if live_server:
            token = issue_token(user.id, settings)
            return client_of(*live_server, headers={"Authorization": f"Bearer {token}"})

        async def app_as_user(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "user": user}, receive, send)

        return client_of("http://test", ASGITransport(app_as_user))

    return client_as


@pytest.fixture
def client(client_as: Callable[[User], AsyncClient], fake_user: User) -> AsyncClient:
    return client_as(fake_user)


@pytest.fixture
async def other_client(
    client_as: Callable[[User], AsyncClient], session: AsyncSession
) -> AsyncClient:
    other_user = User(email="grace@example.com", password_hash="no password has this hash")
    session.add(other_user)
    await session.commit()
    return client_as(other_user)


@pytest.fixture
def anonymous_client(app_with_login: FastAPI, live_server: LiveServer | None) -> AsyncClient:
    if live_server:
        return client_of(*live_server)
    return client_of("http://test", ASGITransport(app_with_login))


def client_of(
    url: str, transport: AsyncBaseTransport, headers: dict[str, str] | None = None
) -> AsyncClient:
    return AsyncClient(
        transport=transport,
        base_url=url,
        headers=headers,
        trust_env=False,  # or a proxy would get the requests
        event_hooks={"request": [remember_request], "response": [remember_response]},
    )


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Who configures the logs does it for the whole process, which here is pytest's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


# Your own fixtures go below this line.
