"""`poe cleanup`: deletes tasks that are done and old, as a nightly job does."""

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.cleanup.service import delete_old_done_tasks
from app.db.engine import create_engine
from app.logs import configure_logs
from app.settings import Settings

log = structlog.stdlib.get_logger()


async def main(settings: Settings) -> None:
    configure_logs(settings)
    engine = create_engine(settings)
    try:
        async with AsyncSession(engine) as session:
            log.info("cleanup", deleted=await delete_old_done_tasks(session))
    finally:
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(Settings()))
