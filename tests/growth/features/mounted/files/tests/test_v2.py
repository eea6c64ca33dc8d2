from unittest.mock import ANY

from app.auth.models import User
from tests.client import AsyncClient
from tests.helpers import problem


async def test_a_task_is_created_and_read_by_the_mounted_app(client: AsyncClient) -> None:
    created = await client.post("/v2/tasks", json={"title": "Buy milk"})

    assert created.status_code == 201
    assert created.headers["Location"] == f"/v2/tasks/{created.json()['id']}"
    assert (await client.get(created.headers["Location"])).json() == created.json()


async def test_the_mounted_app_knows_the_user(client: AsyncClient, fake_user: User) -> None:
    response = await client.get("/v2/whoami")

    assert response.status_code == 200
    assert response.json() == {"id": str(fake_user.id), "email": fake_user.email}


async def test_errors_of_the_mounted_app_are_problems(
    client: AsyncClient, anonymous_client: AsyncClient
) -> None:
    missing = await client.get("/v2/tasks/00000000-0000-0000-0000-000000000000")
    unknown = await client.get("/v2/nothing")
    refused = await anonymous_client.get("/v2/whoami")

    assert missing.json() == problem(404, "Not Found", "There is no such task.")
    assert unknown.json() == problem(404, "Not Found")
    assert refused.json() == problem(401, "Unauthorized", ANY)


async def test_405_of_the_mounted_app_lists_the_methods(client: AsyncClient) -> None:
    response = await client.put("/v2/tasks")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"
