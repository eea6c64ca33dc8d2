from tests.client import AsyncClient


async def test_a_summary_counts_open_and_done_tasks(
    client: AsyncClient, other_client: AsyncClient
) -> None:
    for title in ("Buy milk", "Call Grace", "Sleep"):
        location = (await client.post("/tasks", json={"title": title})).headers["Location"]
    await client.patch(location, json={"done": True})
    await other_client.post("/tasks", json={"title": "Not one of ours"})

    response = await client.get("/summary")

    assert response.status_code == 200
    assert response.json() == {"open": 2, "done": 1}
