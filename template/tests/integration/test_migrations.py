from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from app.db.base import Base


def test_the_migrations_make_what_the_models_say(migrated_database: Path) -> None:
    engine = create_engine(f"sqlite:///{migrated_database}")
    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()

    assert difference == []
