from datetime import UTC, datetime, timedelta, timezone
from enum import Enum

import pytest
from fastapi import FastAPI
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    literal,
    select,
    text,
)
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from starlette.types import Message, Receive, Scope, Send

from app.db.base import Base, EnumByValue, UtcDateTime
from app.db.session import SessionDep
from tests.client import ASGITransport, AsyncClient
from tests.helpers import problem


async def test_a_connection_is_back_in_the_pool_before_the_response_is_sent(
    engine: AsyncEngine,
) -> None:
    service = FastAPI()
    service.state.engine = engine
    in_use = []

    @service.get("/")
    async def handler(session: SessionDep) -> None:
        await session.execute(text("SELECT 1"))
        in_use.append(checked_out(engine))

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_observed(message: Message) -> None:
            in_use.append(checked_out(engine))
            await send(message)

        await service(scope, receive, send_observed)

    async with AsyncClient(transport=ASGITransport(observed), base_url="http://test") as client:
        await client.get("/")

    while_handled, *while_sent = in_use
    assert while_sent == [while_handled - 1, while_handled - 1]


def checked_out(engine: AsyncEngine) -> int:
    assert isinstance(engine.pool, AsyncAdaptedQueuePool)
    return engine.pool.checkedout()


def test_a_time_is_stored_in_utc() -> None:
    time = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    stored = UtcDateTime().process_bind_param(time, DefaultDialect())

    assert str(stored) == "2026-01-01 10:00:00+00:00"
    assert stored is not None
    assert stored.tzinfo is UTC


def test_a_time_is_read_in_utc() -> None:
    stored = datetime(2026, 1, 1, 10)  # noqa: DTZ001 - as some databases return it

    read = UtcDateTime().process_result_value(stored, DefaultDialect())

    assert str(read) == "2026-01-01 10:00:00+00:00"


def test_none_is_stored_and_read_as_none() -> None:
    assert UtcDateTime().process_bind_param(None, DefaultDialect()) is None
    assert UtcDateTime().process_result_value(None, DefaultDialect()) is None


class Status(Enum):
    OPEN = "open"
    PAID = "paid"


@pytest.mark.parametrize("value", [Status.PAID, "paid"])
def test_an_enum_is_stored_by_its_value(value: Status | str) -> None:
    assert EnumByValue(Status).process_bind_param(value, DefaultDialect()) == "paid"


def test_an_enum_is_read_as_its_member() -> None:
    assert EnumByValue(Status).process_result_value("paid", DefaultDialect()) is Status.PAID


def test_no_member_is_stored_and_read_as_none() -> None:
    assert EnumByValue(Status).process_bind_param(None, DefaultDialect()) is None
    assert EnumByValue(Status).process_result_value(None, DefaultDialect()) is None


def test_a_value_that_no_member_has_is_not_stored() -> None:
    with pytest.raises(ValueError, match="'lost' is not a valid Status"):
        EnumByValue(Status).process_bind_param("lost", DefaultDialect())


@pytest.mark.parametrize("value", ["x" * 33, 1])
def test_an_enum_whose_values_do_not_fit_is_refused(value: object) -> None:
    unfit = Enum("unfit", {"MEMBER": value})

    with pytest.raises(ValueError, match="at most 32 characters"):
        EnumByValue(unfit)


def test_each_constraint_and_each_index_has_a_name() -> None:
    notes = Table(
        "notes",
        MetaData(naming_convention=Base.metadata.naming_convention),
        Column("id", Integer, index=True),
        PrimaryKeyConstraint("id"),
        UniqueConstraint("id"),
        CheckConstraint("id > 0", name="positive"),
        ForeignKeyConstraint(["id"], ["users.id"]),
    )

    assert {constraint.name for constraint in notes.constraints | notes.indexes} == {
        "ix_notes_id",
        "pk_notes",
        "uq_notes_id",
        "ck_notes_positive",
        "fk_notes_id_users",
    }


async def test_an_error_does_not_show_the_values_of_its_statement(engine: AsyncEngine) -> None:
    statement = select(literal("a secret")).select_from(text("no_such_table"))

    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as error:
            await connection.execute(statement)

    assert "no_such_table" in str(error.value)
    assert "a secret" not in str(error.value)


@pytest.mark.in_process
async def test_a_value_that_cannot_be_stored_is_a_422(client: AsyncClient, app: FastAPI) -> None:
    @app.get("/number")
    async def read_number(session: SessionDep) -> None:
        await session.scalar(select(literal(2**70, BigInteger)))

    response = await client.get("/number")

    assert response.status_code == 422
    assert response.json() == problem(422, "Unprocessable Content", "A value can't be stored.")
