from datetime import timedelta
from unittest.mock import ANY

import pytest

from app.db.base import now
from tests.client import AsyncClient, Response
from tests.helpers import problem


@pytest.fixture
async def task(client: AsyncClient) -> str:
    """The address of a task."""
    return (await client.post("/tasks", json={"title": "Buy milk"})).headers["Location"]


async def upload(client: AsyncClient, task: str, content: bytes = b"\x00\xff") -> Response:
    return await client.post(
        f"{task}/uploads", data={"title": "The receipt"}, files={"file": content}
    )


async def test_an_upload_belongs_to_its_task(client: AsyncClient, task: str) -> None:
    response = await upload(client, task)

    assert response.status_code == 201
    new = response.json()
    assert new == {"id": ANY, "title": "The receipt", "day": now().date().isoformat()}
    assert response.headers["Location"] == f"/uploads/{new['id']}"


async def test_an_upload_is_read_as_it_was_sent(client: AsyncClient, task: str) -> None:
    location = (await upload(client, task)).headers["Location"]

    response = await client.get(location)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.content == b"\x00\xff"


@pytest.mark.parametrize(("length", "status"), [(1_000_000, 201), (1024 * 1024, 413)])
async def test_an_upload_may_be_larger_than_other_bodies(
    client: AsyncClient, task: str, length: int, status: int
) -> None:
    response = await upload(client, task, b"x" * length)

    assert response.status_code == status


@pytest.mark.parametrize(("days", "number"), [(0, 1), (1, 0)])
async def test_uploads_are_listed_from_a_day_on(
    client: AsyncClient, task: str, days: int, number: int
) -> None:
    await upload(client, task)
    since = now().date() + timedelta(days=days)

    response = await client.get(f"{task}/uploads", params={"since": since.isoformat()})

    assert response.status_code == 200
    assert len(response.json()) == number


async def test_an_upload_of_another_user_is_not_found(
    client: AsyncClient, other_client: AsyncClient, task: str
) -> None:
    location = (await upload(client, task)).headers["Location"]

    response = await other_client.get(location)

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such upload.")
