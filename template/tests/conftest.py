"""The fixtures, each built on those above it: a database, the two apps, users, clients.

The modules in tests/plugins/ change how a run works: which database, `--live`, the reports.
"""

from asyncio import Lock
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from app.auth.dependencies import get_current_user
from app.auth.models import User
from app.auth.service import get_user
from app.auth.tokens import issue_token
from app.db.engine import create_engine
from app.db.session import SessionDep, get_new_session, get_session
from app.errors import UnauthenticatedError
from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport, AsyncBaseTransport, AsyncClient
from tests.database import NewSession, delete_all_rows
from tests.helpers import add_user, http_client, settings_for
from tests.isolation import SessionInTurn, all_tasks_end, share, unchanged
from tests.stand_ins import put_stand_ins

pytest_plugins = [
    "tests.plugins.collector",
    "tests.plugins.database_url_option",
    "tests.plugins.databases",
    "tests.plugins.exchanges",
    "tests.plugins.isolation",
    "tests.plugins.network",
    "tests.plugins.live_server",
    "tests.plugins.one_service",
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
async def engine(settings: Settings, live: bool) -> AsyncIterator[AsyncEngine]:
    """All tests share it, since the run has one event loop."""
    engine = create_engine(settings)
    if not live:
        share(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(engine: AsyncEngine, live: bool) -> AsyncIterator[AsyncConnection]:
    """Opens one for each test, in a transaction that is rolled back when it is closed."""
    async with all_tasks_end(), engine.connect() as connection:
        if not live:
            await connection.begin()
        yield connection
    if live:  # a server process sees only what is committed
        await delete_all_rows(engine)


@pytest.fixture
def session(connection: AsyncConnection) -> AsyncSession:
    """A test prepares rows with it and looks them up."""
    return AsyncSession(
        connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    )


@pytest.fixture
def new_session(connection: AsyncConnection) -> NewSession:
    """Makes sessions for the code under test. A commit ends a savepoint; rows that are not
    committed are gone when the session is closed. Sessions at the same time take turns.
    """
    return async_sessionmaker(
        connection,
        class_=SessionInTurn,
        turn=Lock(),
        expire_on_commit=False,
        close_resets_only=False,
        join_transaction_mode="create_savepoint",
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

    async def override_current_user(connection: HTTPConnection, session: SessionDep) -> User:
        if "user_id" not in connection.scope:
            raise UnauthenticatedError("This app takes the user from `client` or `client_as`.")
        # As the database has it now, like the real one.
        return await get_user(session, connection.scope["user_id"])

    return override_current_user


@pytest.fixture(scope="session")
def apps(settings: Settings) -> tuple[FastAPI, FastAPI]:
    """All tests share them, since an app builds its routes with its first request."""
    return create_app(settings), create_app(settings)


@pytest.fixture(autouse=True)
def override_dependencies(request: pytest.FixtureRequest) -> Iterator[None]:
    """Puts the stand-ins into both apps, and takes back whatever a test changes in them."""
    if "apps" not in request.fixturenames:  # so that a test without an app opens no connection
        yield
        return
    app, app_with_login = request.getfixturevalue("apps")
    new_session: NewSession = request.getfixturevalue("new_session")

    async def override_new_session() -> NewSession:
        return new_session

    with unchanged(app), unchanged(app_with_login):
        for service in app, app_with_login:
            service.state.engine = request.getfixturevalue("engine")  # the lifespan does not run
            service.dependency_overrides[get_new_session] = override_new_session
            service.dependency_overrides[get_session] = request.getfixturevalue("override_session")
            put_stand_ins(service)
        user = request.getfixturevalue("override_current_user")
        app.dependency_overrides[get_current_user] = user
        yield


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
        user_id = user.id  # read now: a rollback of `session` expires the object
        if live_server:
            token = issue_token(user_id, settings)
            return http_client(*live_server, headers={"Authorization": f"Bearer {token}"})

        # Not a header, which would need the real authentication; and not an override, which
        # all clients of the app would share.
        async def app_as_user(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "user_id": user_id}, receive, send)

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
