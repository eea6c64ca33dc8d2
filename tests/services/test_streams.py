"""The clients of the tests receive a response while the app sends it."""

from pathlib import Path

import pytest

from evergreen.services import run_suite
from tests.services.test_guards import add_routes

ENDLESS_ROUTE = """
import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.auth.dependencies import CurrentUser
from app.db.session import SessionDep
from app.tasks import service

router = APIRouter(prefix="/tasks", tags=["events"])


@router.get("/{task_id}/events")
async def events(task_id: UUID, user: CurrentUser, session: SessionDep) -> StreamingResponse:
    await service.get_task(session, user, task_id)

    async def ticks() -> AsyncIterator[str]:
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(ticks(), media_type="text/event-stream")
"""
TESTS_OF_THE_ENDLESS_ROUTE = """
import pytest

from tests.client import AsyncClient


@pytest.fixture
async def address(client: AsyncClient) -> str:
    response = await client.post("/tasks", json={"title": "Buy milk"})
    return response.headers["Location"] + "/events"


async def test_the_first_event(client: AsyncClient, address: str) -> None:
    async with client.stream("GET", address) as response:
        assert await anext(response.aiter_lines()) == "data: tick"


async def test_the_raw_bytes(client: AsyncClient, address: str) -> None:
    async with client.stream("GET", address) as response:
        assert await anext(response.aiter_raw()) == b"data: tick\\n\\n"


async def test_the_status(client: AsyncClient, address: str) -> None:
    async with client.stream("GET", address) as response:
        assert response.status_code == 200


async def test_that_fails(client: AsyncClient, address: str) -> None:
    async with client.stream("GET", address) as response:
        assert await anext(response.aiter_lines()) == "data: tack"
"""


@pytest.mark.parametrize("arguments", [(), ("--live",)])
def test_an_endless_response_can_be_tested(
    installed_service: Path, service_to_change: Path, arguments: tuple[str, ...]
) -> None:
    add_routes(service_to_change, "events", ENDLESS_ROUTE)
    file = service_to_change / "tests/test_events.py"
    file.write_text(TESTS_OF_THE_ENDLESS_ROUTE)

    result = run_suite(installed_service, str(file), *arguments, service=service_to_change)

    assert "1 failed, 3 passed" in result.stdout
    assert "< 200 OK\ndata: tick\n\n(not read to its end)\n" in result.stdout


TESTS_IN_PROCESS = """
import asyncio
import gc
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.client import ASGITransport, AsyncClient
from tests.helpers import http_client

ended: list[str] = []
variable: ContextVar[str] = ContextVar("variable", default="unset")
service = FastAPI()


async def endless() -> AsyncIterator[str]:
    try:
        while True:
            yield "data: tick\\n\\n"
    finally:
        ended.append("endless")


@service.get("/endless")
async def get_endless() -> StreamingResponse:
    return StreamingResponse(endless(), media_type="text/event-stream")


@service.get("/slow")
async def get_slow() -> StreamingResponse:
    async def silence() -> AsyncIterator[str]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            ended.append("slow")

    return StreamingResponse(silence())


@service.get("/polite")
async def get_polite(request: Request) -> StreamingResponse:
    async def until_disconnect() -> AsyncIterator[str]:
        try:
            while not await request.is_disconnected():
                yield "tick"
                await asyncio.sleep(0.01)
        finally:
            ended.append("polite")

    return StreamingResponse(until_disconnect())


@service.get("/background")
async def get_background(tasks: BackgroundTasks) -> str:
    async def work() -> None:
        await asyncio.sleep(0.05)
        ended.append("background")

    tasks.add_task(work)
    return variable.get()


@service.get("/broken")
async def get_broken() -> StreamingResponse:
    async def broken() -> AsyncIterator[str]:
        yield "first"
        raise KeyError("after the start")

    return StreamingResponse(broken())


@service.get("/refused")
async def get_refused() -> None:
    raise KeyError("before the start")


@service.get("/many")
async def get_many() -> StreamingResponse:
    return StreamingResponse(f"{number}," for number in range(1000))


async def end_generators() -> None:
    gc.collect()
    await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def nothing_ended() -> None:
    ended.clear()


@pytest.fixture
async def streams() -> AsyncIterator[AsyncClient]:
    before = asyncio.all_tasks()
    yield http_client(ASGITransport(service))
    await end_generators()
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


@pytest.mark.parametrize("path", ["endless", "slow", "polite"])
async def test_a_client_that_leaves_ends_the_app(streams: AsyncClient, path: str) -> None:
    async with streams.stream("GET", f"/{path}") as response:
        assert (await anext(response.aiter_raw())) in (b"data: tick\\n\\n", b"first", b"tick")
    await end_generators()
    assert ended == [path]


async def test_a_body_that_is_not_read_ends_the_app(streams: AsyncClient) -> None:
    async with streams.stream("GET", "/endless") as response:
        assert response.status_code == 200
    await end_generators()
    assert ended == ["endless"]


async def test_a_request_with_a_time_limit_ends_the_app(streams: AsyncClient) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await streams.get("/slow")
    assert ended == ["slow"]


async def test_a_response_has_ended_when_its_background_tasks_have(streams: AsyncClient) -> None:
    variable.set("of the test")
    assert (await streams.get("/background")).json() == "of the test"
    assert ended == ["background"]
    async with streams.stream("GET", "/background") as response:
        assert await response.aread() == b'"of the test"'
    assert ended == ["background"] * 2


async def test_exceptions_of_the_app_are_raised(streams: AsyncClient) -> None:
    with pytest.raises(KeyError, match="after"):
        await streams.get("/broken")
    with pytest.raises(KeyError, match="before"):
        await streams.get("/refused")
    async with streams.stream("GET", "/broken") as response:
        chunks = response.aiter_text()
        assert await anext(chunks) == "first"
        with pytest.raises(KeyError, match="after"):
            await anext(chunks)
    with pytest.raises(KeyError, match="after"):
        async with streams.stream("GET", "/broken") as response:
            pass


async def test_a_body_of_many_parts_is_complete(streams: AsyncClient) -> None:
    assert len((await streams.get("/many")).text.split(",")) == 1001
    assert (await streams.head("/many")).status_code == 405


async def test_exceptions_of_the_app_can_be_ignored() -> None:
    client = http_client(ASGITransport(service, raise_app_exceptions=False))
    assert (await client.get("/refused")).status_code == 500
    assert (await client.get("/broken")).text == "first"


async def test_an_app_that_ignores_the_disconnect_is_cancelled(streams: AsyncClient) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0)
        finally:
            ended.append("raw")

    async with http_client(ASGITransport(app)).stream("GET", "/") as response:
        await anext(response.aiter_raw())
    assert ended == ["raw"]


async def test_an_app_without_a_response_is_an_error(streams: AsyncClient) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    with pytest.raises(AssertionError):
        await http_client(ASGITransport(app)).get("/")


async def test_responses_can_be_read_at_the_same_time(streams: AsyncClient) -> None:
    responses = await asyncio.gather(*(streams.get("/many") for _ in range(5)))
    assert {len(response.text) for response in responses} == {3890}
"""


def test_a_streamed_response_in_the_process_of_the_tests_ends_like_any_other(
    installed_service: Path, service_to_change: Path
) -> None:
    file = service_to_change / "tests/test_streams.py"
    file.write_text(TESTS_IN_PROCESS)

    result = run_suite(installed_service, str(file), "--timeout=10", service=service_to_change)

    assert result.returncode == 0, result.stdout
