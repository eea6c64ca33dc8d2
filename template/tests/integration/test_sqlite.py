import asyncio
import os
import re
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import URL, Connection, Select, delete, exc, func, insert, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.auth.models import User
from app.db.engine import SPARE_BYTES, create_engine, is_busy, migrating
from app.db.session import SessionDep
from app.settings import Settings
from tests.client import AsyncClient
from tests.database import RunOn
from tests.helpers import problem, settings_for

EVE = {"email": "eve@example.com", "password": "correct horse"}
BUSY = problem(503, "Service Unavailable", "The database is busy.")

count_users = select(func.count()).select_from(User)
delete_users = delete(User)


async def test_a_connection_is_configured(new_database: URL) -> None:
    engine = create_engine(settings_for(new_database))
    pragmas = ["foreign_keys", "journal_mode", "synchronous", "busy_timeout"]

    async with engine.connect() as connection:
        values = [await connection.scalar(text(f"PRAGMA {pragma}")) for pragma in pragmas]
    await engine.dispose()

    assert values == [1, "wal", 1, 5_000]


async def test_a_savepoint_takes_the_write_lock(new_database: URL) -> None:
    engine = create_engine(settings_for(new_database))

    async with engine.connect() as connection, connection.begin_nested():
        assert is_locked(new_database)
    await engine.dispose()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (select(User.id), False),
        (select(User.id).with_for_update(), True),
        (select(User.id).limit(1).with_for_update(read=True, key_share=True), True),
    ],
    ids=["read", "for update", "for key share"],
)
async def test_a_read_that_locks_takes_the_write_lock(
    new_database: URL, statement: Select[tuple[UUID]], expected: bool
) -> None:
    engine = create_engine(settings_for(new_database))

    async with engine.connect() as connection:
        await connection.execute(statement)
        locked = is_locked(new_database)
    await engine.dispose()

    assert locked == expected


def test_a_migration_takes_the_write_lock(run_on: RunOn, empty_database: URL) -> None:
    def migrate(connection: Connection) -> bool:
        with migrating(connection):
            return is_locked(empty_database)

    assert run_on(empty_database, migrate)


