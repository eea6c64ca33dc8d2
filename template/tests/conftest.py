"""The fixtures, each built on those above it: a database, the two apps, users, clients.

The modules in tests/plugins/ change how a run works: which database, `--live`, the reports.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker
from starlette.types import Receive, Scope, Send

from app.auth.dependencies import get_current_user
from app.auth.models import User
from app.auth.tokens import issue_token
from app.db.engine import create_engine, get_engine
from app.db.session import SessionDep, get_session
from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport, AsyncBaseTransport, AsyncClient
from tests.database import NewSession, delete_all_rows
from tests.helpers import add_user, http_client, settings_for

pytest_plugins = [
    "tests.plugins.collector",
    "tests.plugins.database_url_option",
    "tests.plugins.databases",
    "tests.plugins.exchanges",
    "tests.plugins.isolation",
    "tests.plugins.network",
    "tests.plugins.live_server",
    "tests.plugins.time_limit",
]

Dependency = Callable[..., Any]
ClientAs = Callable[[User], AsyncClient]
LiveServer = tuple[AsyncBaseTransport, str]

# ── The database ─────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def settings(database_url: URL) -> Settings:
    """The settings for `database_url`, a database that the migrations created."""
    return settings_for(database_url)


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """All tests share it, since the run has one event loop."""
    engine = create_engine(settings)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(
    engine: AsyncEngine, pytestconfig: pytest.Config
) -> AsyncIterator[AsyncConnection]:
    """Opens one for each test, in a transaction that is rolled back when it is closed."""
    live = pytestconfig.getoption("live")
    async with engine.connect() as connection:
        if not live:
            await connection.begin()
        yield connection
    if live:  # a server process sees only what is committed
        await delete_all_rows(engine)


@pytest.fixture
def session(connection: AsyncConnection) -> AsyncSession:
    """A test prepares rows with it and looks them up."""
    return AsyncSession(connection, expire_on_commit=False)


@pytest.fixture
def new_session(connection: AsyncConnection) -> NewSession:
    """Makes sessions for the code under test. A commit ends a savepoint; rows that are not
    committed are gone when the session is closed.
    """
    return async_sessionmaker(
        connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    )


# ── The apps ─────────────────────────────────────────────────────────────────


@pytest.fixture
def override_session(new_session: NewSession) -> Dependency:
    """Stands in for `get_session`: a session for each request, as in production."""

    async def override_session() -> AsyncIterator[AsyncSession]:
        async with new_session() as session:
            yield session

    return override_session


@pytest.fixture
def override_current_user() -> Dependency:
    """Stands in for `get_current_user`: the user of the client that sent the request."""

    async def override_current_user(request: Request, session: SessionDep) -> User:
        # A copy that belongs to the session of the request, like the real one.
        return await session.merge(request.scope["user"], load=False)

    return override_current_user


@pytest.fixture(scope="session")
def apps(settings: Settings) -> tuple[FastAPI, FastAPI]:
    """All tests share them, since an app builds its routes with its first request."""
    return create_app(settings), create_app(settings)


@pytest.fixture(autouse=True)
def override_dependencies(request: pytest.FixtureRequest) -> Iterator[None]:
    """Puts the stand-ins into both apps, and takes out whatever a test has put there."""
    if "apps" not in request.fixturenames:  # so that a test without an app opens no connection
        yield
        return
    app, app_with_login = request.getfixturevalue("apps")
    before = app.dependency_overrides, app_with_login.dependency_overrides
    engine = request.getfixturevalue("engine")
    stand_ins = {
        get_engine: lambda: engine,
        get_session: request.getfixturevalue("override_session"),
    }
    app.dependency_overrides = {
        **stand_ins,
        get_current_user: request.getfixturevalue("override_current_user"),
    }
    app_with_login.dependency_overrides = stand_ins
    yield
    app.dependency_overrides, app_with_login.dependency_overrides = before


@pytest.fixture
def app(apps: tuple[FastAPI, FastAPI]) -> FastAPI:
    """The app that takes the user from the client."""
    return apps[0]


@pytest.fixture
def app_with_login(apps: tuple[FastAPI, FastAPI]) -> FastAPI:
    """The app with the real authentication."""
    return apps[1]


# ── Users and clients ────────────────────────────────────────────────────────


@pytest.fixture
async def fake_user(session: AsyncSession) -> User:
    return await add_user(session, "ada@example.com")


@pytest.fixture
def client_as(app: FastAPI, settings: Settings, live_server: LiveServer | None) -> ClientAs:
    """Makes clients of several users in one test. With `--live`, they talk to a real server."""

    def client_as(user: User) -> AsyncClient:
        if live_server:
            token = issue_token(user.id, settings)
            return http_client(*live_server, headers={"Authorization": f"Bearer {token}"})

        # Not a header, which would need the real authentication; and not an override, which
        # all clients of the app would share.
        async def app_as_user(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "user": user}, receive, send)

        return http_client(ASGITransport(app_as_user))

    return client_as


@pytest.fixture
def client(client_as: ClientAs, fake_user: User) -> AsyncClient:
    """Its requests get their sessions from `override_session`: see `override_dependencies`."""
    return client_as(fake_user)


@pytest.fixture
async def other_client(client_as: ClientAs, session: AsyncSession) -> AsyncClient:
    return client_as(await add_user(session, "grace@example.com"))


@pytest.fixture
def anonymous_client(app_with_login: FastAPI, live_server: LiveServer | None) -> AsyncClient:
    return http_client(*live_server) if live_server else http_client(ASGITransport(app_with_login))


# Your own fixtures go below this line.
