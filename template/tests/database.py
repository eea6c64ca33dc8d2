"""The database of the tests: where it is, what may open it, and what undoes each test."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Dialect, Engine, event, exists, make_url, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from app.db.base import Base
from app.db.engine import create_engine
from app.settings import Settings, parse_database_url

NewSession = Callable[[], AsyncSession]

PROJECT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-url",
        metavar="URL",
        help="run on this database without rows, which is migrated first; the rest is rolled back",
    )


def pytest_configure(config: pytest.Config) -> None:
    url = config.getoption("database_url")
    if url is not None:
        if config.getoption("live"):
            raise pytest.UsageError("--live has a database of its own: leave out --database-url.")
        try:
            database = parse_database_url(url).database
        except ValueError as error:
            raise pytest.UsageError(f"--database-url: {error}") from None
        if database in {None, ":memory:"}:
            raise pytest.UsageError(f"--database-url {url}: each connection would have its own.")
        if not Path(database or "").parent.is_dir():
            raise pytest.UsageError(f"--database-url {url}: there is no such folder.")


def settings_for(database_url: URL) -> Settings:
    """The same on every machine: no `.env` is read, and no variable has such a prefix."""
    return Settings(
        _env_file=None,
        _env_prefix="NOT_FROM_THE_ENVIRONMENT_",
        database_url=database_url,
        argon2_memory_kib=8,
        argon2_passes=1,
    )


def url_of(database: str | Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(database))


def alembic_config(database_url: URL) -> Config:
    return Config(
        toml_file=PROJECT / "pyproject.toml", attributes={"settings": settings_for(database_url)}
    )


@pytest.fixture(scope="session", autouse=True)
def guard_databases(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[None]:
    """Whatever opens a connection, a background task included, opens one of the tests."""
    places = [tmp_path_factory.getbasetemp()]
    given = pytestconfig.getoption("database_url")
    if given is not None:
        places.append(Path(make_url(given).database or "").resolve())

    def refuse(dialect: Dialect, record: object, arguments: list[str], options: object) -> None:
        database = arguments[0]
        path = Path(database).resolve()
        if database != ":memory:" and not any(path.is_relative_to(place) for place in places):
            raise RuntimeError(
                f"A test tried to open {url_of(database)}, which the tests did not make. "
                "Use a session of the fixtures `session` or `new_session`, or the engine of "
                "`engine`."
            )

    event.listen(Engine, "do_connect", refuse)
    yield
    event.remove(Engine, "do_connect", refuse)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by the migrations, so that the tests run on the tables of production."""
    database = tmp_path_factory.mktemp("migrated") / "service.db"
    command.upgrade(alembic_config(url_of(database)), "head")
    return database


@pytest.fixture(scope="session")
def settings(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Settings:
    given = pytestconfig.getoption("database_url")
    if given is not None:
        url = make_url(given)
        try:
            command.upgrade(alembic_config(url), "head")
        except Exception as error:
            pytest.exit(f"--database-url {url}: {error}", returncode=4)
        return settings_for(url)
    database = tmp_path_factory.mktemp("tests") / "service.db"
    return settings_for(url_of(shutil.copy(migrated_database, database)))


@pytest.fixture(scope="session")
async def engine(settings: Settings, pytestconfig: pytest.Config) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings)
    if pytestconfig.getoption("database_url"):
        await refuse_rows(engine)
    yield engine
    await engine.dispose()


async def refuse_rows(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if await connection.scalar(select(exists(table.select()))):
                pytest.exit(
                    f"--database-url {engine.url}: there are rows in {table.name}. The tests "
                    "need a database without rows.",
                    returncode=4,
                )


@pytest.fixture
async def connection(
    engine: AsyncEngine, pytestconfig: pytest.Config
) -> AsyncIterator[AsyncConnection]:
    """All that a test writes is in one transaction; to close the connection rolls it back."""
    live = pytestconfig.getoption("live")
    async with engine.connect() as connection:
        if not live:
            await connection.begin()
        yield connection
    if live:
        # A server sees only what is committed, so it has to be deleted.
        async with engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                await connection.execute(table.delete())


@pytest.fixture
def session(connection: AsyncConnection) -> AsyncSession:
    """For what a test prepares and looks up itself."""
    return AsyncSession(connection, expire_on_commit=False)


@pytest.fixture
def new_session(connection: AsyncConnection) -> NewSession:
    """For what is tested: of what it forgets to commit, nothing is left when it is closed."""
    return partial(
        AsyncSession, connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
    )
