"""The databases of the tests, in memory and on files, and a guard against all others."""

import re
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    Inspector,
    Table,
    create_engine,
    event,
    exc,
    inspect,
    make_url,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.base import Base
from tests.database import (
    Definitions,
    RunOn,
    migrate_or_stop,
    rows_of,
    stop_if_a_model_has_no_migration,
)
from tests.plugins.database_url_option import GIVEN, migrate_given

# All connections of this process share it, while one is open. Unlike `:memory:`, of which
# SQLAlchemy opens one connection for all, it has a pool and transactions as a file has.
IN_MEMORY = "file:/tests?vfs=memdb"
IN_MEMORY_URL = make_url(f"sqlite+aiosqlite:///{IN_MEMORY}&uri=true")
CAN_BE_SHARED = sqlite3.sqlite_version_info >= (3, 36)

# Those that `--live` puts back after each test.
rows_of_migrations: dict[Table, list[dict[str, Any]]] = {}


def pytest_configure(config: pytest.Config) -> None:
    given = config.stash[GIVEN]
    if given is None:
        return
    if "vfs" in given.query or "mode" in given.query:
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
def database_in_memory(request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """Made by the migrations, so that the tests run on the tables of production."""
    with closing(sqlite3.connect(IN_MEMORY, uri=True)) as connection:
        migrate_or_stop(request, IN_MEMORY_URL)
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
            # As after the migrations. Several connections that change it at once can fail.
            file.execute("PRAGMA journal_mode = WAL")
    else:
        migrate_or_stop(request, url_of(path))
    return path


@pytest.fixture(scope="session")
def database_url(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> URL:
    given = pytestconfig.stash[GIVEN]
    live = pytestconfig.getoption("live")
    if given is not None:
        url = given
        migrate_given(url, on, lambda: url_of(request.getfixturevalue("migrated_database")))
    elif CAN_BE_SHARED and not live:
        url = IN_MEMORY_URL
        request.getfixturevalue("database_in_memory")
    else:
        migrated = request.getfixturevalue("migrated_database")
        url = url_of(shutil.copy(migrated, tmp_path_factory.mktemp("tests") / "service.db"))
    stop_if_a_model_has_no_migration(request, on(url, definitions))
    if live:
        rows_of_migrations.update(on(url, rows_of))
    return url


@pytest.fixture
def new_database(database_url: URL, migrated_database: Path, tmp_path: Path) -> URL:
    """A file for a test that commits; no other test sees it."""
    # `database_url` ends the run with a sentence if a model has no migration.
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
    return on


def on(database: URL, function: Callable[[Connection], Any]) -> Any:
    engine = create_engine(database.set(drivername="sqlite"))
    try:
        with engine.connect() as connection:
            result = function(connection)
            connection.commit()
            return result
    finally:
        engine.dispose()


async def restore_rows(engine: AsyncEngine) -> None:
    def restore_rows(connection: Connection) -> None:
        # Foreign keys are off on such a connection, so the order does not matter.
        for table in Base.metadata.tables.values():
            connection.execute(table.delete())
            if rows := rows_of_migrations[table]:
                connection.execute(table.insert(), rows)

    on(engine.url, restore_rows)


def definitions(connection: Connection) -> Definitions:
    """Has each in the same words, in whatever words and order the table was created."""
    found: Definitions = {}
    with warnings.catch_warnings():
        # SQLAlchemy can't tell the columns of an index on an expression.
        warnings.simplefilter("ignore", exc.SAWarning)
        inspector = inspect(connection)
        for table in set(inspector.get_table_names()) - {"alembic_version"}:
            found |= definitions_of(table, inspector)
    parts = connection.exec_driver_sql(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    )
    for kind, name, table, sql in parts:
        if kind == "table" and name in found:
            words = r"(?i)\b(?:AUTOINCREMENT|COLLATE \W?\w+|STRICT|WITHOUT ROWID)\b"
            found[name] = " ".join(["TABLE", *sorted(re.findall(words, sql))])
        elif kind != "table":
            found[f"{table}.{name}"] = plain(sql.removeprefix("CREATE "))
    return found


def definitions_of(table: str, inspector: Inspector) -> Definitions:
    found = {table: "TABLE"}
    for column in inspector.get_columns(table):
        default, computed = column["default"], column.get("computed")
        words = [
            str(column["type"]),
            "NULL" if column["nullable"] else "NOT NULL",
            f"DEFAULT {default}" if default else "",
            f"GENERATED {computed}" if computed else "",
        ]
        found[f"{table}.{column['name']}"] = " ".join(filter(None, words))
    primary_key = inspector.get_pk_constraint(table)
    constraints = [
        (primary_key["name"], f"PRIMARY KEY ({columns(primary_key['constrained_columns'])})"),
        *(
            (unique["name"], f"UNIQUE ({columns(unique['column_names'])})")
            for unique in inspector.get_unique_constraints(table)
        ),
        *(
            (check["name"], f"CHECK ({plain(check['sqltext'])})")
            for check in inspector.get_check_constraints(table)
        ),
        *(
            (
                key["name"],
                f"FOREIGN KEY ({columns(key['constrained_columns'])}) REFERENCES "
                f"{key['referred_table']} ({columns(key['referred_columns'])}) {key['options']}",
            )
            for key in inspector.get_foreign_keys(table)
        ),
    ]
    for name, definition in constraints:
        found[f"{table}.{name or definition}"] = definition
    return found


def columns(names: Iterable[str | None]) -> str:
    return ", ".join(name or "" for name in names)


def plain(sql: str) -> str:
    return " ".join(sql.replace('"', "").split())
