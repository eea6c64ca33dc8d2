import asyncio

from tests.client import AsyncClient

TITLES = [f"Task {number}" for number in range(5)]


async def test_requests_at_the_same_time_succeed(client: AsyncClient) -> None:
    responses = await asyncio.gather(
        *[client.post("/tasks", json={"title": title}) for title in TITLES]
    )

    assert [response.status_code for response in responses] == [201] * 5
    tasks = (await client.get("/tasks")).json()
    assert sorted(task["title"] for task in tasks) == TITLES


async def test_a_request_that_fails_does_not_disturb_one_at_the_same_time(
    client: AsyncClient,
) -> None:
    created, refused = await asyncio.gather(
        client.post("/tasks", json={"title": "Buy milk"}),
        client.post("/auth/register", json={"email": "ada@example.com", "password": "x" * 8}),
    )

    assert (created.status_code, refused.status_code) == (201, 409)
    assert len((await client.get("/tasks")).json()) == 1
