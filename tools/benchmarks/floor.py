"""The fastest that a service could be: its routes without login, on the raw driver of the database.

The throughput of a service is measured as a share of this one's. It runs with the libraries of the
service that it is compared with: `DATABASE=sqlite:///path uvicorn floor:app`.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from fastapi import FastAPI
from pydantic import BaseModel

ADDRESS = os.environ["DATABASE"]
TABLE = """
    CREATE TABLE IF NOT EXISTS floor (
        id TEXT PRIMARY KEY, title TEXT NOT NULL, done BOOLEAN NOT NULL, created_at TEXT NOT NULL
    )
"""


class New(BaseModel):
    title: str


class Task(BaseModel):
    id: UUID
    title: str
    done: bool
    created_at: datetime


class Driver(Protocol):
    async def fetch(self, statement: str, *values: object) -> Sequence[Any]: ...

    async def execute(self, statement: str, *values: object) -> object: ...


@asynccontextmanager
async def on_sqlite() -> AsyncIterator[Driver]:
    import aiosqlite

    class Connection:
        async def fetch(self, statement: str, *values: object) -> Sequence[Any]:
            async with driver.execute(statement, values) as cursor:
                return list(await cursor.fetchall())

        async def execute(self, statement: str, *values: object) -> object:
            return await driver.execute(statement, values)

    async with aiosqlite.connect(
        ADDRESS.removeprefix("sqlite:///"), isolation_level=None
    ) as driver:
        await driver.execute("PRAGMA journal_mode = WAL")
        await driver.execute("PRAGMA synchronous = NORMAL")
        yield Connection()


@asynccontextmanager
async def on_postgresql() -> AsyncIterator[Driver]:
    import asyncpg

    async with asyncpg.create_pool(ADDRESS, min_size=5, max_size=15) as pool:
        yield pool


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with on_sqlite() if ADDRESS.startswith("sqlite") else on_postgresql() as driver:
        await driver.execute(TABLE)
        app.state.driver = driver
        yield


app = FastAPI(lifespan=lifespan)


def task(row: Sequence[Any]) -> Task:
    return Task(id=row[0], title=row[1], done=row[2], created_at=row[3])


@app.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/tasks", status_code=201)
async def create_task(new: New) -> Task:
    created = Task(id=uuid4(), title=new.title, done=False, created_at=datetime.now(UTC))
    values = (str(created.id), created.title, created.done, created.created_at.isoformat())
    await app.state.driver.execute("INSERT INTO floor VALUES ($1, $2, $3, $4)", *values)
    return created


@app.get("/tasks")
async def list_tasks() -> list[Task]:
    rows = await app.state.driver.fetch("SELECT * FROM floor ORDER BY created_at LIMIT 50")
    return [task(row) for row in rows]


@app.get("/tasks/{task_id}")
async def read_task(task_id: UUID) -> Task:
    rows = await app.state.driver.fetch("SELECT * FROM floor WHERE id = $1", str(task_id))
    return task(rows[0])
