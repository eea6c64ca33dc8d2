"""`--database-url` lets the tests run on a database that somebody else has created."""

import asyncio
import os

import pytest
from sqlalchemy import URL, exists, inspect, select

from app.db.base import Base
from app.db.engine import create_engine, parse_database_url
from tests.database import migrate
from tests.helpers import settings_for

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


def migrate_given(database_url: URL) -> None:
    try:
        asyncio.run(refuse_rows(database_url))
        migrate(database_url)
    except Exception as error:
        pytest.exit(f"--database-url {database_url}: {error}", returncode=4)


async def refuse_rows(database_url: URL) -> None:
    engine = create_engine(settings_for(database_url))
    async with engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        for table in Base.metadata.sorted_tables:
            if table.name in names and await connection.scalar(select(exists(select(table.c[0])))):
                raise RuntimeError(
                    f"there are rows in {table.name}. The tests need a database without rows."
                )
    await engine.dispose()
