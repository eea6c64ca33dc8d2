"""The databases of the tests, in memory and on files, and a guard against all others."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url

from tests.database import RunOn, migrate
from tests.plugins.database_url_option import GIVEN, migrate_given

# All connections of this process share it, while one is open. Unlike `:memory:`, of which
# SQLAlchemy opens one connection for all, it has a pool and transactions as a file has.
IN_MEMORY = "file:/tests?vfs=memdb"
IN_MEMORY_URL = make_url(f"sqlite+aiosqlite:///{IN_MEMORY}&uri=true")
CAN_BE_SHARED = sqlite3.sqlite_version_info >= (3, 36)


def pytest_configure(config: pytest.Config) -> None:
    given = config.stash[GIVEN]
    if given is None:
        return
    if given.database in {None, "", ":memory:"} or "vfs" in given.query or "mode" in given.query:
        raise pytest.UsageError(f"--database-url {given}: name a file.")
    if not path_of(given.database).parent.is_dir():
        raise pytest.UsageError(f"--database-url {given}: there is no such folder.")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not CAN_BE_SHARED:
        terminalreporter.write_line(
            f"SQLite {sqlite3.sqlite_version} can't share a database in memory (3.36 can): "
            "the tests used a file."
        )


def url_of(database: str | Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(database))


def has_written(connection: Connection) -> bool:
    """The driver begins a transaction before a write only."""
    driver: Any = connection.connection.driver_connection
    return bool(driver.in_transaction)


def path_of(database: str | None) -> Path:
    """The path of a database file, which a URI may name."""
    return Path((database or "").removeprefix("file:").partition("?")[0]).resolve()


@pytest.fixture(scope="session", autouse=True)
def guard_databases(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[None]:
    """Refuses a connection to any other database, also from a background task."""
    places = [tmp_path_factory.getbasetemp()]
    given = pytestconfig.stash[GIVEN]
    if given is not None:
        places.append(path_of(given.database))

    def refuse(dialect: Dialect, record: object, arguments: list[str], options: object) -> None:
        database = arguments[0]
        in_memory = database in {":memory:", IN_MEMORY}
        if not in_memory and not any(path_of(database).is_relative_to(place) for place in places):
            raise RuntimeError(
                f"A test tried to open {url_of(database)}, which the tests did not create. "
                "Use a session of the fixtures `session` or `new_session`, the engine of "
                "`engine`, or, for real commits, a database of `new_database`."
            )

    event.listen(Engine, "do_connect", refuse)
    yield
    event.remove(Engine, "do_connect", refuse)


@pytest.fixture(scope="session")
def database_in_memory() -> Iterator[sqlite3.Connection]:
    """Made by the migrations, so that the tests run on the tables of production."""
    with closing(sqlite3.connect(IN_MEMORY, uri=True)) as connection:
        migrate(IN_MEMORY_URL)
        yield connection


@pytest.fixture(scope="session")
def migrated_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A file with the tables that the migrations made in memory."""
    path = tmp_path_factory.mktemp("migrated") / "service.db"
    if CAN_BE_SHARED:
        with closing(sqlite3.connect(path)) as file:
            request.getfixturevalue("database_in_memory").backup(file)
    else:
        migrate(url_of(path))
    return path


@pytest.fixture(scope="session")
def database_url(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> URL:
    given = pytestconfig.stash[GIVEN]
    if given is not None:
        migrate_given(given)
        return given
    if CAN_BE_SHARED and not pytestconfig.getoption("live"):
        request.getfixturevalue("database_in_memory")
        return IN_MEMORY_URL
    migrated = request.getfixturevalue("migrated_database")
    return url_of(shutil.copy(migrated, tmp_path_factory.mktemp("tests") / "service.db"))


@pytest.fixture
def new_database(migrated_database: Path, tmp_path: Path) -> URL:
    """A file for a test that commits; no other test sees it."""
    return url_of(shutil.copy(migrated_database, tmp_path / "new.db"))


@pytest.fixture
def empty_database(tmp_path: Path) -> URL:
    return url_of(tmp_path / "empty.db")


@pytest.fixture
def unreachable_database(tmp_path: Path) -> URL:
    return url_of(tmp_path / "no/such/folder/service.db")


@pytest.fixture
def run_on() -> RunOn:
    """Runs a function on a connection and commits; without an event loop, which migrations make."""

    def run_on(database: URL, function: Callable[[Connection], Any]) -> Any:
        engine = create_engine(database.set(drivername="sqlite"))
        try:
            with engine.begin() as connection:
                return function(connection)
        finally:
            engine.dispose()

    return run_on
