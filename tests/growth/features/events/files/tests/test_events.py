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


async def test_a_change_is_an_event(client: AsyncClient, task: dict[str, Any]) -> None:
    async with client.stream("GET", f"/tasks/{task['id']}/events") as response:
        lines = response.aiter_lines()
        await next_event(lines)
        await client.patch(f"/tasks/{task['id']}", json={"done": True})

        assert await next_event(lines) == {**task, "done": True}


async def test_the_events_end_with_the_task(client: AsyncClient, task: dict[str, Any]) -> None:
    async with client.stream("GET", f"/tasks/{task['id']}/events") as response:
        lines = response.aiter_lines()
        await next_event(lines)
        await client.delete(f"/tasks/{task['id']}")

        assert [line async for line in lines] == []
