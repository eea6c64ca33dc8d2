"""The migrations, and the types of the fixtures that tests name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.db.base import Base
from tests.helpers import settings_for

__all__ = [
    "PROJECT",
    "NewSession",
    "RunOn",
    "alembic_config",
    "delete_all_rows",
    "migrate",
    "settings_for",
]

PROJECT = Path(__file__).parents[1]

NewSession = async_sessionmaker[AsyncSession]
RunOn = Callable[[URL, Callable[[Connection], Any]], Any]


def alembic_config(database_url: URL) -> Config:
    return Config(
        toml_file=PROJECT / "pyproject.toml", attributes={"settings": settings_for(database_url)}
    )


def migrate(database_url: URL) -> None:
    command.upgrade(alembic_config(database_url), "head")


async def delete_all_rows(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            await connection.execute(table.delete())
