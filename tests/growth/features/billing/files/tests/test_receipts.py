from unittest.mock import ANY

from tests.client import AsyncClient
from tests.helpers import problem

NEW = {"shop": "Corner shop", "amount": "12.5", "bought_on": "2026-12-24"}


async def test_a_new_receipt_is_read_back(client: AsyncClient) -> None:
    created = await client.post("/billing/receipts", json=NEW)

    assert created.status_code == 201
    assert created.json() == {**NEW, "id": ANY, "amount": "12.50"}
    assert created.headers["Location"] == f"/billing/receipts/{created.json()['id']}"
    assert (await client.get(created.headers["Location"])).json() == created.json()


async def test_a_receipt_that_does_not_exist_is_not_found(client: AsyncClient) -> None:
    response = await client.get("/billing/receipts/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such receipt.")
