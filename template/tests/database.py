"""The migrations, and the types of the fixtures that tests name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Table, inspect, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.db.base import Base
from migrations.failures import describe
from tests.helpers import settings_for

__all__ = [
    "PROJECT",
    "Definitions",
    "NewSession",
    "RunOn",
    "alembic_config",
    "delete_all_rows",
    "existing_tables",
    "migrate",
    "migrate_or_stop",
    "rows_of",
    "settings_for",
    "stop_if_a_model_has_no_migration",
]

PROJECT = Path(__file__).parents[1]

NewSession = async_sessionmaker[AsyncSession]
RunOn = Callable[[URL, Callable[[Connection], Any]], Any]

# All that DDL says of tables, columns, constraints and indexes, by name: `users`, `users.email`.
Definitions = dict[str, str]


def alembic_config(database_url: URL, **attributes: Any) -> Config:
    """The attributes are for migrations/env.py."""
    return Config(
        toml_file=PROJECT / "pyproject.toml",
        attributes={"settings": settings_for(database_url), **attributes},
    )


def migrate(database_url: URL) -> None:
    command.upgrade(alembic_config(database_url), "head")


def migrate_or_stop(request: pytest.FixtureRequest, database_url: URL) -> None:
    """Ends the run if a migration fails, as all tests would."""
    try:
        migrate(database_url)
    except Exception as error:
        stop(request, f"The migrations can't be run. {describe(error)}")


def stop_if_a_model_has_no_migration(
    request: pytest.FixtureRequest, definitions: Definitions
) -> None:
    for table in Base.metadata.tables.values():
        for name in [table.fullname, *map(str, table.columns)]:
            if name not in definitions:
                stop(
                    request,
                    f"No migration creates {name}, which is in the models. "
                    "Write one: uv run poe migration 'what it does'",
                )


def stop(request: pytest.FixtureRequest, sentence: str) -> None:
    if hasattr(request.config, "workerinput"):
        # A process of `-n` can't end the others, but lets the main one do it.
        request.session.shouldfail = sentence
        pytest.fail(sentence, pytrace=False)
    pytest.exit(sentence, returncode=1)


def existing_tables(connection: Connection) -> list[Table]:
    """Lists the tables of the models that the database has."""
    names = set(inspect(connection).get_table_names())
    return [table for table in Base.metadata.tables.values() if table.name in names]


def rows_of(connection: Connection) -> dict[Table, list[dict[str, Any]]]:
    return {
        table: [dict(row) for row in connection.execute(select(table)).mappings()]
        for table in existing_tables(connection)
    }


async def delete_all_rows(engine: AsyncEngine) -> None:
    """Leaves the rows that the migrations have brought."""
    from tests.plugins.databases import restore_rows  # it imports this module

    await restore_rows(engine)
