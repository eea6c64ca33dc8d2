from unittest.mock import ANY

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.chores.models import Priority
from tests.client import AsyncClient
from tests.helpers import problem


@pytest.mark.parametrize("priority", list(Priority))
async def test_a_chore_has_any_priority(client: AsyncClient, priority: Priority) -> None:
    created = await client.post("/chores", json={"title": "Wash up", "priority": priority})

    assert created.status_code == 201
    assert created.json() == {"id": ANY, "title": "Wash up", "priority": priority}
    assert (await client.get(created.headers["Location"])).json() == created.json()


async def test_a_priority_is_stored_by_its_value(
    client: AsyncClient, session: AsyncSession
) -> None:
    await client.post("/chores", json={"title": "Wash up", "priority": "high"})

    assert await session.scalar(text("SELECT priority FROM chores")) == "high"


async def test_a_list_has_only_own_chores_of_a_priority(
    client: AsyncClient, other_client: AsyncClient
) -> None:
    await client.post("/chores", json={"title": "Wash up"})
    await client.post("/chores", json={"title": "Pay the rent", "priority": "high"})
    await other_client.post("/chores", json={"title": "Sleep", "priority": "high"})

    response = await client.get("/chores", params={"priority": "high"})

    assert [chore["title"] for chore in response.json()] == ["Pay the rent"]


async def test_a_priority_that_does_not_exist_is_refused(client: AsyncClient) -> None:
    response = await client.post("/chores", json={"title": "Wash up", "priority": "none"})

    assert response.status_code == 422


async def test_a_chore_that_does_not_exist_is_not_found(client: AsyncClient) -> None:
    response = await client.get("/chores/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such chore.")