def is_locked(database: URL) -> bool:
    """Whether another connection would have to wait for its turn to write."""
    with closing(sqlite3.connect(str(database.database), timeout=0)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


def test_a_migration_that_leaves_dangling_references_is_refused_and_undone(
    run_on: RunOn, empty_database: URL
) -> None:
    def migrate(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        with migrating(connection):
            connection.exec_driver_sql("CREATE TABLE owners (id INTEGER PRIMARY KEY)")
            connection.exec_driver_sql("CREATE TABLE pets (owner_id REFERENCES owners)")
            connection.exec_driver_sql(f"INSERT INTO pets VALUES {', '.join(['(7)'] * 11)}")

    ten = [("pets", number, "owners", 0) for number in range(1, 11)]
    sentence = f"These rows refer to rows that don't exist (undone): {ten}"
    with pytest.raises(RuntimeError, match=f"^{re.escape(sentence)}$"):
        run_on(empty_database, migrate)

    assert run_on(empty_database, lambda connection: inspect(connection).get_table_names()) == []


@pytest.fixture
def other_process(new_database: URL) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(str(new_database.database), isolation_level=None)) as connection:
        yield connection


@pytest.mark.in_process
async def test_a_lock_of_another_process_is_a_503_with_retry_after(
    committing_client: AsyncClient, other_process: sqlite3.Connection
) -> None:
    other_process.execute("BEGIN IMMEDIATE")

    response = await committing_client.post("/auth/register", json=EVE)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json() == BUSY


@pytest.mark.in_process
async def test_a_reader_does_not_wait_while_writers_wait_for_another_process(
    committing_client: AsyncClient, other_process: sqlite3.Connection
) -> None:
    await committing_client.get("/readyz")
    other_process.execute("BEGIN IMMEDIATE")
    writers = [
        asyncio.create_task(committing_client.post("/auth/register", json=EVE)) for _ in range(5)
    ]
    await asyncio.sleep(0)

    response = await committing_client.get("/readyz")

    assert response.status_code == 200
    assert [response.status_code for response in await asyncio.gather(*writers)] == [503] * 5


async def test_writers_of_one_process_take_turns(new_database: URL) -> None:
    engine = create_engine(settings_for(new_database))

    async def register(number: int) -> None:
        async with AsyncSession(engine) as session:
            await session.scalar(count_users)
            session.add(User(email=f"user{number}@example.com", password_hash="none"))
            await session.commit()

    await asyncio.gather(*[register(number) for number in range(20)])

    async with AsyncSession(engine) as session:
        assert await session.scalar(count_users) == 20
    await engine.dispose()


async def test_a_write_that_is_cancelled_leaves_its_turn_to_the_next_one(
    committing_engine: AsyncEngine, other_process: sqlite3.Connection
) -> None:
    async def register(email: str) -> None:
        async with AsyncSession(committing_engine) as session:
            session.add(User(email=email, password_hash="none"))
            await session.commit()

    other_process.execute("BEGIN IMMEDIATE")
    cancelled = asyncio.create_task(register("eve@example.com"))
    await asyncio.sleep(0.01)
    cancelled.cancel()
    other_process.execute("ROLLBACK")
    await register("ada@example.com")

    async with AsyncSession(committing_engine) as session:
        assert (await session.scalars(select(User.email))).all() == ["ada@example.com"]


async def test_a_transaction_whose_connection_is_lost_leaves_its_turn_to_the_next_one(
    committing_engine: AsyncEngine,
) -> None:
    async with committing_engine.connect() as lost, committing_engine.connect() as other:
        await lost.execute(delete_users)
        await lost.invalidate()

        await other.execute(delete_users)
        await other.commit()


async def test_many_rows_are_written_at_once(committing_engine: AsyncEngine) -> None:
    rows = [{"email": f"user{number}@example.com", "password_hash": "none"} for number in range(3)]
    async with committing_engine.connect() as connection:
        await connection.execute(insert(User), rows)
        assert (await connection.scalars(count_users)).one() == 3

    async with committing_engine.connect() as connection:
        assert (await connection.scalars(count_users)).one() == 0


@pytest.mark.in_process
async def test_a_statement_that_takes_too_long_is_a_503(
    committing_client: AsyncClient, app_with_login: FastAPI
) -> None:
    @app_with_login.get("/forever")
    async def count_forever(session: SessionDep) -> None:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        await session.execute(text(f"{numbers} SELECT count(*) FROM n"))

    response = await committing_client.get("/forever")

    assert response.status_code == 503
    assert response.json() == BUSY


async def test_many_rows_are_read_whole(committing_engine: AsyncEngine) -> None:
    numbers = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2500) SELECT i FROM n"
    )
    async with committing_engine.connect() as connection:
        at_once = (await connection.scalars(numbers)).all()
        streamed = [number async for number in await connection.stream_scalars(numbers)]
        result = await connection.stream_scalars(numbers)
        first = await result.first()

    assert at_once == streamed == list(range(1, 2501))
    assert first == 1


async def test_a_cursor_of_the_driver_reads_row_by_row(committing_engine: AsyncEngine) -> None:
    async with committing_engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        async with driver.cursor() as cursor:
            await cursor.execute("SELECT 1")
            rows = [await cursor.fetchone(), await cursor.fetchone()]

    assert rows == [(1,), None]


