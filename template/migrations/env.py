import asyncio
from importlib import import_module
from pathlib import Path
from typing import Literal

from alembic import context
from sqlalchemy import Connection

import app
from app.db.base import Base, UtcDateTime
from app.db.engine import create_engine
from app.settings import Settings

# A table whose model is not imported would be dropped by the next `poe migration`.
for models in Path(app.__path__[0]).glob("*/models.py"):
    import_module(f"app.{models.parent.name}.models")


def render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    # A migration stays as it is when the models' own types change or go.
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


def run_migrations(connection: Connection) -> None:
    # SQLite changes a column by making a new table and dropping the old one; with
    # foreign keys on, that would delete all rows that refer to it.
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    # The driver begins no transaction before DDL: without this, a migration that
    # fails in the middle leaves half of its work behind.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=True,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(f"These rows refer to rows that don't exist (undone): {broken[:10]}")


async def main() -> None:
    engine = create_engine(context.config.attributes.get("settings") or Settings())
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run_migrations)
    finally:
        await engine.dispose()


asyncio.run(main())
