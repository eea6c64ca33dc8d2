from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.engine import create_engine, get_engine
from app.settings import Settings
from tests.client import AsyncClient
from tests.helpers import settings_for


@pytest.fixture
def impatient_settings(new_database: URL) -> Settings:
    """For a database where tests commit, and where a wait for a lock ends soon."""
    update = {"database_lock_timeout_seconds": 0.05, "database_statement_timeout_seconds": 0.2}
    return settings_for(new_database).model_copy(update=update)


@pytest.fixture
async def committing_engine(impatient_settings: Settings) -> AsyncIterator[AsyncEngine]:
    """For tests of several transactions, which the one connection of a test can't show."""
    engine = create_engine(impatient_settings)
    yield engine
    await engine.dispose()


@pytest.fixture
def committing_client(
    anonymous_client: AsyncClient, app_with_login: FastAPI, committing_engine: AsyncEngine
) -> AsyncClient:
    app_with_login.dependency_overrides = {get_engine: lambda: committing_engine}
    return anonymous_client
