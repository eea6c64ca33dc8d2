"""The databases of the tests: files in a temporary folder, or the one of `--database-url`."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event

from tests.database import GIVEN, RunOn, migrate, migrate_given


def pytest_configure(config: pytest.Config) -> None:
    given = config.stash[GIVEN]
    if given is None:
        return
    if given.database in {None, "", ":memory:"}:
        raise pytest.UsageError(f"--database-url {given}: each connection would have its own.")
    if not Path(given.database or "").parent.is_dir():
        raise pytest.UsageError(f"--database-url {given}: there is no such folder.")


def url_of(database: str | Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(database))


@pytest.fixture(scope="session", autouse=True)
def guard_databases(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[None]:
    """Whatever opens a connection, a background task included, opens one of the tests."""
    places = [tmp_path_factory.getbasetemp()]
    given = pytestconfig.stash[GIVEN]
    if given is not None:
        places.append(Path(given.database or "").resolve())

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
    migrate(url_of(database))
    return database


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
    migrated = request.getfixturevalue("migrated_database")
    return url_of(shutil.copy(migrated, tmp_path_factory.mktemp("tests") / "service.db"))


@pytest.fixture
def new_database(migrated_database: Path, tmp_path: Path) -> URL:
    """For what has to commit: no other test sees it."""
    return url_of(shutil.copy(migrated_database, tmp_path / "new.db"))


@pytest.fixture
def empty_database(tmp_path: Path) -> URL:
    return url_of(tmp_path / "empty.db")


@pytest.fixture
def unreachable_database(tmp_path: Path) -> URL:
    return url_of(tmp_path / "no/such/folder/service.db")


@pytest.fixture
def run_on() -> RunOn:
    """Commits; without an event loop, as the migrations have one of their own."""

    def run_on(database: URL, function: Callable[[Connection], Any]) -> Any:
        engine = create_engine(database.set(drivername="sqlite"))
        try:
            with engine.begin() as connection:
                return function(connection)
        finally:
            engine.dispose()

    return run_on
