"""`--database-url` lets the tests run on a database that somebody else has created."""

import os
from collections.abc import Callable

import pytest
from sqlalchemy import URL, Connection, func, select

from app.db.engine import parse_database_url
from tests.database import RunOn, existing_tables, migrate

GIVEN = pytest.StashKey[URL | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-url",
        metavar="URL",
        default=os.environ.get("TEST_DATABASE_URL"),
        help="run on this database without rows, which is migrated first; everything else is "
        "rolled back. TEST_DATABASE_URL in the environment does the same",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    text = config.getoption("database_url")
    if text and config.getoption("live"):
        raise pytest.UsageError(
            "--live has a database of its own: leave out --database-url and TEST_DATABASE_URL."
        )
    try:
        config.stash[GIVEN] = parse_database_url(text) if text else None
    except ValueError as error:
        raise pytest.UsageError(f"--database-url: {error}") from None


def migrate_given(database_url: URL, run_on: RunOn, migrated_database: Callable[[], URL]) -> None:
    """Refuses rows, except as many as the migrations bring to a new database."""
    try:
        found = run_on(database_url, count_rows)
        expected = run_on(migrated_database(), count_rows) if any(found.values()) else {}
        for table, count in found.items():
            if count > expected.get(table, 0):
                raise RuntimeError(
                    f"there are rows in {table}. The tests need a database without rows."
                )
        migrate(database_url)
    except Exception as error:
        pytest.exit(f"--database-url {database_url}: {error}", returncode=4)


def count_rows(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in existing_tables(connection)
    }
