"""Whatever a test does, the next one finds what it would find alone, or the test is named."""

from pathlib import Path

import pytest

from evergreen.services import run_suite

IMPORTS = """
import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from starlette.middleware.gzip import GZipMiddleware

from app.auth.models import User
from tests.client import AsyncClient
from tests.database import NewSession
"""

# Each is written so that it fails if another one before it has left something behind.
HARMLESS = {
    "its session is rolled back": """
async def test(client: AsyncClient, session: AsyncSession) -> None:
    await session.rollback()
    assert (await client.post("/tasks", json={"title": "x"})).status_code == 201
    await session.rollback()
    assert len((await client.get("/tasks")).json()) == 1
""",
    "its session is closed": """
async def test(client: AsyncClient, session: AsyncSession) -> None:
    await session.close()
    assert (await client.post("/tasks", json={"title": "x"})).status_code == 201
    assert len((await client.get("/tasks")).json()) == 1
""",
    "its session is broken": """
async def test(client: AsyncClient, session: AsyncSession, fake_user: User) -> None:
    session.add(User(email=fake_user.email, password_hash="x"))
    with pytest.raises(IntegrityError):
        await session.commit()
    await session.rollback()
    assert (await client.post("/tasks", json={"title": "x"})).status_code == 201
    assert len((await client.get("/tasks")).json()) == 1
""",
    "its connection is rolled back": """
async def test(session: AsyncSession, connection: AsyncConnection, fake_user: User) -> None:
    await connection.rollback()
""",
    "the app gets state, a route, a handler and a middleware": """
async def test(client: AsyncClient, app: FastAPI) -> None:
    assert not hasattr(app.state, "number")
    assert (await client.get("/new")).status_code == 404
    app.state.number = 1
    app.middleware_stack = None
    app.add_middleware(GZipMiddleware)

    @app.get("/new")
    async def new() -> str:
        return "x" * 1000

    @app.exception_handler(404)
    async def not_found(request: object, error: object) -> None:
        pass

    assert (await client.get("/new")).headers["Content-Encoding"] == "gzip"
""",
    "the app gets a middleware before its first request": """
async def test(client: AsyncClient, app: FastAPI) -> None:
    app.add_middleware(GZipMiddleware)
    response = await client.get("/openapi.json")
    assert response.headers["Content-Encoding"] == "gzip"
""",
    "the app gets other overrides": """
async def test(client: AsyncClient, app: FastAPI) -> None:
    app.dependency_overrides = {}
    assert (await client.get("/tasks")).status_code == 401
""",
    "a session is used after its end": """
async def test(new_session: NewSession) -> None:
    async with new_session() as session:
        pass
    with pytest.raises(InvalidRequestError, match="closed"):
        await session.execute(text("SELECT 1"))
""",
}

USER = "INSERT INTO users VALUES ('{}', 'a@example.com', 'x', '2026-01-01 00:00:00')".format(
    "1" * 32
)

LEFT_BEHIND = {
    "a commit on the engine": (
        f"""
async def test(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("{USER}"))
""",
        "A test tried to commit to the database of all tests. Use a session of the fixtures",
    ),
    "a commit after its connection was rolled back": (
        """
async def test(client: AsyncClient, connection: AsyncConnection) -> None:
    await connection.rollback()
    user = {"email": "a@example.com", "password": "correct horse"}
    await client.post("/auth/register", json=user)
""",
        "A test tried to commit to the database of all tests. Use a session of the fixtures",
    ),
    "a connection": (
        """
leaked = []


async def test(engine: AsyncEngine) -> None:
    leaked.append(await engine.connect())
""",
        "The test left a connection of `engine` open: use `async with`.",
    ),
    "a task": (
        """
async def test(session: AsyncSession) -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    assert not task.done()
""",
        "The test left a task that goes on: <coroutine object sleep",
    ),
}


def test_what_a_test_does_is_not_seen_by_the_next(
    service_to_change: Path, installed_service: Path
) -> None:
    for number, code in enumerate(HARMLESS.values()):
        for turn in "ab":
            file = service_to_change / f"tests/test_{turn}_{number}.py"
            file.write_text(IMPORTS + code)

    result = run_suite(
        installed_service,
        "-p",
        "no:randomly",
        *(f"tests/test_{turn}_{number}.py" for turn in "ab" for number in range(len(HARMLESS))),
        "tests/test_tasks.py",
        service=service_to_change,
    )

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("code", "sentence"), LEFT_BEHIND.values(), ids=LEFT_BEHIND)
def test_a_test_that_leaves_something_behind_is_named(
    service_to_change: Path, installed_service: Path, code: str, sentence: str
) -> None:
    (service_to_change / "tests/test_planted.py").write_text(IMPORTS + code)

    result = run_suite(
        installed_service,
        "-p",
        "no:randomly",
        "tests/test_planted.py",
        "tests/test_auth.py",
        service=service_to_change,
    )

    assert result.returncode == 1
    assert sentence in result.stdout
    failed = [line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR "))]
    assert len(failed) == 1
    assert "tests/test_planted.py::test" in failed[0]
