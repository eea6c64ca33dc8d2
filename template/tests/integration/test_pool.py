import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.engine import create_engine
from app.settings import Settings


@pytest.fixture
async def engine_with_one_connection(impatient_settings: Settings) -> AsyncIterator[AsyncEngine]:
    update = {"database_pool_size": 1, "database_pool_timeout_seconds": 0.2}
    engine = create_engine(impatient_settings.model_copy(update=update))
    yield engine
    await engine.dispose()


async def test_connections_are_given_in_the_order_in_which_they_were_asked_for(
    engine_with_one_connection: AsyncEngine,
) -> None:
    given = []

    async def connect(name: str) -> None:
        async with engine_with_one_connection.connect():
            given.append(name)

    async with asyncio.TaskGroup() as requests:
        async with engine_with_one_connection.connect():
            for name in ("first", "second"):
                requests.create_task(connect(name))
            await asyncio.sleep(0.01)  # both wait by now
        await connect("last")

    assert given == ["first", "second", "last"]


async def test_a_connection_that_could_not_be_had_in_time_is_free_later(
    engine_with_one_connection: AsyncEngine,
) -> None:
    sentence = r"^None of the 1 connections was free for 0\.2 s\.$"

    async with engine_with_one_connection.connect():
        with pytest.raises(exc.TimeoutError, match=sentence):
            async with engine_with_one_connection.connect():
                pass

    async with engine_with_one_connection.connect() as connection:
        assert not connection.closed


async def test_a_connection_that_could_not_be_opened_leaves_its_place_to_the_next_one(
    engine_with_one_connection: AsyncEngine,
) -> None:
    def refuse(*arguments: object) -> None:
        raise ConnectionRefusedError

    event.listen(engine_with_one_connection.sync_engine, "do_connect", refuse)

    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            async with engine_with_one_connection.connect():
                pass
