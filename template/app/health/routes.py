import asyncio
from typing import Literal

import structlog
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.engine import EngineDep, check_storage

log = structlog.stdlib.get_logger()

router = APIRouter(tags=["health"])

TIMEOUT_SECONDS = 2.0


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/livez")
async def livez() -> Health:
    """Alive: if the process does not respond, restart it."""
    return Health()


@router.get("/readyz")
async def readyz(engine: EngineDep) -> Health:
    """Ready: the database responds, is migrated and takes writes; if not, send the traffic
    elsewhere.
    """
    # Not asyncio.timeout: it waits for the cancelled call, and a frozen server can
    # keep a driver from being cancelled.
    check = asyncio.create_task(ask_database(engine))
    await asyncio.wait({check}, timeout=TIMEOUT_SECONDS)
    if not check.done():
        check.cancel()
        raise HTTPException(503, f"The database did not respond in {TIMEOUT_SECONDS:g} seconds.")
    if not check.result():
        raise HTTPException(503, "The database can't be reached, has no tables or is read-only.")
    return Health()


async def ask_database(engine: AsyncEngine) -> bool:
    try:
        async with engine.connect() as connection:
            await check_storage(connection)
            revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except (SQLAlchemyError, OSError) as error:
        log.warning("The database is not ready", error=str(error))
        return False
    return revision is not None
