import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.client import AsyncClient


@pytest.fixture
async def task(client: AsyncClient) -> dict[str, Any]:
    task: dict[str, Any] = (await client.post("/tasks", json={"title": "Buy milk"})).json()
    return task


async def next_event(lines: AsyncIterator[str]) -> Any:
    data = await anext(lines)
    assert data.startswith("data: ")
    assert await anext(lines) == ""
    return json.loads(data.removeprefix("data: "))


async def test_the_first_event_is_the_task(client: AsyncClient, task: dict[str, Any]) -> None:
    async with client.stream("GET", f"/tasks/{task['id']}/events") as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert await next_event(response.aiter_lines()) == task


async def test_an_event_has_a_change(client: AsyncClient, task: dict[str, Any]) -> None:
    async with client.stream("GET", f"/tasks/{task['id']}/events") as response:
        lines = response.aiter_lines()
        await client.patch(f"/tasks/{task['id']}", json={"done": True})

        while (event := await next_event(lines)) == task:
            pass  # sent before the change
        assert event == {**task, "done": True}


async def test_the_events_end_with_the_task(client: AsyncClient, task: dict[str, Any]) -> None:
    async with client.stream("GET", f"/tasks/{task['id']}/events") as response:
        lines = response.aiter_lines()
        await client.delete(f"/tasks/{task['id']}")

        async for _ in lines:
            pass  # for ever, if the stream had no end
    assert (await client.get(f"/tasks/{task['id']}")).status_code == 404
