from unittest.mock import ANY

import pytest

from app.tickets.models import Status
from tests.client import AsyncClient
from tests.helpers import problem


async def test_a_new_ticket_is_open(client: AsyncClient) -> None:
    response = await client.post("/tickets", json={"subject": "It is broken"})

    assert response.status_code == 201
    assert response.json() == {"id": ANY, "subject": "It is broken", "status": "open"}


@pytest.mark.parametrize("status", list(Status))
async def test_a_changed_status_is_read_back(client: AsyncClient, status: Status) -> None:
    created = await client.post("/tickets", json={"subject": "It is broken"})
    location = created.headers["Location"]

    changed = await client.patch(location, json={"status": status})

    assert changed.status_code == 200
    assert changed.json() == {**created.json(), "status": status}
    assert (await client.get(location)).json() == changed.json()


async def test_a_status_that_does_not_exist_is_refused(client: AsyncClient) -> None:
    location = (await client.post("/tickets", json={"subject": "x"})).headers["Location"]

    response = await client.patch(location, json={"status": "lost"})

    assert response.status_code == 422


async def test_a_ticket_that_does_not_exist_is_not_found(client: AsyncClient) -> None:
    response = await client.get("/tickets/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such ticket.")
