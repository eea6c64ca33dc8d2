from typing import Any

from alembic import command
from sqlalchemy import URL, Connection, inspect

from app.db.base import Base
from tests.database import RunOn, alembic_config

Schema = dict[str, dict[str, Any]]


def schema(connection: Connection) -> Schema:
    """The tables, without Alembic's own."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: f"{column['type']}{'' if column['nullable'] else ' NOT NULL'}"
                for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": inspector.get_foreign_keys(table),
            "unique": inspector.get_unique_constraints(table),
            "indexes": inspector.get_indexes(table),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_the_migrations_create_the_tables_of_the_models(
    run_on: RunOn, database_url: URL, empty_database: URL
) -> None:
    run_on(empty_database, Base.metadata.create_all)

    assert run_on(database_url, schema) == run_on(empty_database, schema)


def test_the_migrations_can_be_undone_and_redone(
    run_on: RunOn, database_url: URL, new_database: URL
) -> None:
    config = alembic_config(new_database)

    command.downgrade(config, "base")
    assert run_on(new_database, schema) == {}

    command.upgrade(config, "head")
    assert run_on(new_database, schema) == run_on(database_url, schema)
