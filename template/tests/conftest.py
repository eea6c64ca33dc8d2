import gc
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
from alembic import command
from alembic.config import Config
from fastapi import FastAPI, Request
from sqlalchemy import Dialect, Engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.dependencies import get_current_user
from app.auth.models import User
from app.db.engine import create_engine, get_engine
from app.db.session import SessionDep, get_session
from app.main import create_app
from app.settings import Settings
from tests.client import ASGITransport, AsyncClient
from tests.exchanges import exchanges, remember, show_exchanges


def pytest_collection_finish() -> None:
    # The collector passes over what is frozen: all that was imported. That, too, saves time.
    gc.freeze()
    gc.enable()


def pytest_runtest_setup() -> None:
    exchanges.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and exchanges:
        report.sections.append(("HTTP exchange", show_exchanges()))
    return report


@pytest.fixture(scope="session", autouse=True)
def guard_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever opens a connection, a background task included, opens one of the tests."""
    folder = tmp_path_factory.getbasetemp()

    def refuse(dialect: Dialect, record: object, arguments: list[str], options: object) -> None:
        database = arguments[0]
        if database != ":memory:" and not Path(database).resolve().is_relative_to(folder):
            raise RuntimeError(
                f"A test tried to open {database}, which the tests did not make. Use a session "
                "of the fixtures `session` or `new_session`, or the engine of `engine`."
            )

    event.listen(Engine, "do_connect", refuse)
    yield
    event.remove(Engine, "do_connect", refuse)


def settings_for(database: Path) -> Settings:
    """The same on every machine: no `.env` is read, and no variable has such a prefix."""
    return Settings(
        _env_file=None,
        _env_prefix="NOT_FROM_THE_ENVIRONMENT_",
        database_url=make_url(f"sqlite+aiosqlite:///{database}"),
        argon2_memory_kib=8,
        argon2_passes=1,
    )


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by the migrations, so that the tests run on the tables of production."""
    database = tmp_path_factory.mktemp("migrated") / "service.db"
    project = Path(__file__).parents[1] / "pyproject.toml"
    config = Config(toml_file=project, attributes={"settings": settings_for(database)})
    command.upgrade(config, "head")
    return database


@pytest.fixture(scope="session")
def settings(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    database = tmp_path_factory.mktemp("tests") / "service.db"
    shutil.copy(migrated_database, database)
    return settings_for(database)


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """All that a test writes is in one transaction; to close the connection rolls it back."""
    async with engine.connect() as connection:
        await connection.begin()
        yield connection


@pytest.fixture
def session(connection: AsyncConnection) -> AsyncSession:
    """For what a test prepares and looks up itself."""
    return AsyncSession(connection, expire_on_commit=False)


@pytest.fixture
def new_session(connection: AsyncConnection) -> Callable[[], AsyncSession]:
    """For what is tested: of what it forgets to commit, nothing is left when it is closed."""
    return partial(
        AsyncSession, connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    )


@pytest.fixture(scope="session")
async def fake_user(engine: AsyncEngine) -> AsyncIterator[User]:
    """The only row that is there before a test: to insert it once saves a lot of time."""
    user = User(email="ada@example.com", password_hash="no password has this hash")
    async with AsyncSession(engine, expire_on_commit=False) as session:
        session.add(user)
        await session.commit()
        yield user
        await session.delete(user)
        await session.commit()


@pytest.fixture(scope="session")
def app(settings: Settings) -> FastAPI:
    """Here nobody logs in: who sends a request is what its client says."""
    return create_app(settings)


@pytest.fixture(scope="session")
def app_with_login(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture(autouse=True)
def override_dependencies(app: FastAPI, app_with_login: FastAPI) -> None:
    """What one test overrides, the next one doesn't see."""
    app.dependency_overrides = {get_current_user: get_fake_user}
    app_with_login.dependency_overrides = {}


async def get_fake_user(request: Request, session: SessionDep) -> User:
    # A copy that belongs to the session of the request, like the real one.
    return await session.merge(request.scope["user"], load=False)


@pytest.fixture
def override_session(
    app: FastAPI,
    app_with_login: FastAPI,
    engine: AsyncEngine,
    new_session: Callable[[], AsyncSession],
    override_dependencies: None,
) -> None:
    """A new session for each request, as in production."""

    async def get_test_session() -> AsyncIterator[AsyncSession]:
        async with new_session() as session:
            yield session

    for each in (app, app_with_login):
        each.dependency_overrides |= {get_engine: lambda: engine, get_session: get_test_session}


@pytest.fixture
def client_as(app: FastAPI, override_session: None) -> Callable[[User], AsyncClient]:
    """One test may need several users at once."""

    def client_as(user: User) -> AsyncClient:
        async def app_as_user(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "user": user}, receive, send)

        return client_of(app_as_user)

    return client_as


@pytest.fixture
def client(client_as: Callable[[User], AsyncClient], fake_user: User) -> AsyncClient:
    return client_as(fake_user)


@pytest.fixture
def anonymous_client(app_with_login: FastAPI, override_session: None) -> AsyncClient:
    return client_of(app_with_login)


def client_of(app: ASGIApp) -> AsyncClient:
    return AsyncClient(
        # It has no socket, so nothing to close; `trust_env` would look for a proxy.
        transport=ASGITransport(app),
        base_url="http://test",
        trust_env=False,
        event_hooks={"response": [remember]},
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
