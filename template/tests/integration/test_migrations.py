import shutil
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import create_engine, inspect

from app.db.base import Base
from tests.database import alembic_config, url_of

Schema = dict[str, dict[str, Any]]


def schema_of(database: Path) -> Schema:
    """Of each table but Alembic's own."""
    engine = create_engine(f"sqlite:///{database}")
    inspector = inspect(engine)
    schema = {
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
    engine.dispose()
    return schema


def test_the_migrations_make_what_the_models_say(migrated_database: Path, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/models.db")
    Base.metadata.create_all(engine)
    engine.dispose()

    assert schema_of(migrated_database) == schema_of(tmp_path / "models.db")


def test_the_migrations_can_be_undone_and_done_again(
    migrated_database: Path, tmp_path: Path
) -> None:
    database = Path(shutil.copy(migrated_database, tmp_path))
    config = alembic_config(url_of(database))

    command.downgrade(config, "base")
    assert schema_of(database) == {}

    command.upgrade(config, "head")
    assert schema_of(database) == schema_of(migrated_database)