@pytest.mark.in_process
@pytest.mark.parametrize("fault", ["deleted", "replaced"])
async def test_nothing_is_written_to_a_file_that_is_lost(
    committing_client: AsyncClient, new_database: URL, migrated_database: Path, fault: str
) -> None:
    await committing_client.get("/readyz")
    remove(new_database)
    if fault == "replaced":
        shutil.copy(migrated_database, str(new_database.database))

    responses = [
        await committing_client.get("/readyz"),
        await committing_client.post("/auth/register", json=EVE),
    ]

    expected = [200, 201] if fault == "replaced" else [503, 503]
    assert [response.status_code for response in responses] == expected
    assert exists(new_database) is (fault == "replaced")


def remove(database: URL) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database.database}{suffix}").unlink(missing_ok=True)


def exists(database: URL) -> bool:
    return Path(str(database.database)).exists()


@pytest.mark.in_process
async def test_a_full_disk_is_a_503(
    committing_client: AsyncClient, committing_engine: AsyncEngine, app_with_login: FastAPI
) -> None:
    @app_with_login.post("/blob")
    async def store(session: SessionDep) -> None:
        await session.execute(text("PRAGMA max_page_count = 1"))
        await session.execute(text("CREATE TABLE blobs AS SELECT zeroblob(1000000)"))

    response = await committing_client.post("/blob")

    assert response.status_code == 503
    assert response.json() == BUSY


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process can grow to what a request may bring."""
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SPARE_BYTES - 1, most))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))


@pytest.mark.in_process
async def test_a_service_whose_disk_is_full_is_alive_but_not_ready(
    committing_client: AsyncClient, full_disk: None
) -> None:
    responses = [await committing_client.get(path) for path in ("/readyz", "/livez")]

    assert [response.status_code for response in responses] == [503, 200]


@pytest.mark.in_process
async def test_a_service_whose_file_is_read_only_is_alive_but_not_ready(
    committing_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *arguments: False)  # to root, no file is read-only

    responses = [await committing_client.get(path) for path in ("/readyz", "/livez")]

    assert [response.status_code for response in responses] == [503, 200]


@pytest.mark.in_process
async def test_a_write_to_a_read_only_database_is_a_503(
    committing_client: AsyncClient, committing_engine: AsyncEngine
) -> None:
    async with committing_engine.connect() as connection:
        await connection.execute(text("PRAGMA query_only = ON"))

    response = await committing_client.post("/auth/register", json=EVE)

    assert response.status_code == 503
    assert response.json() == BUSY


def overwrite(database: URL) -> None:
    Path(str(database.database)).write_bytes(b"no database" * 1000)


@pytest.fixture
def corrupt_database(new_database: URL) -> None:
    overwrite(new_database)


@pytest.mark.in_process
async def test_a_file_that_is_no_database_is_a_503(
    corrupt_database: None, committing_client: AsyncClient
) -> None:
    responses = [
        await committing_client.get("/readyz"),
        await committing_client.post("/auth/register", json=EVE),
    ]

    assert [response.status_code for response in responses] == [503, 503]


@pytest.mark.in_process
async def test_a_service_whose_file_is_overwritten_is_not_ready(
    committing_client: AsyncClient, new_database: URL
) -> None:
    before = await committing_client.get("/readyz")
    overwrite(new_database)

    response = await committing_client.get("/readyz")

    assert (before.status_code, response.status_code) == (200, 503)


async def test_an_error_of_the_statement_is_not_a_busy_database(
    committing_engine: AsyncEngine,
) -> None:
    async with committing_engine.connect() as connection:
        with pytest.raises(exc.DBAPIError) as error:
            await connection.execute(text("SELECT * FROM no_such_table"))

    assert not is_busy(error.value)


def test_the_database_is_a_file_beside_the_service_by_default() -> None:
    assert str(Settings().database_url) == "sqlite+aiosqlite:///service.db"


@pytest.mark.parametrize(
    "url", ["service.db", "sqlite:///service.db", "sqlite+aiosqlite:///:memory:"]
)
def test_a_url_of_another_database_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    sentence = "Value error, DATABASE_URL must look like sqlite+aiosqlite:///service.db"
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        Settings()
