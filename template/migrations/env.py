import asyncio
from importlib import import_module
from pathlib import Path
from typing import Literal

from alembic import context
from sqlalchemy import Connection

import app
from app.db.base import Base, UtcDateTime
from app.db.engine import create_engine, migrating
from app.settings import Settings

# The next `poe migration` would drop a table whose model is not imported.
for models in Path(app.__path__[0]).glob("*/models.py"):
    import_module(f"app.{models.parent.name}.models")


def render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    # A migration must not change with the models' own types.
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


def run_migrations(connection: Connection) -> None:
    with migrating(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=render_item,
            # Where a table can't be altered, a new one replaces it.
            render_as_batch=not connection.dialect.supports_alter,
        )
        with context.begin_transaction():
            context.run_migrations()


async def main() -> None:
    engine = create_engine(context.config.attributes.get("settings") or Settings())
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run_migrations)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(main())
