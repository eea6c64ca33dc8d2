"""What is stored, and what is seen: with the sessions, connections and commits of production."""

import pytest
from fastapi import FastAPI
from sqlalchemy import Executable, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.auth.models import User
from app.db.session import SessionDep
from app.errors import ConflictError
from tests.client import AsyncClient

pytestmark = pytest.mark.in_process


COLUMNS = "users (id, email, password_hash, created_at)"
VALUES = "'00000000000000000000000000000001', 'eve@example.com', 'none', CURRENT_TIMESTAMP"
WRITES = {
    "built": insert(User).values(email="eve@example.com", password_hash="none"),
    "text": text(f"INSERT INTO {COLUMNS} VALUES ({VALUES})"),
    "common table": text(f"WITH one AS (SELECT 1) INSERT INTO {COLUMNS} SELECT {VALUES} FROM one"),
}


async def number_of_users(engine: AsyncEngine) -> int | None:
    async with AsyncSession(engine) as session:
        return await session.scalar(select(func.count()).select_from(User))


@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
async def test_a_write_without_a_commit_leaves_no_row(
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
    assert await number_of_users(committing_engine) == 0


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
