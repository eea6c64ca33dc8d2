import asyncio
from importlib import import_module
from pathlib import Path

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection

import app
from app.db.base import Base
from app.db.engine import create_engine, migrating
from app.settings import Settings
from migrations.database import process_revision_directives, render_item
from migrations.failures import describe

# The next `poe migration` would drop a table whose model is not imported.
FOLDER = Path(app.__path__[0])
for path in sorted(FOLDER.rglob("*.py")):
    if path.name != "__main__.py":
        parts = path.relative_to(FOLDER.parent).with_suffix("").parts
        import_module(".".join(parts).removesuffix(".__init__"))


def run_migrations(connection: Connection) -> None:
    with migrating(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            render_item=render_item,
            process_revision_directives=process_revision_directives,
            # Where a table can't be altered, a new one replaces it.
            render_as_batch=not connection.dialect.supports_alter,
            **context.config.attributes.get("options", {}),
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
        except CommandError as error:
            raise CommandError(describe(error)) from error


async def main() -> None:
    settings = context.config.attributes.get("settings") or Settings()
    engine = create_engine(settings, for_migrations=True)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run_migrations)
            await connection.commit()
    finally:
        await engine.dispose()


# The tests give a connection, and options to look at the tables after each migration.
given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(main())
else:
    run_migrations(given)
