from unittest.mock import ANY

import pytest

from tests.client import AsyncClient
from tests.helpers import problem


async def create_tag(client: AsyncClient, name: str) -> str:
    """Returns the id."""
    response = await client.post("/tags", json={"name": name})
    tag_id: str = response.json()["id"]
    return tag_id


@pytest.fixture
async def task(client: AsyncClient) -> str:
    """The address of a task."""
    return (await client.post("/tasks", json={"title": "Buy milk"})).headers["Location"]


async def names_of_tags(client: AsyncClient, task: str) -> list[str]:
    response = await client.get(f"{task}/tags")
    assert response.status_code == 200
    return [tag["name"] for tag in response.json()]


async def test_a_new_tag_has_its_name(client: AsyncClient) -> None:
    response = await client.post("/tags", json={"name": "home"})

    assert response.status_code == 201
    tag = response.json()
    assert tag == {"id": ANY, "name": "home"}
    assert response.headers["Location"] == f"/tags/{tag['id']}"


async def test_a_name_is_used_only_once(client: AsyncClient) -> None:
    await create_tag(client, "home")

    response = await client.post("/tags", json={"name": "home"})

    assert response.status_code == 409
    assert response.json() == problem(409, "Conflict", "There is a tag with this name.")


async def test_a_list_has_only_the_tags_of_its_owner(
    client: AsyncClient, other_client: AsyncClient
) -> None:
    await create_tag(client, "home")
    await create_tag(other_client, "office")

    response = await client.get("/tags")

    assert response.json() == [{"id": ANY, "name": "home"}]


async def test_a_tag_is_read(client: AsyncClient) -> None:
    tag_id = await create_tag(client, "home")

    response = await client.get(f"/tags/{tag_id}")

    assert response.json() == {"id": tag_id, "name": "home"}


async def test_a_task_has_the_tags_that_were_added(client: AsyncClient, task: str) -> None:
    for name in ("urgent", "home"):
        await client.put(f"{task}/tags/{await create_tag(client, name)}")

    assert await names_of_tags(client, task) == ["home", "urgent"]


async def test_a_tag_can_be_added_twice(client: AsyncClient, task: str) -> None:
    tag_id = await create_tag(client, "home")
    await client.put(f"{task}/tags/{tag_id}")

    response = await client.put(f"{task}/tags/{tag_id}")

    assert response.status_code == 204
    assert await names_of_tags(client, task) == ["home"]


async def test_a_tag_is_removed(client: AsyncClient, task: str) -> None:
    tags = {name: await create_tag(client, name) for name in ("urgent", "home")}
    for tag_id in tags.values():
        await client.put(f"{task}/tags/{tag_id}")

    response = await client.delete(f"{task}/tags/{tags['urgent']}")

    assert response.status_code == 204
    assert await names_of_tags(client, task) == ["home"]


async def test_a_tag_of_another_user_is_not_found(
    client: AsyncClient, other_client: AsyncClient, task: str
) -> None:
    tag_id = await create_tag(other_client, "office")

    response = await client.put(f"{task}/tags/{tag_id}")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such tag.")
