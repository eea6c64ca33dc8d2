"""Rows are stored and seen as in production, with the sessions, connections and commits of requests."""

import pytest
from fastapi import FastAPI
from sqlalchemy import (
    Column,
    Executable,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.auth.models import User
from app.db.session import SessionDep
from app.errors import ConflictError
from tests.client import AsyncClient

pytestmark = pytest.mark.in_process


rows = Table("rows_of_a_test", MetaData(), Column("title", String))
WRITES = {
    "built": insert(rows).values(title="Buy milk"),
    "text": text("INSERT INTO rows_of_a_test VALUES ('Buy milk')"),
    "common table": text(
        "WITH one AS (SELECT 'Buy milk') INSERT INTO rows_of_a_test SELECT * FROM one"
    ),
}


@pytest.fixture
async def table_of_rows(committing_engine: AsyncEngine) -> None:
    async with committing_engine.begin() as connection:
        await connection.run_sync(rows.create)


@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
async def test_a_write_without_a_commit_leaves_no_row(
    table_of_rows: None,
    committing_client: AsyncClient,
    committing_engine: AsyncEngine,
    app_with_login: FastAPI,
    statement: Executable,
) -> None:
    @app_with_login.post("/rows")
    async def forget_to_commit(session: SessionDep) -> None:
        await session.execute(statement)

    response = await committing_client.post("/rows")

    assert response.status_code == 200
    async with committing_engine.connect() as connection:
        assert (await connection.execute(select(rows))).all() == []


async def number_of_users(engine: AsyncEngine) -> int | None:
    async with AsyncSession(engine) as session:
        return await session.scalar(select(func.count()).select_from(User))


async def test_a_handler_that_fails_leaves_no_row(
    committing_client: AsyncClient, committing_engine: AsyncEngine, app_with_login: FastAPI
) -> None:
    @app_with_login.post("/rows")
    async def fail(session: SessionDep) -> None:
        session.add(User(email="eve@example.com", password_hash="none"))
        await session.flush()
        raise ConflictError("Not now.")

    response = await committing_client.post("/rows")

    assert response.status_code == 409
    assert await number_of_users(committing_engine) == 0


async def test_a_read_sees_what_another_request_has_committed_since_the_last_one(
    committing_client: AsyncClient, committing_engine: AsyncEngine, app_with_login: FastAPI
) -> None:
    @app_with_login.get("/counts")
    async def count_twice(session: SessionDep) -> list[int | None]:
        count = select(func.count()).select_from(User)
        before = await session.scalar(count)
        async with AsyncSession(committing_engine) as other:
            other.add(User(email="eve@example.com", password_hash="none"))
            await other.commit()
        return [before, await session.scalar(count)]

    response = await committing_client.get("/counts")

    assert response.json() == [0, 1]


async def test_a_read_sees_what_its_own_request_has_written(
    committing_client: AsyncClient, app_with_login: FastAPI
) -> None:
    @app_with_login.get("/counts")
    async def write_and_count(session: SessionDep) -> int | None:
        session.add(User(email="eve@example.com", password_hash="none"))
        await session.flush()
        return await session.scalar(select(func.count()).select_from(User))

    response = await committing_client.get("/counts")

    assert response.json() == 1


async def test_a_read_does_not_wait_for_a_write(
    committing_client: AsyncClient, committing_engine: AsyncEngine, app_with_login: FastAPI
) -> None:
    @app_with_login.get("/count")
    async def count(session: SessionDep) -> int | None:
        return await session.scalar(select(func.count()).select_from(User))

    async with AsyncSession(committing_engine) as other:
        other.add(User(email="eve@example.com", password_hash="none"))
        await other.flush()
        response = await committing_client.get("/count")

    assert response.json() == 0
